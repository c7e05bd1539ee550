"""Plans: purchase windows to the second, one pending renewal, one refund."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from activities.entitlements import DatabaseEntitlements
from domain.dates import end_of_day, end_of_day_after
from domain.kinds import Outcome, ReasonCode, Service, TermKind
from domain.money import Money
from messages.entitlements import ApproveVerification, EndPlan, PlanEnded, RefundPlan
from messages.registry import BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused
from store.tables.devices import TermRow
from tests.store.programme import FRESH, NOW, Programme
from tests.store.test_registry import refusal

ZONE = "America/Los_Angeles"
END = date(2026, 7, 26)
"""The last covered day of a term planted by the programme."""
SECONDS = [(-1, True), (0, True), (1, False)]


async def reasons(programme: Programme, plan: BuyPlan, at: datetime) -> list[ReasonCode]:
    """The reasons why the plan is refused at `at`, the same by check and write; empty when it was bought."""
    checked = await programme.plans.check_plan(CheckPlan(plan=plan, at=at))
    added = await programme.plans.add_plan(programme.add(plan, at))
    if isinstance(checked, PlanPriced):
        assert isinstance(added, PlanBought)
        return []
    assert checked == added
    return [reason.code for reason in checked.reasons]


def renewing(plan_id: str = "plan_r", **more: Any) -> BuyPlan:
    fields = {"serial_number": "m3 2001", "kind": TermKind.ONE_YEAR, "region": None, "payment_method": "pm"} | more
    return BuyPlan(plan_id=plan_id, renewal=True, **fields)


async def renewed(programme: Programme, at: datetime, plan_id: str = "plan_r") -> PlanBought:
    result = await programme.plans.add_plan(programme.add(renewing(plan_id), at))
    assert isinstance(result, PlanBought), result
    return result


def refund_of(plan_id: str, at: datetime = NOW, refund_id: str = "ref_1", serial: str = "M3-2001") -> EndPlan:
    return EndPlan(refund=RefundPlan(refund_id=refund_id, plan_id=plan_id, serial_number=serial), at=at)


async def bought(programme: Programme, at: datetime = NOW) -> BuyPlan:
    """A plan bought and paid at `at`."""
    await programme.device(kind=None, activated_at=at - timedelta(hours=1))
    plan = programme.plan()
    assert isinstance(await programme.plans.add_plan(programme.add(plan, at)), PlanBought)
    return plan


@pytest.mark.parametrize(("late", "sold"), SECONDS)
@pytest.mark.parametrize(
    ("model", "region", "hours"),
    [("mavic-3", "US", 48), ("air-3", "JP", 96), ("osmo-action-4", "US", 720), ("osmo-action-4", "JP", 720)],
)
async def test_a_plan_is_sold_to_the_last_second_of_the_window(
    programme: Programme, model: str, region: str, hours: int, late: int, sold: bool
) -> None:
    """R-PUR-1."""
    await programme.device(model=model, region=region, kind=None, bound=False, activated_at=FRESH)
    at = FRESH + timedelta(hours=hours, seconds=late)
    found = await reasons(programme, programme.plan(), at)
    assert found == ([] if sold else [ReasonCode.PURCHASE_WINDOW_CLOSED])


@pytest.mark.parametrize(("late", "sold"), SECONDS)
async def test_a_verification_opens_seventy_two_hours(programme: Programme, late: int, sold: bool) -> None:
    """R-PUR-2."""
    await programme.device(kind=None)
    assert await reasons(programme, programme.plan(), NOW) == [ReasonCode.PURCHASE_WINDOW_CLOSED]
    command = ApproveVerification(serial_number="M3-2001", approved_at=NOW, at=NOW)
    assert (await DatabaseEntitlements(programme.database).approve_verification(command)).serial_number == "M3-2001"
    found = await reasons(programme, programme.plan(), NOW + timedelta(hours=72, seconds=late))
    assert found == ([] if sold else [ReasonCode.VERIFICATION_LAPSED])


async def test_the_latest_verification_counts_and_a_future_one_is_refused(programme: Programme) -> None:
    await programme.device(kind=None)
    entitlements = DatabaseEntitlements(programme.database)
    for days in (0, -3):
        at = NOW + timedelta(days=days)
        await entitlements.approve_verification(ApproveVerification(serial_number="M3-2001", approved_at=at, at=NOW))
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert snapshot.verified_at == NOW
    early = ApproveVerification(serial_number="M3-2001", approved_at=NOW + timedelta(hours=1), at=NOW)
    assert await refusal(entitlements.approve_verification(early)) == ("invalid_request", ["approved_at"])
    unknown = ApproveVerification(serial_number="NOBODY", approved_at=NOW, at=NOW)
    assert await refusal(entitlements.approve_verification(unknown)) == ("not_found", ["serial_number"])


async def test_a_renewal_before_the_end_starts_the_day_after(programme: Programme) -> None:
    """R-REN-3, R-REN-4."""
    await programme.device()
    result = await renewed(programme, NOW)
    assert (result.starts_on, result.ends_on, result.gap) == (date(2026, 7, 27), date(2027, 7, 26), False)
    assert await programme.plans.add_plan(programme.add(renewing(), NOW)) == result
    assert await programme.plans.check_plan(CheckPlan(plan=renewing(), at=NOW)) == PlanPriced(price=Money(23900, "USD"))
    assert await programme.uses(at=datetime(2026, 8, 1, tzinfo=UTC)) == (0, 0, 2)


@pytest.mark.parametrize(("late", "sold"), SECONDS)
async def test_a_renewal_in_the_grace_period_reports_the_gap(programme: Programme, late: int, sold: bool) -> None:
    """R-REN-1, R-REN-3, edge case 46: day 15 is included to its last second."""
    await programme.device()
    at = end_of_day(END + timedelta(days=15), ZONE) + timedelta(seconds=late)
    if not sold:
        assert await reasons(programme, renewing(), at) == [ReasonCode.RENEWAL_WINDOW_CLOSED]
        return
    result = await renewed(programme, at)
    assert (result.starts_on, result.gap) == (END + timedelta(days=15), True)
    in_the_gap = programme.reservation(at=at + timedelta(minutes=1), occurred_at=at - timedelta(days=1))
    assert await programme.refused(in_the_gap) == [ReasonCode.INCIDENT_OUTSIDE_COVERAGE]


@pytest.mark.parametrize(("late", "gap"), [(-1, False), (0, False), (1, True)])
async def test_the_gap_begins_one_second_after_the_end(programme: Programme, late: int, gap: bool) -> None:
    await programme.device()
    result = await renewed(programme, end_of_day(END, ZONE) + timedelta(seconds=late, hours=late > 0))
    assert result.gap is gap


async def test_of_eight_renewals_bought_at_once_one_is_pending(programme: Programme) -> None:
    """R-REN-5."""
    await programme.device()
    commands = [programme.add(renewing(f"plan_{n}")) for n in range(8)]
    results = await asyncio.gather(*(programme.plans.add_plan(command) for command in commands))
    assert sum(isinstance(result, PlanBought) for result in results) == 1
    why = {reason.code for result in results if isinstance(result, PlanRefused) for reason in result.reasons}
    assert why == {ReasonCode.RENEWAL_PENDING}


async def test_cover_lasts_three_years_at_most(programme: Programme) -> None:
    """R-REN-2, edge case 47."""
    await programme.device(kind=TermKind.TWO_YEARS)
    await renewed(programme, NOW)
    assert await reasons(programme, renewing("plan_2"), NOW) == [
        ReasonCode.MAXIMUM_TERM_REACHED,
        ReasonCode.RENEWAL_PENDING,
    ]
    later = datetime(2027, 9, 1, tzinfo=UTC)
    assert await reasons(programme, renewing("plan_2"), later) == [ReasonCode.MAXIMUM_TERM_REACHED]


async def test_cover_is_renewed_with_one_year_of_its_own_region(programme: Programme) -> None:
    await programme.device()
    two = renewing(kind=TermKind.TWO_YEARS)
    assert await reasons(programme, two, NOW) == [ReasonCode.TERM_NOT_SOLD]
    assert await reasons(programme, renewing(region="EU"), NOW) == [ReasonCode.REGION_MISMATCH]
    assert await reasons(programme, renewing(region="US"), NOW) == []


async def test_without_a_plan_there_is_nothing_to_renew(programme: Programme) -> None:
    await programme.device(kind=None)
    assert await reasons(programme, renewing(), NOW) == [ReasonCode.NO_PLAN]


@pytest.mark.parametrize(("late", "given_back"), SECONDS)
async def test_a_plan_is_given_back_within_fourteen_days(programme: Programme, late: int, given_back: bool) -> None:
    """R-CAN-1."""
    plan = await bought(programme)
    at = end_of_day_after(NOW, 14, ZONE) + timedelta(seconds=late)
    result = await DatabaseEntitlements(programme.database).end_plan(refund_of(plan.plan_id, at))
    if not given_back:
        assert isinstance(result, PlanRefused)
        assert [reason.code for reason in result.reasons] == [ReasonCode.REFUND_WINDOW_CLOSED]
        return
    assert result == PlanEnded(plan_id="plan_1", price=Money(23900, "USD"), payment_id="pay_1", ended_at=at)
    assert await programme.refused(programme.reservation(at=at)) == [ReasonCode.NO_PLAN]
    shown = await programme.queries.device("M3-2001", at)
    assert shown is not None
    assert (shown.care.periods, shown.care.active) == ((), False)


async def test_a_plan_is_given_back_once(programme: Programme) -> None:
    plan = await bought(programme)
    entitlements = DatabaseEntitlements(programme.database)
    commands = [refund_of(plan.plan_id, NOW, f"ref_{n % 2}") for n in range(6)]
    results = await asyncio.gather(*(entitlements.end_plan(command) for command in commands))
    assert sum(isinstance(result, PlanEnded) for result in results) == 3
    assert {reason.code for a in results if isinstance(a, PlanRefused) for reason in a.reasons} == {ReasonCode.NO_PLAN}
    async with programme.database.snapshot() as session:
        (row,) = (await session.exec(select(TermRow))).all()
    assert (row.ended_at, row.refund_id) in [(NOW, "ref_0"), (NOW, "ref_1")]
    assert await reasons(programme, programme.plan(plan_id="plan_2"), NOW) == []


async def test_a_plan_in_use_is_not_given_back(programme: Programme) -> None:
    """Edge case 51."""
    plan = await bought(programme)
    entitlements = DatabaseEntitlements(programme.database)
    reserved = await programme.reserve(programme.reservation(occurred_at=NOW))
    result = await entitlements.end_plan(refund_of(plan.plan_id))
    assert isinstance(result, PlanRefused)
    assert [reason.code for reason in result.reasons] == [ReasonCode.CLAIM_ALREADY_OPEN]
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    result = await entitlements.end_plan(refund_of(plan.plan_id))
    assert isinstance(result, PlanRefused)
    assert [reason.code for reason in result.reasons] == [ReasonCode.PLAN_USED]


async def test_a_plan_of_another_device_or_without_a_payment_is_not_given_back(programme: Programme) -> None:
    plan = await bought(programme)
    await programme.device("M3-2009")
    entitlements = DatabaseEntitlements(programme.database)
    for command in (refund_of("plan_unknown"), refund_of("a\0b"), refund_of(plan.plan_id, serial="M3-2009")):
        assert await refusal(entitlements.end_plan(command)) == ("not_found", ["plan_id"])
    assert await refusal(entitlements.end_plan(refund_of("x", serial="NOBODY"))) == ("not_found", ["serial_number"])
    planted = refund_of("t-M3-2009", serial="M3-2009")
    assert await refusal(entitlements.end_plan(planted)) == ("conflict", ["plan_id"])


async def test_a_renewal_given_back_may_be_bought_again(programme: Programme) -> None:
    await programme.device()
    await renewed(programme, NOW)
    result = await DatabaseEntitlements(programme.database).end_plan(refund_of("plan_r"))
    assert isinstance(result, PlanEnded)
    assert (await renewed(programme, NOW, "plan_again")).starts_on == date(2026, 7, 27)


async def test_a_use_reserved_in_an_open_case_is_shown_as_reserved(programme: Programme) -> None:
    """R-STA-1: flyaway uses count in both pools."""
    await programme.device()
    await programme.reserve(programme.reservation(service=Service.FLYAWAY))
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert (shown.care.replacements.reserved, shown.care.replacements.left) == (1, 1)
    assert (shown.care.flyaway.reserved, shown.care.flyaway.left) == (1, 0)
    assert [case.service for case in shown.flyaway_records] == [Service.FLYAWAY]
