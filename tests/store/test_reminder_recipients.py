"""Renewal reminders: which owners get none (R-NOT-1)."""

from datetime import date, timedelta

import pytest
from sqlmodel import col, select
from temporalio.exceptions import ApplicationError

from activities.renewals import DatabaseRenewals
from domain.kinds import Outcome, Service, TermKind
from messages.renewals import Reminder
from store.tables.devices import LineageRow, TermRow
from tests.store.programme import ACTIVATED, NOW, Programme
from tests.store.renewals import END, START, CountingTransport, covered, page, plant, recorded_mails


async def test_a_renewed_term_gets_no_reminder(programme: Programme) -> None:
    await covered(programme, 1)
    await plant(programme, "DX-2000", "t-next", END + timedelta(days=1))
    result = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END - timedelta(days=7)))
    assert (result.looked_at, result.sent) == (1, ())


async def test_cover_of_three_years_gets_no_reminder(programme: Programme) -> None:
    await programme.device("DX-2000", kind=None, bound=False)
    await plant(programme, "DX-2000", "t-first", date(2022, 11, 19))
    await plant(programme, "DX-2000", "t-plus", date(2023, 11, 20), TermKind.REFRESH_PLUS)
    await plant(programme, "DX-2000", "t-last", START)
    result = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))
    assert (result.looked_at, result.sent) == (1, ())


async def test_a_plan_given_back_is_not_read(programme: Programme) -> None:
    await covered(programme, 1)
    async with programme.database.transaction() as session:
        (await session.get_one(TermRow, "t0")).ended_at = NOW
    result = await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))
    assert (result.looked_at, result.sent) == (0, ())


async def test_the_reminder_for_a_replaced_device_has_its_new_serial_number(programme: Programme) -> None:
    await covered(programme, 1)
    reserved = await programme.reserve(programme.reservation("DX-2000"))
    await programme.dispatch(reserved, "DX-NEW1")
    (sent,) = (await DatabaseRenewals(programme.database, CountingTransport()).remind_page(page(END))).sent
    assert sent == Reminder(serial_number="DX-NEW1", kind="renewal_0")


async def test_an_open_flyaway_case_gets_no_reminder_until_the_drone_is_replaced(programme: Programme) -> None:
    await covered(programme, 1)
    await programme.bind("DX-2000", "RC1", ACTIVATED)
    reserved = await programme.reserve(programme.reservation("DX-2000", service=Service.FLYAWAY))
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    assert (await renewals.remind_page(page(END))).sent == ()
    await programme.dispatch(reserved, "DX-NEW1", lost=True)
    assert (await renewals.remind_page(page(END))).sent == ()
    await programme.close(reserved.claim, Outcome.REPLACED)
    (sent,) = (await renewals.remind_page(page(END))).sent
    assert sent.serial_number == "DX-NEW1"


async def test_terms_of_another_region_are_not_read(programme: Programme) -> None:
    await covered(programme, 1)
    renewals = DatabaseRenewals(programme.database, CountingTransport())
    assert (await renewals.remind_page(page(END, region="EU"))).looked_at == 0
    with pytest.raises(ApplicationError) as caught:
        await renewals.remind_page(page(END, region="XX"))
    assert (caught.value.type, caught.value.non_retryable) == ("not_found", True)


async def test_an_undeliverable_mail_does_not_block_the_others(programme: Programme) -> None:
    await covered(programme, 3)
    async with programme.database.transaction() as session:
        lineage = (
            await session.exec(select(LineageRow).where(col(LineageRow.owner_email) == "owner1@example.com"))
        ).one()
        lineage.owner_email = "nobody"
    transport = CountingTransport(unknown={"owner2@example.com"})
    result = await DatabaseRenewals(programme.database, transport).remind_page(page(END))
    assert [sent.serial_number for sent in result.sent] == ["DX-2000"]
    assert await recorded_mails(programme.database) == 1
