"""Renewal reminders: who hears what, once a term and kind, whatever is repeated, doubled or cut off (R-NOT-1)."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.mail.transport import FolderTransport, MailTransport, Undeliverable
from activities.renewals import DatabaseRenewals
from benchmarks.counts import watched
from domain.kinds import Outcome, Service, TermKind
from messages.registry import PlantTerm
from messages.renewals import PageReminded, Reminder, RemindPage
from store.database import Database
from store.reads.due_reminders import _ending
from store.tables.devices import LineageRow, TermRow
from store.tables.mails import MailRow
from tests.store.programme import ACTIVATED, NOW, Programme
from tests.store.test_queries import explain

START = date(2024, 11, 20)
END = date(2025, 11, 20)
"""The last covered day of the terms below, in the United States."""


@dataclass
class CountingTransport(MailTransport):
    """Keeps the names of what it was given. Fails after `fails_after` mails; refuses the addresses in `unknown`."""

    sent: list[str] = field(default_factory=list)
    fails_after: int | None = None
    dies_after: int | None = None
    unknown: set[str] = field(default_factory=set)
    slow: bool = False

    async def deliver(self, message: EmailMessage, name: str) -> None:
        if self.slow:
            await asyncio.sleep(0.01)
        if any(address in message["To"] for address in self.unknown):
            raise Undeliverable(name)
        if self.fails_after is not None and len(self.sent) >= self.fails_after:
            raise OSError("the mail server is away")
        self.sent.append(name)
        if self.dies_after is not None and len(self.sent) >= self.dies_after:
            raise asyncio.CancelledError


def page(
    as_of: date | None, *, after: str | None = None, size: int = 100, at: datetime = NOW, **more: Any
) -> RemindPage:
    scheduled = more.pop("scheduled_at", at)
    region = more.pop("region", "US")
    return RemindPage(region=region, as_of=as_of, scheduled_at=scheduled, at=at, after=after, size=size)


async def covered(programme: Programme, count: int, *, first: int = 0) -> list[str]:
    """Devices from number `first` to below `count`, each covered for a year from START; their terms' ids."""
    for n in range(first, count):
        await programme.device(f"D-{n}", kind=None, bound=False, email=f"owner{n}@example.com")
        await plant(programme, f"D-{n}", f"t{n}", START)
    return [f"t{n}" for n in range(first, count)]


async def plant(
    programme: Programme, serial: str, term_id: str, start: date, kind: TermKind = TermKind.ONE_YEAR
) -> None:
    ask = PlantTerm(serial_number=serial, kind=kind, starts_on=start, term_id=term_id, at=NOW)
    await programme.registry.plant_term(ask)


async def whole_run(renewals: DatabaseRenewals, as_of: date, at: datetime = NOW, size: int = 100) -> list[Reminder]:
    """Every page, one after the other, as the workflow asks for them."""
    sent: list[Reminder] = []
    after = None
    while True:
        answer = await renewals.remind_page(page(as_of, after=after, size=size, at=at))
        sent += answer.sent
        after = answer.next
        if after is None:
            return sent


def kinds(answer: PageReminded | list[Reminder]) -> list[str]:
    return [reminder.kind for reminder in (answer.sent if isinstance(answer, PageReminded) else answer)]


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        (-31, []),
        (-30, ["renewal_30"]),
        (-8, ["renewal_30"]),
        (-7, ["renewal_7"]),
        (-1, ["renewal_7"]),
        (0, ["renewal_0"]),
        (9, ["renewal_0"]),
        (10, ["renewal_grace_10"]),
        (15, ["renewal_grace_10"]),
        (16, []),
    ],
)
async def test_each_day_has_its_reminder(programme: Programme, days: int, kind: list[str]) -> None:
    await covered(programme, 1)
    post = CountingTransport()
    answer = await DatabaseRenewals(programme.database, post).remind_page(page(END + timedelta(days=days)))
    assert kinds(answer) == kind
    assert post.sent == [f"t0.{k}.1" for k in kind]
    assert answer.looked_at == (1 if -30 <= days <= 15 else 0)


async def test_from_day_to_day_each_kind_goes_out_once(programme: Programme) -> None:
    await covered(programme, 2)
    post = CountingTransport()
    renewals = DatabaseRenewals(programme.database, post)
    for day in range(-35, 20):
        await whole_run(renewals, END + timedelta(days=day), NOW + timedelta(days=day))
    wanted = [f"t{n}.{kind}.1" for kind in ("renewal_30", "renewal_7", "renewal_0", "renewal_grace_10") for n in (0, 1)]
    assert post.sent == wanted


async def test_the_day_is_the_regions_at_the_scheduled_moment(programme: Programme) -> None:
    await covered(programme, 1)
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    # 7:59 in the morning UTC is still the evening before in Los Angeles.
    evening = datetime(2025, 10, 21, 6, 59, tzinfo=UTC)
    assert (await renewals.remind_page(page(None, scheduled_at=evening))).as_of == date(2025, 10, 20)
    morning = await renewals.remind_page(page(None, scheduled_at=evening + timedelta(hours=10)))
    assert (morning.as_of, kinds(morning)) == (date(2025, 10, 21), ["renewal_30"])


async def test_pages_look_at_every_term_once_in_order(programme: Programme) -> None:
    await covered(programme, 3)
    await programme.device("E-1", kind=None, bound=False)
    await plant(programme, "E-1", "t-early", START - timedelta(days=1))
    post = CountingTransport()
    renewals = DatabaseRenewals(programme.database, post)
    first = await renewals.remind_page(page(END, size=2))
    second = await renewals.remind_page(page(END, size=2, after=first.next))
    third = await renewals.remind_page(page(END, size=2, after=second.next))
    assert [answer.looked_at for answer in (first, second, third)] == [2, 2, 0]
    assert (first.next, second.next, third.next) == (f"{END}|t0", f"{END}|t2", None)
    assert post.sent == ["t-early.renewal_0.1", "t0.renewal_0.1", "t1.renewal_0.1", "t2.renewal_0.1"]


async def test_a_page_asked_for_again_answers_alike_and_sends_nothing(programme: Programme) -> None:
    await covered(programme, 3)
    post = CountingTransport()
    renewals = DatabaseRenewals(programme.database, post)
    first = await renewals.remind_page(page(END))
    assert await renewals.remind_page(page(END)) == first
    assert len(post.sent) == 3
    assert kinds(await renewals.remind_page(page(END, at=NOW + timedelta(hours=1)))) == []
    assert len(post.sent) == 3


@pytest.mark.parametrize("ends", ["fails_after", "dies_after"])
async def test_a_page_cut_off_half_way_goes_on_where_it_stopped(programme: Programme, ends: str) -> None:
    terms = await covered(programme, 5)
    post = CountingTransport(fails_after=2) if ends == "fails_after" else CountingTransport(dies_after=2)
    renewals = DatabaseRenewals(programme.database, post)
    with pytest.raises((OSError, asyncio.CancelledError)):
        await renewals.remind_page(page(END))
    post.fails_after = post.dies_after = None
    answer = await renewals.remind_page(page(END))
    assert kinds(answer) == ["renewal_0"] * 5
    repeated = {"fails_after": [], "dies_after": ["t1.renewal_0.1"]}[ends]
    assert sorted(post.sent) == sorted([f"{term}.renewal_0.1" for term in terms] + repeated)


async def test_what_a_post_takes_at_once_is_noted_together_and_repeated_together(programme: Programme) -> None:
    await covered(programme, 5)
    post = CountingTransport(dies_after=4, unknown={"owner0@example.com"})
    post.batch_size = 3
    renewals = DatabaseRenewals(programme.database, post)
    with pytest.raises(asyncio.CancelledError):
        await renewals.remind_page(page(END))
    assert (post.sent, await noted(programme.database)) == ([f"t{n}.renewal_0.1" for n in (1, 2, 3, 4)], 2)
    post.dies_after = None
    answer = await renewals.remind_page(page(END))
    assert [sent.serial_number for sent in answer.sent] == ["D-1", "D-2", "D-3", "D-4"]
    assert post.sent[4:] == ["t3.renewal_0.1", "t4.renewal_0.1"]


async def test_in_a_folder_even_a_death_after_the_delivery_leaves_one_file(
    programme: Programme, tmp_path: Path
) -> None:
    await covered(programme, 3)

    class Dying(FolderTransport):
        async def deliver(self, message: EmailMessage, name: str) -> None:
            await super().deliver(message, name)
            if name.startswith("t1"):
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await DatabaseRenewals(programme.database, Dying(tmp_path)).remind_page(page(END))
    answer = await DatabaseRenewals(programme.database, FolderTransport(tmp_path)).remind_page(page(END))
    assert kinds(answer) == ["renewal_0"] * 3
    assert files(tmp_path) == [f"t{n}.renewal_0.1.eml" for n in range(3)]
    assert await noted(programme.database) == 3


async def test_runs_that_overlap_send_each_reminder_once(programme: Programme, database_url: str) -> None:
    await covered(programme, 6)
    post = CountingTransport(slow=True)
    other = Database(database_url)
    runs = [DatabaseRenewals(database, post) for database in (programme.database, other, other)]
    answers = await asyncio.gather(
        *(whole_run(run, END, NOW + timedelta(seconds=n), size=4) for n, run in enumerate(runs))
    )
    await other.close()
    assert sorted(post.sent) == [f"t{n}.renewal_0.1" for n in range(6)]
    assert sum(len(answer) for answer in answers) == 6


async def test_two_missed_days_backfilled_and_run_by_hand_send_one_mail_of_a_kind(programme: Programme) -> None:
    await covered(programme, 4)
    post = CountingTransport()
    renewals = DatabaseRenewals(programme.database, post)
    days = [END - timedelta(days=n) for n in (9, 8, 7, 7)]
    await asyncio.gather(*(whole_run(renewals, day, NOW + timedelta(seconds=n)) for n, day in enumerate(days)))
    assert len(post.sent) == len(set(post.sent))
    assert {name for name in post.sent if "renewal_7" in name} == {f"t{n}.renewal_7.1" for n in range(4)}


async def test_a_day_filled_in_late_sends_nothing_that_has_been_overtaken(programme: Programme) -> None:
    await covered(programme, 1)
    post = CountingTransport()
    renewals = DatabaseRenewals(programme.database, post)
    await whole_run(renewals, END - timedelta(days=7), NOW)
    assert await whole_run(renewals, END - timedelta(days=20), NOW + timedelta(hours=1)) == []
    assert post.sent == ["t0.renewal_7.1"]


async def test_who_renewed_hears_nothing_of_the_old_term(programme: Programme) -> None:
    await covered(programme, 1)
    await plant(programme, "D-0", "t-next", END + timedelta(days=1))
    answer = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END - timedelta(days=7)))
    assert (answer.looked_at, answer.sent) == (1, ())


async def test_who_has_three_years_hears_nothing(programme: Programme) -> None:
    await programme.device("D-0", kind=None, bound=False)
    await plant(programme, "D-0", "t-first", date(2022, 11, 19))
    await plant(programme, "D-0", "t-plus", date(2023, 11, 20), TermKind.REFRESH_PLUS)
    await plant(programme, "D-0", "t-last", START)
    answer = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))
    assert (answer.looked_at, answer.sent) == (1, ())


async def test_a_plan_given_back_is_not_even_looked_at(programme: Programme) -> None:
    await covered(programme, 1)
    async with programme.database.transaction() as session:
        (await session.get_one(TermRow, "t0")).ended_at = NOW
    answer = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))
    assert (answer.looked_at, answer.sent) == (0, ())


async def test_a_device_replaced_is_reminded_of_under_its_new_serial_number(programme: Programme) -> None:
    await covered(programme, 1)
    reserved = await programme.reserve(programme.ask("D-0"))
    await programme.dispatch(reserved, "D-NEW")
    (sent,) = (await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))).sent
    assert sent == Reminder(serial_number="D-NEW", kind="renewal_0")


async def test_who_searches_a_lost_drone_hears_nothing_until_it_is_replaced(programme: Programme) -> None:
    await covered(programme, 1)
    await programme.bind("D-0", "RC1", ACTIVATED)
    reserved = await programme.reserve(programme.ask("D-0", service=Service.FLYAWAY))
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    assert (await renewals.remind_page(page(END))).sent == ()
    await programme.dispatch(reserved, "D-NEW", lost=True)
    assert (await renewals.remind_page(page(END))).sent == ()
    await programme.close(reserved.claim, Outcome.REPLACED)
    (sent,) = (await renewals.remind_page(page(END))).sent
    assert sent.serial_number == "D-NEW"


async def test_another_regions_terms_are_left_alone(programme: Programme) -> None:
    await covered(programme, 1)
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    assert (await renewals.remind_page(page(END, region="EU"))).looked_at == 0
    with pytest.raises(ApplicationError) as caught:
        await renewals.remind_page(page(END, region="XX"))
    assert (caught.value.type, caught.value.non_retryable) == ("not_found", True)


async def test_who_cannot_be_reached_does_not_hold_up_the_others(programme: Programme) -> None:
    await covered(programme, 3)
    async with programme.database.transaction() as session:
        lineage = (
            await session.exec(select(LineageRow).where(col(LineageRow.owner_email) == "owner1@example.com"))
        ).one()
        lineage.owner_email = "nobody"
    post = CountingTransport(unknown={"owner2@example.com"})
    answer = await DatabaseRenewals(programme.database, post).remind_page(page(END))
    assert [sent.serial_number for sent in answer.sent] == ["D-0"]
    assert await noted(programme.database) == 1


async def test_a_page_tells_temporal_how_far_it_has_come(programme: Programme) -> None:
    await covered(programme, 3)
    beats: list[Any] = []
    surroundings = ActivityEnvironment()
    surroundings.on_heartbeat = lambda *details: beats.append(details)
    await surroundings.run(DatabaseRenewals(programme.database, CountingTransport()).remind_page, page(END))
    assert beats == [(1,), (2,), (3,)]


async def test_a_page_costs_the_same_few_queries_however_many_terms_it_has(programme: Programme) -> None:
    costs = []
    for first, count in ((0, 2), (2, 9)):
        await covered(programme, count, first=first)
        with watched() as seen, pytest.raises(OSError, match="away"):
            await DatabaseRenewals(programme.database, CountingTransport(fails_after=0)).remind_page(page(END))
        costs.append(seen.selects)
    assert costs[0] == costs[1] <= 8


async def test_the_scan_is_served_by_its_index(sqlite_database: Database) -> None:
    for after in (None, f"{END}|t1"):
        plan = await explain(sqlite_database, _ending("US", END, after, 100))
        assert any("ix_terms_ending" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.eml"))


async def noted(database: Database) -> int:
    async with database.snapshot() as session:
        return len((await session.exec(select(MailRow))).all())
