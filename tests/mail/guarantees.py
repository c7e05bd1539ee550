"""The guarantees of the outbox: a scenario with every kind of failure, and the guarantees broken at its end.

A mail whose claim was saved is sent, or given up and reported to its claim. It is sent once; a second time only after a
crash between delivery and record, under the same Message-ID. A claim's mails are sent in their order. No mail waits for
one that was given up. No mail is sent for a claim that was not saved.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.mail.activities import OutgoingMail
from messages.mail import MailKind, Notice
from messages.record import SaveClaim
from store.database import Database
from store.reads.outbox import unreported_mails
from tests.mail.outbox import (
    ARRIVED,
    REBIND,
    SHIPPED,
    Clock,
    RecordingTransport,
    claim_of,
    in_outbox,
    notice,
    save_newest,
    save_of,
)

Save = Callable[[AsyncSession, SaveClaim, RecordingTransport], Awaitable[None]]
EXTENDED, IN_TRANSIT, DUE_DAY = (notice(kind) for kind in (MailKind.EXTENDED, MailKind.IN_TRANSIT, MailKind.DUE_DAY))


class BrokenGuarantee(StrEnum):
    """A guarantee that was not kept."""

    UNSAVED = "sent, although its claim was not saved"
    LOST = "neither sent nor reported as given up"
    REPEATED = "sent again, although it had been recorded"
    RENAMED = "sent again under another Message-ID"
    DISORDERED = "sent before an earlier mail of its claim"
    STUCK = "still waiting when nothing is in its way"


class Killed(BaseException):
    """The worker's process was killed."""


class CrashingTransport(RecordingTransport):
    """Kills the worker instead of delivering, while `kills` is set."""

    def __init__(self) -> None:
        super().__init__(batch_size=25)
        self.kills = False

    async def deliver(self, message: Message, name: str) -> None:
        if self.kills:
            raise Killed
        await super().deliver(message, name)


async def save_with_outbox(session: AsyncSession, save: SaveClaim, _transport: RecordingTransport) -> None:
    await save_newest(session, save)


@dataclass
class DeliveryScenario:
    """Claims a, b and c of `database`, whose mails are sent by `kind`."""

    database: Database
    kind: type[OutgoingMail] = OutgoingMail
    save: Save = save_with_outbox
    transport: CrashingTransport = field(default_factory=CrashingTransport)
    clock: Clock = field(default_factory=Clock)
    expected: list[str] = field(default_factory=list)
    """The names of the mails of saved claims, in their order."""
    not_recorded: Counter[str] = field(default_factory=Counter)
    _versions: Counter[str] = field(default_factory=Counter)

    async def saved(self, suffix: str, *notices: Notice, run_id: str = "run-1", rolled_back: bool = False) -> None:
        """`rolled_back`: the transaction fails at its end."""
        self._versions[suffix] += 1
        claim = claim_of(suffix)
        try:
            async with self.database.transaction() as session:
                await self.save(session, save_of(claim, notices, self._versions[suffix], run_id), self.transport)
                if rolled_back:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            return
        names = [f"{claim.id}.{each.kind}.{each.occurrence}" for each in notices]
        self.expected += [name for name in names if name not in self.expected]

    def __post_init__(self) -> None:
        self._worker = self._started()

    def _started(self) -> OutgoingMail:
        return self.kind(self.database, self.transport, now=self.clock)

    async def delivered(self) -> None:
        while True:
            done = await self._worker.deliver_due()
            if not (done.sent or done.given_up or done.more):
                return

    async def crash_before_record(self) -> None:
        async def crash(_batch: object) -> None:
            raise Killed

        setattr(self._worker, "_record", crash)  # noqa: B010
        before = len(self.transport.sent)
        try:
            await self._worker.deliver_due()
        except Killed:
            self.not_recorded.update(self.transport.names[before:])
        self._worker = self._started()

    async def crash_before_delivery(self) -> None:
        self.transport.kills = True
        try:
            await self.delivered()
        except Killed:
            self.transport.kills = False
        self._worker = self._started()

    async def pass_hours(self, hours: int) -> None:
        for _ in range(hours):
            self.clock.forward(hours=1)
            await self.delivered()


async def run_with_failures(scenario: DeliveryScenario) -> None:
    """Rolled back saves, a reset, failures, crashes, and a mail that is refused for ever."""
    transport = scenario.transport
    await scenario.saved("c", SHIPPED, rolled_back=True)
    await scenario.saved("a", SHIPPED, REBIND)
    await scenario.saved("b", SHIPPED)
    await scenario.delivered()
    await scenario.saved("a", SHIPPED, REBIND, run_id="after a reset")
    await scenario.delivered()

    transport.refuses = "clm_b.rebind"
    await scenario.saved("b", REBIND, ARRIVED)
    await scenario.saved("a", ARRIVED)
    await scenario.delivered()
    scenario.clock.forward(seconds=10)
    await scenario.delivered()
    await scenario.saved("b", EXTENDED)
    await scenario.delivered()
    transport.refuses = None
    await scenario.pass_hours(1)

    await scenario.saved("c", ARRIVED)
    await scenario.crash_before_record()
    await scenario.delivered()
    await scenario.saved("c", REBIND)
    await scenario.crash_before_delivery()
    await scenario.delivered()

    transport.refuses = "clm_b.in_transit"
    await scenario.saved("b", IN_TRANSIT, DUE_DAY)
    await scenario.pass_hours(75)


async def broken_guarantees(scenario: DeliveryScenario) -> dict[str, BrokenGuarantee]:
    """The mails with which a guarantee was not kept, by name."""
    expected, sent = scenario.expected, scenario.transport.sent
    counts = Counter(name for name, _ in sent)
    rows = {f"{row.claim_id}.{row.kind}.{row.occurrence}": row for row in await in_outbox(scenario.database)}
    unreported = {each.number for each in await unreported_mails(scenario.database, 100)}
    found: dict[str, BrokenGuarantee] = {name: BrokenGuarantee.UNSAVED for name in counts if name not in expected}
    for name in expected:
        row = rows.get(name)
        given_up = row is not None and row.failed_at is not None and row.id in unreported
        if row is not None and not given_up:
            found[name] = BrokenGuarantee.STUCK
        elif not counts[name] and not given_up:
            found[name] = BrokenGuarantee.LOST
        elif counts[name] > 1 + scenario.not_recorded[name]:
            found[name] = BrokenGuarantee.REPEATED
        elif len({message["Message-ID"] for each, message in sent if each == name}) > 1:
            found[name] = BrokenGuarantee.RENAMED
    found |= _disordered([name for name, _ in sent if name in expected], expected)
    return found


def _disordered(sent: Sequence[str], expected: Sequence[str]) -> dict[str, BrokenGuarantee]:
    """Each mail of a claim that was first sent after one that was written later."""
    found, latest = dict[str, BrokenGuarantee](), Counter[str]()
    for name in dict.fromkeys(sent):
        claim_id = name.partition(".")[0]
        place = expected.index(name) + 1
        if place < latest[claim_id]:
            found[name] = BrokenGuarantee.DISORDERED
        latest[claim_id] = max(latest[claim_id], place)
    return found
