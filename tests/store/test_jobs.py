"""Repairs in the database: rules, repeated commands, reserved uses, one open case a lineage."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from activities.jobs import SimulatedWorkshop
from domain.dates import end_of_day
from domain.kinds import Cause, ClaimState, Component, Outcome, ReasonCode, Service, TermKind
from domain.money import Money
from messages.claims import ShipTo
from messages.jobs import (
    ComputeMornings,
    JobOpened,
    RequestReturn,
)
from messages.record import DispatchRecorded, RecordDispatch
from messages.registry import PlantTerm
from store.tables.warehouse import WorkshopReturnRow
from tests.store.programme import NOW, Programme
from tests.store.service_jobs import (
    ZONE,
    a_maintenance,
    a_repair,
    fee_of,
    issue,
    jobs_of,
    opened,
    refused,
    reserved_fee,
)


async def test_a_repair_is_opened_with_the_term_it_may_draw_on(programme: Programme) -> None:
    await programme.device()
    result = await opened(programme, a_repair())
    assert (result.claim.state, result.claim.fee, result.claim.amount_owed) == (
        ClaimState.SUBMITTED,
        Money(0, "USD"),
        Money(0, "USD"),
    )
    assert (result.term_id, result.bindable, result.time_zone) == ("t-M3-2001", True, ZONE)
    assert set(result.expected) == {
        Component.AIRCRAFT,
        Component.GIMBAL_CAMERA,
        Component.PROPELLERS,
        Component.BATTERY,
    }
    # R-PLN-4: a year from the activation, to the last second of its last day.
    assert result.warranty_until == end_of_day(date(2026, 7, 26), ZONE)
    assert await programme.queries.claim("clm_r") == result.claim
    assert await programme.uses() == (0, 0, 2)


async def test_a_repeated_repair_command_returns_the_same_repair(programme: Programme) -> None:
    await programme.device()
    first = await opened(programme, a_repair())
    await programme.close(first.claim, Outcome.REPAIRED)
    assert await opened(programme, a_repair(at=NOW + timedelta(hours=1))) == first


async def test_a_repair_needs_no_plan(programme: Programme) -> None:
    await programme.device(kind=None)
    result = await opened(programme, a_repair())
    assert (result.term_id, await fee_of(programme, result), await reserved_fee(programme, result)) == (None,) * 3


async def test_a_two_year_plan_extends_the_warranty_and_an_inactive_unit_has_none(programme: Programme) -> None:
    await programme.device(kind=TermKind.TWO_YEARS)
    await programme.device("NEW-2001", kind=None, bound=False, activated_at=None)
    assert (await opened(programme, a_repair())).warranty_until == end_of_day(date(2027, 7, 26), ZONE)
    assert (await opened(programme, a_repair("clm_n", "NEW-2001"))).warranty_until is None


@pytest.mark.parametrize(("early", "drawn"), [(0, True), (1, False)])
async def test_a_replacement_is_for_incidents_within_the_unbroken_cover(
    programme: Programme, early: int, drawn: bool
) -> None:
    await programme.device()
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert snapshot.terms[0].starts_at is not None
    incident = snapshot.terms[0].starts_at - timedelta(seconds=early)
    result = await opened(programme, a_repair(occurred_at=incident))
    assert (result.term_id is not None) is drawn


async def test_an_unknown_device_and_a_theft_are_refused(programme: Programme) -> None:
    await programme.device()
    assert await refused(programme, a_repair(serial="NOBODY")) == [ReasonCode.SERVICE_NOT_APPLICABLE]
    assert await refused(programme, a_repair(cause=Cause.THEFT)) == [ReasonCode.DEVICE_STOLEN]


async def test_a_lineage_has_one_open_case_of_any_kind(programme: Programme) -> None:
    """R-CLM-7: a repair shuts out every other claim and job, and the other way round."""
    await programme.device()
    job = await opened(programme, a_repair())
    assert await programme.refused(programme.reservation()) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await issue(programme)
    assert await refused(programme, a_maintenance()) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await programme.save(replace(job.claim, state=ClaimState.AWAITING_ITEM))
    assert await refused(programme, a_repair("clm_later")) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await programme.close(job.claim, Outcome.CANCELLED)
    await programme.reserve(programme.reservation())
    assert await refused(programme, a_repair("clm_later")) == [ReasonCode.CLAIM_ALREADY_OPEN]


async def test_of_eight_repairs_at_once_one_is_opened(programme: Programme) -> None:
    await programme.device()
    results = await asyncio.gather(*(jobs_of(programme).open_job(a_repair(f"clm_{n}")) for n in range(8)))
    assert sum(isinstance(result, JobOpened) for result in results) == 1


async def test_a_replaced_unit_and_an_amount_owed_are_refused(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(replace(reserved.claim, amount_owed=Money(100, "USD")), Outcome.DEFAULT_CHARGED)
    assert await refused(programme, a_repair()) == [ReasonCode.DEVICE_REPLACED, ReasonCode.AMOUNT_OWED]
    assert await refused(programme, a_repair(serial="M3-2002")) == [ReasonCode.AMOUNT_OWED]


async def test_the_fee_depends_on_the_uses_of_the_term_and_there_is_none_without_uses_left(
    programme: Programme,
) -> None:
    await programme.device()
    job = await opened(programme, a_repair())
    assert await fee_of(programme, job) == Money(15900, "USD")
    await programme.close(job.claim, Outcome.REPAIRED)
    for number, serial in enumerate(("M3-2001", "M3-2002"), 2):
        reserved = await programme.reserve(programme.reservation(serial))
        await programme.dispatch(reserved, f"M3-200{number}")
        await programme.close(reserved.claim, Outcome.REPLACED)
        job = await opened(programme, a_repair(f"clm_r{number}", f"M3-200{number}"))
        assert await fee_of(programme, job) == {2: Money(19900, "USD"), 3: None}[number]
        await programme.close(job.claim, Outcome.REPAIRED)


async def test_only_a_replacement_reserves_a_use_and_only_once(programme: Programme) -> None:
    """R-REP-3, and R-STA-1: while the case is open the use is shown as reserved."""
    await programme.device()
    job = await opened(programme, a_repair())
    for _ in range(2):
        assert await reserved_fee(programme, job) == Money(15900, "USD")
        assert await fee_of(programme, job) == Money(15900, "USD")
    assert await programme.uses() == (0, 1, 1)
    await programme.save(replace(job.claim, state=ClaimState.IN_SERVICE), gives_back=True)
    assert await programme.uses() == (0, 0, 2)
    assert await reserved_fee(programme, job) is None  # a claim draws on its term once


async def test_the_last_use_belongs_to_the_claim_that_reserved_it(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    await programme.dispatch(first, "M3-2002")
    await programme.close(first.claim, Outcome.REPLACED)
    job = await opened(programme, a_repair(serial="M3-2002"))
    for _ in range(2):
        assert await reserved_fee(programme, job) == Money(19900, "USD")
    assert await programme.uses("M3-2002") == (1, 1, 0)


async def test_a_case_draws_on_the_term_it_was_opened_in(programme: Programme) -> None:
    """R-REN-4, edge case 49."""
    await programme.device()
    job = await opened(programme, a_repair())
    planted = PlantTerm(
        serial_number="M3-2001", kind=TermKind.ONE_YEAR, starts_on=date(2026, 7, 27), term_id="t-2", at=NOW
    )
    await programme.registry.plant_term(planted)
    await reserved_fee(programme, job)
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert [use.term_id for use in snapshot.uses] == ["t-M3-2001"]


async def test_a_board_swap_keeps_the_lineage_and_draws_no_use(programme: Programme) -> None:
    """R-REP-4."""
    await programme.device()
    job = await opened(programme, a_repair())
    swap = RecordDispatch(
        claim=job.claim, replacement_serial_number="M3-200S", at=NOW, policy=job.policy, consumes=False
    )
    for _ in range(2):
        assert isinstance(await programme.record.record_dispatch(swap), DispatchRecorded)
    assert await programme.uses("M3-200S") == (0, 0, 2)
    shown = await programme.queries.device("M3-200S", NOW)
    assert shown is not None
    assert (shown.lineage, shown.binding) == (("M3-2001", "M3-200S"), None)


async def test_repairs_and_maintenance_are_in_the_service_history(programme: Programme) -> None:
    """R-STA-1."""
    await programme.device()
    await issue(programme)
    job = await opened(programme, a_repair())
    await programme.close(job.claim, Outcome.REPAIRED)
    await opened(programme, a_maintenance(at=NOW + timedelta(hours=1)))
    shown = await programme.queries.device("M3-2001", NOW + timedelta(hours=2))
    assert shown is not None
    assert [(case.service, case.outcome) for case in shown.service_history] == [
        (Service.MAINTENANCE, None),
        (Service.ONLINE_REPAIR, Outcome.REPAIRED),
    ]
    assert shown.flyaway_records == ()
    assert shown.open_claim_id == "clm_m"


async def test_mornings_are_nine_oclock_local_time(programme: Programme) -> None:
    command = ComputeMornings(at=datetime(2025, 10, 31, 23, tzinfo=UTC), days=(1, 7), time_zone="America/Los_Angeles")
    mornings = (await jobs_of(programme).compute_mornings(command)).mornings
    assert mornings == (datetime(2025, 11, 1, 16, tzinfo=UTC), datetime(2025, 11, 7, 17, tzinfo=UTC))


async def test_a_return_is_requested_from_the_workshop_once(programme: Programme) -> None:
    address = ShipTo(name="Ada", line1="1 Example Way", city="Springfield", postal_code="90001", country="US")
    workshop = SimulatedWorkshop(programme.database)
    command = RequestReturn(claim_id="clm_1", ship_to=address, at=NOW)
    first = await workshop.request_return(command)
    assert await workshop.request_return(command.model_copy(update={"at": NOW + timedelta(days=1)})) == first
    async with programme.database.snapshot() as session:
        row = await session.get_one(WorkshopReturnRow, "clm_1")
    assert (row.reference, row.requested_at, ShipTo.model_validate(row.ship_to)) == (first.reference, NOW, address)
