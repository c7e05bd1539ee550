"""One installation of a soak: lost responses, bad cards, killed workers; at the end its claims are checked."""

import asyncio
import contextlib
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.progress import Progress
from sqlmodel import col, func, select

from activities.payments.fault_injection import FaultInjection
from benchmarks.databases import on_postgres
from demo.api_client import ApiClient
from demo.mailbox import Mailbox
from devstack.commands import scratch_settings
from devstack.stack import Part, Stack
from domain.kinds import HoldPolicy
from domain.policy import Policy
from store.database import Database
from store.reads.outbox import list_mails, outbox_status
from store.tables.claims import ClaimRow
from store.tables.mails import MailRow
from tests.payments.claim_snapshot import ClaimSnapshot, claim_snapshot
from tests.payments.invariants import violations
from tests.soak.random_claim import RandomClaim
from tests.soak.tally import Tally, console
from tests.soak.troubles import Troubles

DECLINED: Final = "payment_declined"
_MAIL_SECONDS: Final = 120.0
_LOST_LINE: Final = "No answer came for"


@dataclass
class Soak:
    """One installation with its policy, and what became of its claims."""

    policy: HoldPolicy
    claims: int
    kills: int
    seed: int
    lost: float
    at_once: int
    postgres: bool = False
    troubles: int = 0
    tally: Tally = field(default_factory=Tally)

    async def run(self, progress: Progress) -> Tally:
        with tempfile.TemporaryDirectory(prefix="aftercare-soak-") as folder, self._database() as other:
            settings, silent = scratch_settings(Path(folder)), f"{folder}/silent"
            settings = settings.model_copy(
                update={
                    "database_url": other or settings.database_url,
                    "policy": replace(Policy(), hold_policy=self.policy),
                    "simulated_mischief": FaultInjection(
                        lose_answers=self.lost,
                        repeat=0.3,
                        shuffle=True,
                        delay_seconds=3,
                        seed=self.seed,
                        silent_file=silent,
                    ),
                }
            )
            database = Database(settings.database_url)
            try:
                async with Stack(settings, on_line=self._read) as stack, ApiClient(stack.api_url) as client:
                    dice = random.Random(self.seed)  # noqa: S311
                    troubles = Troubles(database, Path(silent), dice, self.tally.counts)
                    await self._live(stack, client, Mailbox(settings.mail_folder, database), troubles, progress)
                    await self._mails_out(database)
                await self._audit(database)
            finally:
                await database.close()
        return self.tally

    def _database(self) -> AbstractContextManager[str]:
        return on_postgres() if self.postgres else contextlib.nullcontext("")

    def _read(self, _part: Part, line: str) -> None:
        self.tally.counts["lost answers"] += _LOST_LINE in line

    async def _mails_out(self, database: Database) -> None:
        """Until every mail is out, which the worker's deaths may delay; one that never is, is wrong."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MAIL_SECONDS):
                while (await outbox_status(database, sent=0)).waiting:
                    await asyncio.sleep(0.2)
        for line in await list_mails(database, size=1000):
            sentence = f"the mail {line.kind} {line.occurrence} did not go out after {line.attempts} failed attempts"
            self.tally.wrong.setdefault(line.claim_id, []).append(sentence)
        async with database.snapshot() as session:
            self.tally.counts["mails sent"] = int((await session.exec(select(func.count()).select_from(MailRow))).one())

    async def _live(
        self, stack: Stack, client: ApiClient, mailbox: Mailbox, troubles: Troubles, progress: Progress
    ) -> None:
        task = progress.add_task(self.policy.replace("_", " "), total=self.claims)
        gate, done = asyncio.Semaphore(self.at_once), asyncio.Queue[int]()

        async def one(number: int) -> None:
            async with gate:
                case = RandomClaim(client, mailbox, number, self.seed)
                refusal = await case.live()
            if refusal is not None:
                self.tally.counts["turned away at once"] += 1
                if DECLINED not in refusal:
                    self.tally.turned_away.append(f"customer {number}: {refusal}")
            done.put_nowait(number)
            progress.advance(task)

        async def kill() -> None:
            await stack.kill("worker")
            self.tally.counts["worker kills"] += 1
            await stack.start("worker")

        async def reset() -> None:
            await troubles.reset(stack.client)

        async def make_trouble() -> None:
            """Each trouble comes when the so-manieth claim is done, whatever the others are in the middle of."""
            dice = random.Random(self.seed)  # noqa: S311
            kinds = [kill] * self.kills + [troubles.capture_by_hand, reset, troubles.outage] * self.troubles
            when: dict[int, list[Callable[[], Coroutine[Any, Any, None]]]] = defaultdict(list)
            for trouble in kinds:
                when[dice.randint(1, max(self.claims * 9 // 10, 1))].append(trouble)
            for ended in range(1, self.claims + 1):
                await done.get()
                for trouble in when[ended]:
                    await trouble()

        killing = asyncio.create_task(make_trouble())
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(1, self.claims + 1):
                    group.create_task(one(number))
            await killing
        finally:
            killing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await killing

    async def _audit(self, database: Database) -> None:
        async with database.snapshot() as session:
            ids = list(await session.exec(select(ClaimRow.id).order_by(col(ClaimRow.id))))
        for claim_id in ids:
            file = await _file(database, claim_id, replace(Policy(), hold_policy=self.policy))
            found = violations(file)
            if found:
                sentences = [f"{each.number}: {each.sentence}" for each in found]
                self.tally.wrong.setdefault(claim_id, []).extend(sentences)
                self.tally.timelines[claim_id] = [f"{event.at:%m-%d %H:%M:%S} {event.kind}" for event in file.events]
                self.tally.broken.update({each.number for each in found})
            self._count(file)

    def _count(self, file: ClaimSnapshot) -> None:
        counts, kinds = self.tally.counts, Counter(event.kind for event in file.events)
        counts["claims"] += 1
        counts["holds placed"] += len(file.holds)
        counts["renewals"] += len(file.holds[1:])
        counts["renewals declined"] += kinds["hold_declined"]
        for status in ("released", "expired", "captured"):
            counts[f"holds {status}"] += sum(hold.status == status for hold in file.holds)
        counts["charges"] += len(file.payments) - len(file.holds)
        counts["refunds"] += sum(payment.refunded > 0 for payment in file.payments)
        counts["deposits taken"] += kinds["deposit_taken"]
        counts["amounts owed"] += kinds["amount_owed"]
        counts["still open"] += not file.closed
        self.tally.outcomes[file.claim.outcome or "open"] += 1


async def _file(database: Database, claim_id: str, policy: Policy) -> ClaimSnapshot:
    """The claim after its last event; no worker runs any more."""
    file = await claim_snapshot(database, claim_id, datetime.now(UTC), policy)
    assert file is not None, "its row is there"
    return replace(file, now=max(event.at for event in file.events))


async def soak(
    claims: int, kills: int, seed: int, lost: float, at_once: int, postgres: bool = False, troubles: int = 0
) -> dict[str, Tally]:
    """A third of the claims under each policy for a hold that cannot be renewed."""
    tallies: dict[str, Tally] = {}
    with Progress(console=console, transient=True) as progress:
        for n, policy in enumerate(HoldPolicy):
            share = claims // 3 + (n < claims % 3)
            tallies[policy] = await Soak(policy, share, kills, seed + n, lost, at_once, postgres, troubles).run(
                progress
            )
    return tallies
