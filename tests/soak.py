"""The soak: many Premium claims on the real parts, with lost answers, bad cards and killed workers; then the books.

`python -m tests.soak --help`. Customers, warehouse and staff act at random, each claim on its own clock, until it
is closed. Ends with 1 when an invariant of the money does not hold, naming the claims.
"""

import asyncio
import contextlib
import json
import random
import tempfile
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlmodel import col, func, select

from activities.mischief import Mischief
from benchmarks.databases import on_postgres
from demo.case import Case
from demo.client import Answer, Client, NoAnswer, Refused
from demo.mailbox import Mailbox
from dev import Part, Stack, scratch_settings
from domain.kinds import HoldPolicy
from domain.policy import Policy
from store import outbox
from store.database import Database
from store.payment_tables import MailRow
from store.tables import ClaimRow
from tests.payments.claim_file import ClaimFile, claim_file
from tests.payments.invariants import RULES, violations

RESULTS: Final = Path(".aftercare") / "benchmarks"
CARDS: Final = {
    "pm_card_visa": 62,
    "pm_card_mastercard": 10,
    "pm_card_amex": 10,
    "pm_card_heldTwice": 5,
    "pm_card_heldTwiceOnly": 4,
    "pm_card_chargeCustomerFail": 4,
    "pm_card_authenticationRequired": 2,
    "pm_card_chargeDeclined": 2,
    "pm_card_chargeDeclinedInsufficientFunds": 1,
}
"""Of a hundred customers so many have each: three in a hundred are declined at once, fifteen some time later."""
INVARIANTS: Final = [number for number, _ in RULES]
"""By number. The sixth is the first five with answers lost, the fifteenth all of them with webhooks told again and in
any order: both happen to every claim here."""
DECLINED: Final = "payment_declined"
_STEPS: Final = 60
_JUDGED_SECONDS: Final = 600.0
_MAIL_SECONDS: Final = 120.0
_LOST_LINE: Final = "No answer came for"

app = typer.Typer(add_completion=False)
console = Console(width=100)


@dataclass(frozen=True, slots=True)
class Anybody:
    customer: str
    model: str = "mini-se"
    region: str = "US"


@dataclass
class Tally:
    """What was counted, and what was found wrong: `wrong` claim id -> sentences, `broken` by invariant.

    `turned_away`: what customers were told who got no claim, for another reason than their card.
    """

    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    turned_away: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    broken: Counter[int] = field(default_factory=Counter)


class Restless(Case):
    """A claim whose people act at random. What the programme refuses, it refuses; the next thing is tried then."""

    def __init__(self, client: Client, mailbox: Mailbox, number: int, seed: int) -> None:
        super().__init__(client, mailbox, number, Anybody(f"Customer {number}"), lambda _step: None)
        self._dice = random.Random(f"{seed}:{number}")  # noqa: S311  # repeatable, not secret
        self._card = self._dice.choices(list(CARDS), list(CARDS.values()))[0]
        self._comes_back = self._dice.random() < 0.7

    async def live(self) -> str | None:
        """Until the claim is closed; what the customer was told who was turned away at once."""
        try:
            await self.register()
            await self.buy_plan()
            await self.claim_express("premium", "collision", card=self._card)
        except Refused as refusal:
            return str(refusal)
        except NoAnswer as silence:
            if not hasattr(self, "claim"):
                return str(silence)  # otherwise it will be judged when somebody works again
        for _ in range(_STEPS):
            try:
                self.claim = await self._client.get(self._path())
                if self.claim["state"] == "closed" and not self._still_asks():
                    break
                await self._do_something()
            except Refused:
                continue
            except NoAnswer:
                await asyncio.sleep(1)
        return None

    def _still_asks(self) -> bool:
        """Of those who owe something after the end half pay."""
        actions = self.claim["allowed_actions"]
        return "payment_method" in actions and self._dice.random() < 0.5

    async def _do_something(self) -> None:
        dice, claim = self._dice, self.claim
        if "decision" in claim["allowed_actions"]:
            await self._act("decision", {"approve": dice.random() < 0.5, "reason": "Looked at it."})
        elif "payment_method" in claim["allowed_actions"] and dice.random() < 0.4:
            card = dice.choice(["pm_card_visa", "pm_card_amex", "pm_card_chargeDeclined", self._card])
            await self._act("payment-method", {"payment_method": card})
        elif "waiver" in claim["allowed_actions"] and dice.random() < 0.02:
            await self._act("waiver", {"reason": "Goodwill."})
        else:
            await self._go_on()

    async def _go_on(self) -> None:
        dice = self._dice
        match self.claim["state"]:
            case "submitted":
                await self._until_judged()
            case "awaiting_dispatch":
                await dice.choices([self.ship_replacement, self.cancel, self._some_days], [75, 10, 15])[0]()
            case "awaiting_return":
                home = 25 if self._comes_back else 0
                choices = [self._some_days, self.hand_to_carrier, self.parcel_arrives, self._more_days]
                await dice.choices(
                    [*choices, self.wait_until_due], [45, home / 3, home, 8, 10 if self._comes_back else 40]
                )[0]()
            case "inspecting":
                await self._look_into_the_box()
            case "awaiting_parts":
                choices = [self.pay_for_parts, self.parcel_arrives, self._some_days, self.wait_until_due]
                await dice.choices(choices, [30, 20, 20, 30])[0]()
            case _:  # a cure is waited for, or a late return
                await dice.choices([self.parcel_arrives, self._some_days, self.wait_until_due], [30, 20, 50])[0]()

    async def _until_judged(self) -> None:
        """Six lost answers in a row, of hold or fee, are a minute: the retries wait ever longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_JUDGED_SECONDS):
                while (await self._client.get(self._path()))["state"] == "submitted":
                    await asyncio.sleep(1)

    async def _some_days(self) -> None:
        await self.wait_days(self._dice.randint(1, 6))

    async def _more_days(self) -> None:
        await self.extend(self._dice.randint(1, 7))

    async def _look_into_the_box(self) -> None:
        box = self._dice.random()
        if box < 0.15:
            await self._some_days()
        elif box < 0.3:
            await self.inspect(serial="WRONG1")
        elif box < 0.45:
            await self.inspect(without="propellers")
        else:
            await self.inspect()


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
    tally: Tally = field(default_factory=Tally)

    async def run(self, progress: Progress) -> Tally:
        with tempfile.TemporaryDirectory(prefix="aftercare-soak-") as folder, self._database() as other:
            settings = scratch_settings(Path(folder))
            settings = settings.model_copy(
                update={
                    "database_url": other or settings.database_url,
                    "policy": replace(Policy(), hold_policy=self.policy),
                    "simulated_mischief": Mischief(
                        lose_answers=self.lost, repeat=0.3, shuffle=True, delay_seconds=3, seed=self.seed
                    ),
                }
            )
            database = Database(settings.database_url)
            try:
                async with Stack(settings, on_line=self._read) as stack, Client(stack.api_url) as client:
                    await self._live(stack, client, Mailbox(settings.mail_folder, database), progress)
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
                while (await outbox.standing(database, sent=0)).waiting:
                    await asyncio.sleep(0.2)
        for line in await outbox.listed(database, size=1000):
            sentence = f"the mail {line.kind} {line.occurrence} did not go out after {line.attempts} failed attempts"
            self.tally.wrong.setdefault(line.claim_id, []).append(sentence)
        async with database.reading() as session:
            self.tally.counts["mails sent"] = int((await session.exec(select(func.count()).select_from(MailRow))).one())

    async def _live(self, stack: Stack, client: Client, mailbox: Mailbox, progress: Progress) -> None:
        task = progress.add_task(self.policy.replace("_", " "), total=self.claims)
        gate, done = asyncio.Semaphore(self.at_once), asyncio.Queue[int]()

        async def one(number: int) -> None:
            async with gate:
                case = Restless(client, mailbox, number, self.seed)
                told = await case.live()
            if told is not None:
                self.tally.counts["turned away at once"] += 1
                if DECLINED not in told:
                    self.tally.turned_away.append(f"customer {number}: {told}")
            done.put_nowait(number)
            progress.advance(task)

        async def killer() -> None:
            """The worker dies when the so-manieth claim is done, whatever the others are in the middle of."""
            dice = random.Random(self.seed)  # noqa: S311
            deaths = Counter(dice.randint(1, max(self.claims * 9 // 10, 1)) for _ in range(self.kills))
            for ended in range(1, self.claims + 1):
                await done.get()
                for _ in range(deaths[ended]):
                    await stack.kill("worker")
                    self.tally.counts["worker kills"] += 1
                    await stack.start("worker")

        killing = asyncio.create_task(killer())
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
        async with database.reading() as session:
            ids = list(await session.exec(select(ClaimRow.id).order_by(col(ClaimRow.id))))
        for claim_id in ids:
            file = await _file(database, claim_id, replace(Policy(), hold_policy=self.policy))
            found = violations(file)
            if found:
                sentences = [f"{each.number}: {each.sentence}" for each in found]
                self.tally.wrong.setdefault(claim_id, []).extend(sentences)
                self.tally.broken.update({each.number for each in found})
            self._count(file)

    def _count(self, file: ClaimFile) -> None:
        counts, told = self.tally.counts, Counter(event.kind for event in file.events)
        counts["claims"] += 1
        counts["holds placed"] += len(file.holds)
        counts["renewals"] += len(file.holds[1:])
        counts["renewals declined"] += told["hold_declined"]
        for status in ("released", "expired", "captured"):
            counts[f"holds {status}"] += sum(hold.status == status for hold in file.holds)
        counts["charges"] += len(file.payments) - len(file.holds)
        counts["refunds"] += sum(payment.refunded > 0 for payment in file.payments)
        counts["deposits taken"] += told["deposit_taken"]
        counts["amounts owed"] += told["amount_owed"]
        counts["still open"] += not file.closed
        self.tally.outcomes[file.claim.outcome or "open"] += 1


async def _file(database: Database, claim_id: str, policy: Policy) -> ClaimFile:
    """As it stands after the last thing that was told of it: nobody works here any more."""
    file = await claim_file(database, claim_id, datetime.now(UTC), policy)
    assert file is not None, "its row is there"
    return replace(file, now=max(event.at for event in file.events))


async def soak(
    claims: int, kills: int, seed: int, lost: float, at_once: int, postgres: bool = False
) -> dict[str, Tally]:
    """A third of the claims under each policy for a hold that cannot be kept."""
    tallies: dict[str, Tally] = {}
    with Progress(console=console, transient=True) as progress:
        for n, policy in enumerate(HoldPolicy):
            share = claims // 3 + (n < claims % 3)
            tallies[policy] = await Soak(policy, share, kills, seed + n, lost, at_once, postgres).run(progress)
    return tallies


def show(tallies: dict[str, Tally]) -> None:
    table = Table("", *(policy.replace("_", " ") for policy in tallies), title="The money of many claims")
    for name in dict.fromkeys(name for tally in tallies.values() for name in tally.counts):
        table.add_row(name, *(str(tally.counts[name]) for tally in tallies.values()))
    table.add_section()
    for name in sorted({name for tally in tallies.values() for name in tally.outcomes}):
        table.add_row(name.replace("_", " "), *(str(tally.outcomes[name]) for tally in tallies.values()))
    table.add_section()
    for number in INVARIANTS:
        kept = (
            f"{tally.counts['claims'] - tally.broken[number]} of {tally.counts['claims']}" for tally in tallies.values()
        )
        table.add_row(f"invariant {number} holds", *kept)
    table.add_section()
    table.add_row("violations", *(str(sum(map(len, tally.wrong.values()))) for tally in tallies.values()))
    console.print(table)
    for tally in tallies.values():
        for claim_id, said in tally.wrong.items():
            console.print(f"[bold red]{claim_id}[/] {'; '.join(said)}", soft_wrap=True)
        for told in tally.turned_away:
            console.print(f"[bold red]no claim[/] {told}", soft_wrap=True)


@app.command()
def main(
    claims: Annotated[int, typer.Option(min=3, help="Claims in all, a third under each policy.")] = 1000,
    kills: Annotated[int, typer.Option(min=0, help="How often the worker is killed under each policy.")] = 10,
    seed: Annotated[int, typer.Option(help="The same seed, the same people.")] = 1,
    lost: Annotated[
        float, typer.Option(min=0, max=0.9, help="The share of the gateway's answers that get lost.")
    ] = 0.2,
    at_once: Annotated[int, typer.Option(min=1, help="Claims that are driven side by side.")] = 24,
    postgres: Annotated[bool, typer.Option("--postgres", help="PostgreSQL instead of SQLite.")] = False,
) -> None:
    """Live many Premium claims at random on the real parts and hold their money against the invariants."""
    began = time.monotonic()
    tallies = asyncio.run(soak(claims, kills, seed, lost, at_once, postgres))
    show(tallies)
    seconds = time.monotonic() - began
    console.print(f"{claims} claims, {lost:.0%} of the gateway's answers lost, in {seconds / 60:.1f} min.")
    RESULTS.mkdir(parents=True, exist_ok=True)
    found: Answer = {
        policy: {
            "counts": tally.counts,
            "checked": dict.fromkeys(INVARIANTS, tally.counts["claims"]),
            "broken": tally.broken,
            "outcomes": tally.outcomes,
            "wrong": tally.wrong,
            "turned_away": tally.turned_away,
        }
        for policy, tally in tallies.items()
    }
    asked = {"claims": claims, "kills": kills, "seed": seed, "lost": lost, "seconds": round(seconds)}
    asked_of = {"engine": "PostgreSQL" if postgres else "SQLite"}
    (RESULTS / "soak.json").write_text(json.dumps(asked_of | asked | {"policies": found}, indent=2))
    if any(tally.wrong or tally.turned_away for tally in tallies.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
