"""Renewal reminders: each once a term and kind, whatever is repeated, concurrent or interrupted (R-NOT-1)."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.mail.transport import FolderTransport
from activities.renewals import DatabaseRenewals
from benchmarks.counters import count_statements
from store.database import Database
from store.reads.due_reminders import _ending
from tests.store.programme import NOW, Programme
from tests.store.renewals import (
    END,
    START,
    CountingTransport,
    covered,
    files,
    kinds,
    page,
    plant,
    recorded_mails,
    run_all_pages,
)
from tests.store.test_queries import explain


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
async def test_each_day_has_its_kind_of_reminder(programme: Programme, days: int, kind: list[str]) -> None:
    await covered(programme, 1)
    transport = CountingTransport()
    result = await DatabaseRenewals(programme.database, transport).remind_page(page(END + timedelta(days=days)))
    assert kinds(result) == kind
    assert transport.sent == [f"t0.{k}.1" for k in kind]
    assert result.looked_at == (1 if -30 <= days <= 15 else 0)


async def test_daily_runs_send_each_kind_once(programme: Programme) -> None:
    await covered(programme, 2)
    transport = CountingTransport()
    renewals = DatabaseRenewals(programme.database, transport)
    for day in range(-35, 20):
        await run_all_pages(renewals, END + timedelta(days=day), NOW + timedelta(days=day))
    expected = [
        f"t{n}.{kind}.1" for kind in ("renewal_30", "renewal_7", "renewal_0", "renewal_grace_10") for n in (0, 1)
    ]
    assert transport.sent == expected


async def test_the_day_is_the_regions_local_day_at_the_scheduled_instant(programme: Programme) -> None:
    await covered(programme, 1)
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    # 06:59 UTC is 23:59 of the day before in Los Angeles.
    evening = datetime(2025, 10, 21, 6, 59, tzinfo=UTC)
    assert (await renewals.remind_page(page(None, scheduled_at=evening))).as_of == date(2025, 10, 20)
    morning = await renewals.remind_page(page(None, scheduled_at=evening + timedelta(hours=10)))
    assert (morning.as_of, kinds(morning)) == (date(2025, 10, 21), ["renewal_30"])


async def test_pages_read_every_term_once_in_order(programme: Programme) -> None:
    await covered(programme, 3)
    await programme.device("EX-2001", kind=None, bound=False)
    await plant(programme, "EX-2001", "t-early", START - timedelta(days=1))
    transport = CountingTransport()
    renewals = DatabaseRenewals(programme.database, transport)
    first = await renewals.remind_page(page(END, size=2))
    second = await renewals.remind_page(page(END, size=2, after=first.next))
    third = await renewals.remind_page(page(END, size=2, after=second.next))
    assert [result.looked_at for result in (first, second, third)] == [2, 2, 0]
    assert (first.next, second.next, third.next) == (f"{END}|t0", f"{END}|t2", None)
    assert transport.sent == ["t-early.renewal_0.1", "t0.renewal_0.1", "t1.renewal_0.1", "t2.renewal_0.1"]


async def test_a_repeated_page_returns_the_same_result_and_sends_nothing(programme: Programme) -> None:
    await covered(programme, 3)
    transport = CountingTransport()
    renewals = DatabaseRenewals(programme.database, transport)
    first = await renewals.remind_page(page(END))
    assert await renewals.remind_page(page(END)) == first
    assert len(transport.sent) == 3
    assert kinds(await renewals.remind_page(page(END, at=NOW + timedelta(hours=1)))) == []
    assert len(transport.sent) == 3


@pytest.mark.parametrize("interruption", ["fails_after", "cancelled_after"])
async def test_an_interrupted_page_continues_after_the_last_mail(programme: Programme, interruption: str) -> None:
    terms = await covered(programme, 5)
    transport = (
        CountingTransport(fails_after=2) if interruption == "fails_after" else CountingTransport(cancelled_after=2)
    )
    renewals = DatabaseRenewals(programme.database, transport)
    with pytest.raises((OSError, asyncio.CancelledError)):
        await renewals.remind_page(page(END))
    transport.fails_after = transport.cancelled_after = None
    result = await renewals.remind_page(page(END))
    assert kinds(result) == ["renewal_0"] * 5
    repeated = {"fails_after": [], "cancelled_after": ["t1.renewal_0.1"]}[interruption]
    assert sorted(transport.sent) == sorted([f"{term}.renewal_0.1" for term in terms] + repeated)


async def test_a_batch_of_mails_is_recorded_and_repeated_as_one(programme: Programme) -> None:
    await covered(programme, 5)
    transport = CountingTransport(cancelled_after=4, unknown={"owner0@example.com"})
    transport.batch_size = 3
    renewals = DatabaseRenewals(programme.database, transport)
    with pytest.raises(asyncio.CancelledError):
        await renewals.remind_page(page(END))
    assert (transport.sent, await recorded_mails(programme.database)) == (
        [f"t{n}.renewal_0.1" for n in (1, 2, 3, 4)],
        2,
    )
    transport.cancelled_after = None
    result = await renewals.remind_page(page(END))
    assert [sent.serial_number for sent in result.sent] == ["DX-2001", "DX-2002", "DX-2003", "DX-2004"]
    assert transport.sent[4:] == ["t3.renewal_0.1", "t4.renewal_0.1"]


async def test_a_crash_after_the_delivery_to_a_folder_leaves_one_file(programme: Programme, tmp_path: Path) -> None:
    await covered(programme, 3)

    class CrashingTransport(FolderTransport):
        async def deliver(self, message: Message, name: str) -> None:
            await super().deliver(message, name)
            if name.startswith("t1"):
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await DatabaseRenewals(programme.database, CrashingTransport(tmp_path)).remind_page(page(END))
    result = await DatabaseRenewals(programme.database, FolderTransport(tmp_path)).remind_page(page(END))
    assert kinds(result) == ["renewal_0"] * 3
    assert files(tmp_path) == [f"t{n}.renewal_0.1.eml" for n in range(3)]
    assert await recorded_mails(programme.database) == 3


async def test_overlapping_runs_send_each_reminder_once(programme: Programme, database_url: str) -> None:
    await covered(programme, 6)
    transport = CountingTransport(slow=True)
    other = Database(database_url)
    runs = [DatabaseRenewals(database, transport) for database in (programme.database, other, other)]
    results = await asyncio.gather(
        *(run_all_pages(run, END, NOW + timedelta(seconds=n), size=4) for n, run in enumerate(runs))
    )
    await other.close()
    assert sorted(transport.sent) == [f"t{n}.renewal_0.1" for n in range(6)]
    assert sum(len(result) for result in results) == 6


async def test_backfilled_and_manual_runs_send_one_mail_of_a_kind(programme: Programme) -> None:
    await covered(programme, 4)
    transport = CountingTransport()
    renewals = DatabaseRenewals(programme.database, transport)
    days = [END - timedelta(days=n) for n in (9, 8, 7, 7)]
    await asyncio.gather(*(run_all_pages(renewals, day, NOW + timedelta(seconds=n)) for n, day in enumerate(days)))
    assert len(transport.sent) == len(set(transport.sent))
    assert {name for name in transport.sent if "renewal_7" in name} == {f"t{n}.renewal_7.1" for n in range(4)}


async def test_a_late_backfill_sends_no_kind_before_one_that_was_sent(programme: Programme) -> None:
    await covered(programme, 1)
    transport = CountingTransport()
    renewals = DatabaseRenewals(programme.database, transport)
    await run_all_pages(renewals, END - timedelta(days=7), NOW)
    assert await run_all_pages(renewals, END - timedelta(days=20), NOW + timedelta(hours=1)) == []
    assert transport.sent == ["t0.renewal_7.1"]


async def test_a_page_heartbeats_its_progress(programme: Programme) -> None:
    await covered(programme, 3)
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    await environment.run(DatabaseRenewals(programme.database, CountingTransport()).remind_page, page(END))
    assert beats == [(1,), (2,), (3,)]


async def test_a_page_takes_the_same_few_queries_for_any_number_of_terms(programme: Programme) -> None:
    costs = []
    for first, count in ((0, 2), (2, 9)):
        await covered(programme, count, first=first)
        with count_statements() as statements, pytest.raises(OSError, match="unavailable"):
            await DatabaseRenewals(programme.database, CountingTransport(fails_after=0)).remind_page(page(END))
        costs.append(statements.selects)
    assert costs[0] == costs[1] <= 8


async def test_the_page_query_uses_its_index(sqlite_database: Database) -> None:
    for after in (None, f"{END}|t1"):
        plan = await explain(sqlite_database, _ending("US", END, after, 100))
        assert any("ix_terms_ending" in step for step in plan), plan
        assert not any("TEMP B-TREE" in step for step in plan), plan
