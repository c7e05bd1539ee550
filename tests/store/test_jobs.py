"""Repairs and maintenance in the database: judged, remembered, reserved, one open case a lineage."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from activities.entitlements import DatabaseEntitlements
from activities.jobs import DatabaseJobs, SimulatedWorkshop
from domain.claim import Incident
from domain.dates import end_of_day
from domain.kinds import Cause, ClaimState, Component, Outcome, ReasonCode, Service, TermKind
from domain.money import Money
from domain.policy import Policy
from messages.claims import ClaimRefused, ShipTo
from messages.entitlements import IssueMaintenanceCode, MaintenanceCodeIssued, MaintenanceRefused
from messages.jobs import (
    ComputeMornings,
    GetReplacementFee,
    JobOpened,
    OpenJob,
    RequestReturn,
    ReserveForRepair,
)
from messages.record import DispatchRecorded, RecordDispatch
from messages.registry import PlantTerm
from store.tables.devices import MaintenanceCodeRow
from store.tables.warehouse import WorkshopReturnRow
from tests.store.programme import NOW, Programme

ZONE = "America/Los_Angeles"


def jobs_of(programme: Programme) -> DatabaseJobs:
    return DatabaseJobs(programme.database, Policy())


def a_repair(claim_id: str = "clm_r", serial: str = "M3-1", at: datetime = NOW, **incident: object) -> OpenJob:
    occurred_at = incident.get("occurred_at", at - timedelta(days=1))
    cause = incident.get("cause", Cause.COLLISION)
    assert isinstance(occurred_at, datetime)
    assert isinstance(cause, Cause)
    what = Incident(cause, occurred_at, "It fell.")
    return OpenJob(claim_id=claim_id, service=Service.ONLINE_REPAIR, serial_number=serial, at=at, incident=what)


def a_maintenance(claim_id: str = "clm_m", code: str = "mnt-1", at: datetime = NOW) -> OpenJob:
    return OpenJob(claim_id=claim_id, service=Service.MAINTENANCE, serial_number="m3 1", at=at, maintenance_code=code)


async def opened(programme: Programme, ask: OpenJob) -> JobOpened:
    answer = await jobs_of(programme).open_job(ask)
    assert isinstance(answer, JobOpened), answer
    return answer


async def refused(programme: Programme, ask: OpenJob) -> list[ReasonCode]:
    answer = await jobs_of(programme).open_job(ask)
    assert isinstance(answer, ClaimRefused), answer
    assert await programme.queries.claim(ask.claim_id) is None
    return [reason.code for reason in answer.reasons]


async def issue(programme: Programme, code: str = "mnt-1", at: datetime = NOW) -> MaintenanceCodeIssued:
    ask = IssueMaintenanceCode(serial_number="M3-1", code=code, at=at)
    answer = await DatabaseEntitlements(programme.database).issue_maintenance_code(ask)
    assert isinstance(answer, MaintenanceCodeIssued), answer
    return answer


async def code_is_used_by(programme: Programme) -> str | None:
    snapshot = await programme.queries.snapshot("M3-1")
    assert snapshot is not None
    assert snapshot.maintenance_code is not None
    return snapshot.maintenance_code.claim_id


async def fee_of(programme: Programme, opened: JobOpened) -> Money | None:
    ask = GetReplacementFee(claim_id=opened.claim.id, term_id=opened.term_id)
    return (await jobs_of(programme).ask_replacement_fee(ask)).fee


async def reserved_fee(programme: Programme, opened: JobOpened) -> Money | None:
    ask = ReserveForRepair(claim_id=opened.claim.id, term_id=opened.term_id, at=NOW)
    return (await jobs_of(programme).reserve_for_repair(ask)).fee


async def test_a_repair_is_opened_with_what_it_may_draw_on(programme: Programme) -> None:
    await programme.device()
    answer = await opened(programme, a_repair())
    assert (answer.claim.state, answer.claim.fee, answer.claim.amount_owed) == (
        ClaimState.SUBMITTED,
        Money(0, "USD"),
        Money(0, "USD"),
    )
    assert (answer.term_id, answer.bindable, answer.time_zone) == ("t-M3-1", True, ZONE)
    assert set(answer.expected) == {
        Component.AIRCRAFT,
        Component.GIMBAL_CAMERA,
        Component.PROPELLERS,
        Component.BATTERY,
    }
    # R-PLN-4: a year from the activation, to the last second of its last day.
    assert answer.warranty_until == end_of_day(date(2026, 7, 26), ZONE)
    assert await programme.queries.claim("clm_r") == answer.claim
    assert await programme.uses() == (0, 0, 2)


async def test_a_repair_opened_again_is_the_same_repair(programme: Programme) -> None:
    await programme.device()
    first = await opened(programme, a_repair())
    await programme.close(first.claim, Outcome.REPAIRED)
    assert await opened(programme, a_repair(at=NOW + timedelta(hours=1))) == first


async def test_a_repair_needs_no_plan(programme: Programme) -> None:
    await programme.device(kind=None)
    answer = await opened(programme, a_repair())
    assert (answer.term_id, await fee_of(programme, answer), await reserved_fee(programme, answer)) == (None,) * 3


async def test_a_two_year_plan_lengthens_the_warranty_and_an_inactive_unit_has_none(programme: Programme) -> None:
    await programme.device(kind=TermKind.TWO_YEARS)
    await programme.device("NEW-1", kind=None, bound=False, activated_at=None)
    assert (await opened(programme, a_repair())).warranty_until == end_of_day(date(2027, 7, 26), ZONE)
    assert (await opened(programme, a_repair("clm_n", "NEW-1"))).warranty_until is None


@pytest.mark.parametrize(("early", "drawn"), [(0, True), (1, False)])
async def test_a_replacement_is_for_incidents_within_the_unbroken_cover(
    programme: Programme, early: int, drawn: bool
) -> None:
    await programme.device()
    snapshot = await programme.queries.snapshot("M3-1")
    assert snapshot is not None
    assert snapshot.terms[0].starts_at is not None
    incident = snapshot.terms[0].starts_at - timedelta(seconds=early)
    answer = await opened(programme, a_repair(occurred_at=incident))
    assert (answer.term_id is not None) is drawn


async def test_an_unknown_device_and_a_theft_are_refused(programme: Programme) -> None:
    await programme.device()
    assert await refused(programme, a_repair(serial="NOBODY")) == [ReasonCode.SERVICE_NOT_APPLICABLE]
    assert await refused(programme, a_repair(cause=Cause.THEFT)) == [ReasonCode.DEVICE_STOLEN]


async def test_one_case_of_any_kind_is_open_on_a_lineage(programme: Programme) -> None:
    """R-CLM-7: a repair shuts out every other claim and job, and the other way round."""
    await programme.device()
    job = await opened(programme, a_repair())
    assert await programme.refused(programme.ask()) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await issue(programme)
    assert await refused(programme, a_maintenance()) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await programme.save(replace(job.claim, state=ClaimState.AWAITING_ITEM))
    assert await refused(programme, a_repair("clm_later")) == [ReasonCode.CLAIM_ALREADY_OPEN]
    await programme.close(job.claim, Outcome.CANCELLED)
    await programme.reserve(programme.ask())
    assert await refused(programme, a_repair("clm_later")) == [ReasonCode.CLAIM_ALREADY_OPEN]


async def test_of_eight_repairs_at_once_one_is_opened(programme: Programme) -> None:
    await programme.device()
    answers = await asyncio.gather(*(jobs_of(programme).open_job(a_repair(f"clm_{n}")) for n in range(8)))
    assert sum(isinstance(answer, JobOpened) for answer in answers) == 1


async def test_a_replaced_unit_and_an_amount_owed_are_refused(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.ask())
    await programme.dispatch(reserved, "M3-2")
    await programme.close(replace(reserved.claim, amount_owed=Money(100, "USD")), Outcome.DEFAULT_CHARGED)
    assert await refused(programme, a_repair()) == [ReasonCode.DEVICE_REPLACED, ReasonCode.AMOUNT_OWED]
    assert await refused(programme, a_repair(serial="M3-2")) == [ReasonCode.AMOUNT_OWED]


async def test_the_fee_follows_the_uses_of_the_term_and_ends_with_them(programme: Programme) -> None:
    await programme.device()
    job = await opened(programme, a_repair())
    assert await fee_of(programme, job) == Money(15900, "USD")
    await programme.close(job.claim, Outcome.REPAIRED)
    for number, serial in enumerate(("M3-1", "M3-2"), 2):
        reserved = await programme.reserve(programme.ask(serial))
        await programme.dispatch(reserved, f"M3-{number}")
        await programme.close(reserved.claim, Outcome.REPLACED)
        job = await opened(programme, a_repair(f"clm_r{number}", f"M3-{number}"))
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


async def test_the_last_use_is_the_claims_own_once_reserved(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
    await programme.dispatch(first, "M3-2")
    await programme.close(first.claim, Outcome.REPLACED)
    job = await opened(programme, a_repair(serial="M3-2"))
    for _ in range(2):
        assert await reserved_fee(programme, job) == Money(19900, "USD")
    assert await programme.uses("M3-2") == (1, 1, 0)


async def test_a_case_draws_on_the_term_it_was_opened_in(programme: Programme) -> None:
    """R-REN-4, edge case 49."""
    await programme.device()
    job = await opened(programme, a_repair())
    planted = PlantTerm(
        serial_number="M3-1", kind=TermKind.ONE_YEAR, starts_on=date(2026, 7, 27), term_id="t-2", at=NOW
    )
    await programme.registry.plant_term(planted)
    await reserved_fee(programme, job)
    snapshot = await programme.queries.snapshot("M3-1")
    assert snapshot is not None
    assert [use.term_id for use in snapshot.uses] == ["t-M3-1"]


async def test_a_board_swap_keeps_the_lineage_and_draws_nothing(programme: Programme) -> None:
    """R-REP-4."""
    await programme.device()
    job = await opened(programme, a_repair())
    swap = RecordDispatch(claim=job.claim, replacement_serial_number="M3-S", at=NOW, policy=job.policy, consumes=False)
    for _ in range(2):
        assert isinstance(await programme.record.record_dispatch(swap), DispatchRecorded)
    assert await programme.uses("M3-S") == (0, 0, 2)
    shown = await programme.queries.device("M3-S", NOW)
    assert shown is not None
    assert (shown.lineage, shown.binding) == (("M3-1", "M3-S"), None)


async def test_a_code_starts_one_job_of_its_device(programme: Programme) -> None:
    """R-MNT-2."""
    await programme.device()
    assert await refused(programme, a_maintenance()) == [ReasonCode.MAINTENANCE_CODE_INVALID]
    code = await issue(programme)
    assert (code.code, code.expires_on) == ("MNT-1", date(2026, 7, 26))
    assert await refused(programme, a_maintenance(code="other")) == [ReasonCode.MAINTENANCE_CODE_INVALID]
    job = await opened(programme, a_maintenance(code=" mnt-1 "))
    assert (job.claim.incident, job.term_id) == (None, "t-M3-1")
    assert await code_is_used_by(programme) == "clm_m"
    assert await opened(programme, a_maintenance()) == job
    await programme.close(job.claim, Outcome.SERVICED)
    assert await code_is_used_by(programme) == "clm_m"
    assert await refused(programme, a_maintenance("clm_later")) == [ReasonCode.MAINTENANCE_CODE_INVALID]


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.LAPSED])
async def test_a_job_that_came_to_nothing_frees_its_code(programme: Programme, outcome: Outcome) -> None:
    await programme.device()
    await issue(programme)
    job = await opened(programme, a_maintenance())
    await programme.close(job.claim, outcome)
    assert await code_is_used_by(programme) is None
    await opened(programme, a_maintenance("clm_later"))
    # A late save of the first job frees nothing that is another's.
    await programme.close(job.claim, outcome, 10)
    assert await code_is_used_by(programme) == "clm_later"


@pytest.mark.parametrize(("late", "accepted"), [(-1, True), (0, True), (1, False)])
async def test_a_code_is_good_to_the_last_second_of_its_last_day(
    programme: Programme, late: int, accepted: bool
) -> None:
    await programme.device()
    await issue(programme)
    at = end_of_day(date(2026, 7, 26), ZONE) + timedelta(seconds=late)
    answer = await jobs_of(programme).open_job(a_maintenance(at=at))
    assert isinstance(answer, JobOpened) is accepted


@pytest.mark.parametrize(("late", "issued"), [(-1, True), (0, True), (1, False)])
async def test_a_code_is_issued_to_the_last_second_of_the_first_year(
    programme: Programme, late: int, issued: bool
) -> None:
    await programme.device()
    at = end_of_day(date(2026, 7, 26), ZONE) + timedelta(seconds=late)
    ask = IssueMaintenanceCode(serial_number="M3-1", code="a", at=at)
    answer = await DatabaseEntitlements(programme.database).issue_maintenance_code(ask)
    assert isinstance(answer, MaintenanceCodeIssued) is issued


async def test_a_device_has_one_code_however_many_ask_at_once(programme: Programme) -> None:
    await programme.device()
    entitlements = DatabaseEntitlements(programme.database)
    asks = [IssueMaintenanceCode(serial_number="M3-1", code=f"c{n}", at=NOW) for n in range(4)]
    answers = await asyncio.gather(*(entitlements.issue_maintenance_code(ask) for ask in asks))
    (given,) = [answer for answer in answers if isinstance(answer, MaintenanceCodeIssued)]
    others = [answer for answer in answers if isinstance(answer, MaintenanceRefused)]
    assert {reason.code for answer in others for reason in answer.reasons} == {ReasonCode.MAINTENANCE_CODE_ISSUED}
    again = IssueMaintenanceCode(serial_number="M3-1", code=given.code.lower(), at=NOW + timedelta(days=400))
    assert await entitlements.issue_maintenance_code(again) == given
    async with programme.database.snapshot() as session:
        snapshot = await programme.queries.snapshot("M3-1")
        assert snapshot is not None
        assert (await session.get_one(MaintenanceCodeRow, snapshot.lineage_id)).code == given.code


async def test_repairs_and_maintenance_stand_in_the_service_history(programme: Programme) -> None:
    """R-STA-1."""
    await programme.device()
    await issue(programme)
    job = await opened(programme, a_repair())
    await programme.close(job.claim, Outcome.REPAIRED)
    await opened(programme, a_maintenance(at=NOW + timedelta(hours=1)))
    shown = await programme.queries.device("M3-1", NOW + timedelta(hours=2))
    assert shown is not None
    assert [(case.service, case.outcome) for case in shown.service_history] == [
        (Service.MAINTENANCE, None),
        (Service.ONLINE_REPAIR, Outcome.REPAIRED),
    ]
    assert shown.flyaway_records == ()
    assert shown.open_claim_id == "clm_m"


async def test_mornings_are_nine_oclock_of_their_own_day(programme: Programme) -> None:
    ask = ComputeMornings(at=datetime(2025, 10, 31, 23, tzinfo=UTC), days=(1, 7), time_zone="America/Los_Angeles")
    mornings = (await jobs_of(programme).compute_mornings(ask)).mornings
    assert mornings == (datetime(2025, 11, 1, 16, tzinfo=UTC), datetime(2025, 11, 7, 17, tzinfo=UTC))


async def test_the_workshop_is_asked_once(programme: Programme) -> None:
    address = ShipTo(name="Ada", line1="1 Example Way", city="Springfield", postal_code="90001", country="US")
    workshop = SimulatedWorkshop(programme.database)
    ask = RequestReturn(claim_id="clm_1", ship_to=address, at=NOW)
    first = await workshop.request_return(ask)
    assert await workshop.request_return(ask.model_copy(update={"at": NOW + timedelta(days=1)})) == first
    async with programme.database.snapshot() as session:
        row = await session.get_one(WorkshopReturnRow, "clm_1")
    assert (row.reference, row.requested_at, ShipTo.model_validate(row.ship_to)) == (first.reference, NOW, address)
