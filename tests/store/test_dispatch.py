"""A dispatch: the replacement joins the lineage and inherits its cover, not its binding."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from domain.eligibility import Application
from domain.kinds import DeviceStatus, Outcome, ReasonCode, Service, TermKind
from domain.policy import Policy
from messages.claims import ClaimRefused
from messages.record import (
    ComputeDeadline,
    ComputeWindow,
    DispatchRecorded,
    DispatchRefused,
    IdentifySerial,
    SerialIdentified,
)
from store.writes.reservations import reserve_use
from tests.store.programme import NOW, Programme


async def test_a_dispatch_computes_window_and_reminders_by_the_regions_calendar(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    sent = await programme.dispatch(reserved, "m3-2002", datetime(2025, 10, 30, 6, 30, tzinfo=UTC))
    assert sent.dispatched_on == date(2025, 10, 29)
    assert sent.returning is not None
    # 12 November in California, where winter time began in between.
    assert sent.returning.due_at == datetime(2025, 11, 13, 7, 59, 59, tzinfo=UTC)
    assert sent.returning.expected == reserved.expected
    assert sent.reminders["due_day"] == datetime(2025, 11, 12, 17, 0, tzinfo=UTC)


async def test_the_replacement_inherits_the_cover_and_starts_unbound(programme: Programme) -> None:
    """R-CLM-9, R-CLM-10, edge case 31."""
    await programme.device()
    before = await programme.queries.device("M3-2001", NOW)
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    old, new = await programme.queries.device("M3-2001", NOW), await programme.queries.device("M3-2002", NOW)
    assert before is not None
    assert old is not None
    assert new is not None
    assert (old.status, new.status) == (DeviceStatus.REPLACED, DeviceStatus.CURRENT)
    assert (old.current_serial_number, new.current_serial_number) == ("M3-2002", "M3-2002")
    assert new.lineage == ("M3-2001", "M3-2002")
    assert new.activated_at == before.activated_at
    assert new.warranty == before.warranty
    assert new.care.periods == before.care.periods
    assert (new.care.replacements.used, new.care.replacements.left) == (1, 1)
    assert (old.binding, new.binding) == (None, None)


async def test_a_second_attempt_returns_the_first_result_at_any_time(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    first = await programme.dispatch(reserved, "M3-2002")
    assert await programme.dispatch(reserved, "m3 2002", NOW + timedelta(days=2)) == first
    assert await programme.uses("M3-2002") == (1, 0, 1)


async def test_eight_attempts_at_once_are_one_dispatch(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    command = programme.dispatch_of(reserved, "M3-2002")
    results = await asyncio.gather(*(programme.record.record_dispatch(command) for _ in range(8)))
    assert all(result == results[0] for result in results)
    assert isinstance(results[0], DispatchRecorded)
    assert await programme.uses("M3-2002") == (1, 0, 1)


async def test_units_that_cannot_be_the_replacement_are_refused_and_nothing_changes(programme: Programme) -> None:
    await programme.device()
    await programme.device("M3-2009")
    await programme.device("MINI-2001", model="mini-se")
    reserved = await programme.reserve(programme.reservation())
    refused = [
        await programme.dispatch_refused(reserved, serial) for serial in ("M3-2001", "M3-2009", "MINI-2001", " - ")
    ]
    assert [result.rule for result in refused] == ["R-CLM-9", "R-CLM-9", "R-CLM-8", "R-INS-5"]
    assert "same model" in refused[2].message
    assert await programme.uses() == (0, 1, 1)
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.status is DeviceStatus.CURRENT
    assert shown.binding is not None


async def test_serial_numbers_are_shown_as_given_and_known_in_any_spelling(programme: Programme) -> None:
    """R-INS-5, edge case 63."""
    await programme.device(" ac-Test 001 ")
    reserved = await programme.reserve(programme.reservation("AC TEST-001"))
    assert reserved.claim.serial_number == "ac-Test 001"
    same = await programme.dispatch_refused(reserved, "ACTEST001")
    assert same.message == "ACTEST001 is the original; the replacement is another unit."
    await programme.dispatch(reserved, " ac-Test 002")
    shown = await programme.queries.device("actest001", NOW)
    assert shown is not None
    assert (shown.serial_number, shown.current_serial_number) == ("ac-Test 001", "ac-Test 002")
    assert shown.lineage == ("ac-Test 001", "ac-Test 002")
    assert [case.serial_number for case in shown.service_history] == ["ac-Test 001"]
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    again = programme.reservation("ac test 001")
    async with programme.database.transaction() as session:
        refused = await reserve_use(session, again, Policy())
    assert isinstance(refused, ClaimRefused)
    assert "replaced by ac-Test 002 on" in refused.reasons[0].message
    second = await programme.reserve(programme.reservation("ac test 002"))
    known = await programme.dispatch_refused(second, "ac TEST 001")
    assert known.message == "ac TEST 001 is registered already; a replacement is a unit nobody has had."


async def test_one_case_dispatches_one_unit(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    assert "M3-2002 has left already" in (await programme.dispatch_refused(reserved, "M3-2003")).message
    assert await programme.queries.device("M3-2003", NOW) is None


async def test_of_two_claims_that_dispatch_the_same_unit_at_once_one_is_refused(programme: Programme) -> None:
    commands = []
    for n in range(6):
        await programme.device(f"M3-200{n}")
        reserved = await programme.reserve(programme.reservation(f"M3-200{n}"))
        commands.append(programme.dispatch_of(reserved, "NEW-2001"))
    results = await asyncio.gather(*(programme.record.record_dispatch(command) for command in commands))
    assert sum(isinstance(result, DispatchRecorded) for result in results) == 1
    assert {a.rule for a in results if isinstance(a, DispatchRefused)} == {"R-CLM-9"}
    counted = [await programme.uses(f"M3-200{n}") for n in range(6)]
    assert sorted(counted) == [(0, 1, 1)] * 5 + [(1, 0, 1)]


async def test_all_replacements_of_a_lineage_share_its_cover(programme: Programme) -> None:
    """R-STA-1, R-CLM-9, edge cases 32, 33."""
    await programme.device("UNIT-2A", kind=TermKind.TWO_YEARS)
    chain = ["UNIT-2A", "UNIT-2B", "UNIT-2C"]
    for old, new in pairwise(chain):
        reserved = await programme.reserve(programme.reservation(old))
        await programme.dispatch(reserved, new)
        await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    for serial in chain:
        shown = await programme.queries.device(serial, NOW)
        assert shown is not None
        assert shown.lineage == ("UNIT-2A", "UNIT-2B", "UNIT-2C")
        assert shown.current_serial_number == "UNIT-2C"
        assert (shown.care.replacements.used, shown.care.replacements.left) == (2, 2)
        assert len(shown.service_history) == 2
    for serial in ("UNIT-2A", "UNIT-2B"):
        assert await programme.refused(programme.reservation(serial)) == [ReasonCode.DEVICE_REPLACED]


async def test_a_replaced_drone_has_no_flyaway_cover_until_it_is_bound_again(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    later = NOW + timedelta(days=5)
    flyaway = programme.reservation("M3-2002", service=Service.FLYAWAY, at=later)
    assert await programme.refused(flyaway) == [ReasonCode.NOT_BOUND]
    await programme.bind("M3-2002", "RC1", NOW + timedelta(days=1), later)
    await programme.reserve(flyaway)


async def test_a_lost_drone_stays_lost(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation(service=Service.FLYAWAY))
    sent = await programme.dispatch(reserved, "M3-2002", lost=True)
    assert sent.returning is None
    assert sent.reminders == {}
    await programme.close(reserved.claim, Outcome.REPLACED)
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.status is DeviceStatus.LOST
    assert [record.claim_id for record in shown.flyaway_records] == [reserved.claim.id]
    assert shown.service_history == ()
    assert await programme.refused(programme.reservation("M3-2001")) == [ReasonCode.DEVICE_LOST]


async def test_the_rules_and_the_reservation_agree_on_eligibility(programme: Programme) -> None:
    await programme.device()
    command = programme.reservation()
    application = Application(command.service, command.tier, command.incident)
    assert await programme.queries.claim_refusals(application, "M3-2001", NOW) == []
    await programme.reserve(command)
    reasons = await programme.queries.claim_refusals(application, "M3-2001", NOW)
    assert reasons is not None
    assert [r.code for r in reasons] == [ReasonCode.CLAIM_ALREADY_OPEN]
    assert await programme.queries.claim_refusals(application, "NOBODY", NOW) is None


async def test_a_wrong_unit_is_matched_to_the_claim_that_expects_it(programme: Programme) -> None:
    await programme.device("M3-2001", email="Ada@example.com")
    await programme.device("M3-2002", email="ada@example.com")
    await programme.device("M3-2003", email="bob@example.com")
    mine = await programme.reserve(programme.reservation("M3-2001"))
    twin = await programme.reserve(programme.reservation("M3-2002"))
    await programme.dispatch(mine, "M3-2004")

    async def identify(serial: str) -> SerialIdentified:
        command = IdentifySerial(serial_number=serial, lineage_id=mine.claim.lineage_id)
        return await programme.record.identify_serial(command)

    assert await identify("m3 2002") == SerialIdentified(known=True, same_owner=True, open_claim_id=twin.claim.id)
    assert await identify("M3-2003") == SerialIdentified(known=True, same_owner=False)
    assert await identify("M3-2004") == SerialIdentified(known=True, same_owner=True, same_lineage=True)
    assert await identify("NOBODY") == SerialIdentified(known=False)
    await programme.close(twin.claim, Outcome.CANCELLED, gives_back=True)
    assert (await identify("M3-2002")).open_claim_id is None


async def test_windows_and_deadlines_are_computed_by_calendar(programme: Programme) -> None:
    command = ComputeWindow(
        started_at=NOW, days=14, extended=7, time_zone="Europe/Berlin", expected=(), policy=Policy()
    )
    computed = await programme.record.compute_window(command)
    assert computed.returning.due_at == datetime(2025, 11, 24, 22, 59, 59, tzinfo=UTC)
    assert computed.returning.extended_days == 7
    assert computed.reminders["due_minus_3"] == datetime(2025, 11, 21, 8, 0, tzinfo=UTC)
    deadline = ComputeDeadline(at=NOW, days=3, time_zone="Asia/Tokyo")
    end = await programme.record.compute_deadline(deadline)
    assert end == datetime(2025, 11, 7, 14, 59, 59, tzinfo=UTC)
    later = end + timedelta(hours=1)
    assert await programme.record.compute_deadline(deadline.model_copy(update={"not_before": later})) == later


async def test_a_replacement_that_looks_like_a_known_unit_is_confirmed_first(programme: Programme) -> None:
    """R-INS-5."""
    await programme.device()
    await programme.device("NEW-20O1")
    reserved = await programme.reserve(programme.reservation())
    refused = await programme.dispatch_refused(reserved, "NEW-2001")
    assert (refused.rule, "NEW-20O1" in refused.message) == ("R-INS-5", True)
    command = programme.dispatch_of(reserved, "NEW-2001").model_copy(update={"serial_number_confirmed": True})
    assert isinstance(await programme.record.record_dispatch(command), DispatchRecorded)


@pytest.mark.parametrize("serial", ["X", "4006381333931", "ＮＥＷ２００１"])
async def test_a_replacement_has_the_form_of_a_serial_number(programme: Programme, serial: str) -> None:
    """R-INS-5."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    assert (await programme.dispatch_refused(reserved, serial)).rule == "R-INS-5"
