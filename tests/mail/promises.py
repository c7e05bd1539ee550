"""What the outbox promises, as a script with everything that goes wrong, and what is broken at its end.

Promised of a mail whose claim was saved: it is sent, or given up and told to its claim. It is sent once; a second time
only after a death between sending and noting, under the same Message-ID. A claim's mails go out in their order. No mail
waits for one that was given up. Of a claim that was not saved no mail is sent.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.mail import OutgoingMail
from messages.mail import MailKind, Notice
from messages.record import SaveClaim
from store import outbox
from store.database import Database
from store.writes.claims import save_claim
from tests.mail.outbox import ARRIVED, REBIND, SHIPPED, Clock, NotingPost, claim_of, in_outbox, notice, save_of

Save = Callable[[AsyncSession, SaveClaim, NotingPost], Awaitable[None]]
EXTENDED, IN_TRANSIT, DUE_DAY = (notice(kind) for kind in (MailKind.EXTENDED, MailKind.IN_TRANSIT, MailKind.DUE_DAY))


class Broken(StrEnum):
    """A promise that was not kept."""

    UNSAVED = "sent, although its claim was not saved"
    LOST = "neither sent nor told as given up"
    REPEATED = "sent again, although it had been noted"
    RENAMED = "sent again under another Message-ID"
    DISORDERED = "sent before an earlier mail of its claim"
    STUCK = "still waiting when nothing is in its way"


class Killed(BaseException):
    """The worker's process was killed."""


class Deadly(NotingPost):
    """Kills the worker instead of taking the mail, when it is told to."""

    def __init__(self) -> None:
        super().__init__(at_once=25)
        self.kills = False

    async def deliver(self, message: EmailMessage, name: str) -> None:
        if self.kills:
            raise Killed
        await super().deliver(message, name)


async def save_in_the_outbox(session: AsyncSession, save: SaveClaim, _post: NotingPost) -> None:
    await save_claim(session, save)


@dataclass
class Programme:
    """Claims a, b and c of `database`, whose mails are sent by `kind`."""

    database: Database
    kind: type[OutgoingMail] = OutgoingMail
    save: Save = save_in_the_outbox
    post: Deadly = field(default_factory=Deadly)
    clock: Clock = field(default_factory=Clock)
    told: list[str] = field(default_factory=list)
    """The names of the mails of saved claims, in their order."""
    not_noted: Counter[str] = field(default_factory=Counter)
    _versions: Counter[str] = field(default_factory=Counter)

    async def saved(self, letter: str, *notices: Notice, run_id: str = "run-1", undone: bool = False) -> None:
        """`undone`: the transaction fails at its end."""
        self._versions[letter] += 1
        claim = claim_of(letter)
        try:
            async with self.database.writing() as session:
                await self.save(session, save_of(claim, notices, self._versions[letter], run_id), self.post)
                if undone:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            return
        names = [f"{claim.id}.{each.kind}.{each.occurrence}" for each in notices]
        self.told += [name for name in names if name not in self.told]

    def __post_init__(self) -> None:
        self._worker = self._started()

    def _started(self) -> OutgoingMail:
        return self.kind(self.database, self.post, now=self.clock)

    async def delivered(self) -> None:
        while True:
            done = await self._worker.deliver_due()
            if not (done.sent or done.given_up or done.more):
                return

    async def dies_before_it_notes(self) -> None:
        async def dies(_batch: object) -> None:
            raise Killed

        setattr(self._worker, "_note", dies)  # noqa: B010
        before = len(self.post.sent)
        try:
            await self._worker.deliver_due()
        except Killed:
            self.not_noted.update(self.post.names[before:])
        self._worker = self._started()

    async def dies_before_it_sends(self) -> None:
        self.post.kills = True
        try:
            await self.delivered()
        except Killed:
            self.post.kills = False
        self._worker = self._started()

    async def hours_pass(self, hours: int) -> None:
        for _ in range(hours):
            self.clock.forward(hours=1)
            await self.delivered()


async def everything_goes_wrong(programme: Programme) -> None:
    """Undone saves, a reset, failures, deaths, and a mail that is refused for ever."""
    here, post = programme, programme.post
    await here.saved("c", SHIPPED, undone=True)
    await here.saved("a", SHIPPED, REBIND)
    await here.saved("b", SHIPPED)
    await here.delivered()
    await here.saved("a", SHIPPED, REBIND, run_id="after a reset")
    await here.delivered()

    post.refuses = "clm_b.rebind"
    await here.saved("b", REBIND, ARRIVED)
    await here.saved("a", ARRIVED)
    await here.delivered()
    here.clock.forward(seconds=10)
    await here.delivered()
    await here.saved("b", EXTENDED)
    await here.delivered()
    post.refuses = None
    await here.hours_pass(1)

    await here.saved("c", ARRIVED)
    await here.dies_before_it_notes()
    await here.delivered()
    await here.saved("c", REBIND)
    await here.dies_before_it_sends()
    await here.delivered()

    post.refuses = "clm_b.in_transit"
    await here.saved("b", IN_TRANSIT, DUE_DAY)
    await here.hours_pass(75)


async def broken(programme: Programme) -> dict[str, Broken]:
    """The mails with which a promise was not kept, by name."""
    told, sent = programme.told, programme.post.sent
    counts = Counter(name for name, _ in sent)
    rows = {f"{row.claim_id}.{row.kind}.{row.occurrence}": row for row in await in_outbox(programme.database)}
    untold = {each.number for each in await outbox.untold(programme.database, 100)}
    found: dict[str, Broken] = {name: Broken.UNSAVED for name in counts if name not in told}
    for name in told:
        row = rows.get(name)
        given_up = row is not None and row.failed_at is not None and row.id in untold
        if row is not None and not given_up:
            found[name] = Broken.STUCK
        elif not counts[name] and not given_up:
            found[name] = Broken.LOST
        elif counts[name] > 1 + programme.not_noted[name]:
            found[name] = Broken.REPEATED
        elif len({message["Message-ID"] for each, message in sent if each == name}) > 1:
            found[name] = Broken.RENAMED
    found |= _disordered([name for name, _ in sent if name in told], told)
    return found


def _disordered(sent: Sequence[str], told: Sequence[str]) -> dict[str, Broken]:
    """Each mail of a claim that went out for the first time after one that was told later had."""
    found, latest = dict[str, Broken](), Counter[str]()
    for name in dict.fromkeys(sent):
        claim_id = name.partition(".")[0]
        place = told.index(name) + 1
        if place < latest[claim_id]:
            found[name] = Broken.DISORDERED
        latest[claim_id] = max(latest[claim_id], place)
    return found
