"""Plans whose purchase an activation told later has put in question, on both databases (R-PUR-6)."""

from datetime import date, timedelta

import pytest
from sqlmodel import select

from activities.entitlements import DatabaseEntitlements
from domain.kinds import ReasonCode, Service
from domain.money import Money
from messages.entitlements import (
    ApprovePlan,
    EndPlan,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    NoteRefusedRefund,
    PlanEnded,
    RefundPlan,
)
from messages.registry import PlanBought, PlanRefused
from store.tables.devices import MaintenanceCodeRow, TermRow
from tests.store.programme import NOW, Programme
from tests.store.test_plans import bought, refund_of, renewed
from tests.store.test_registry import refusal

LONG_AGO = NOW - timedelta(days=60)
LATER = NOW + timedelta(days=1)


async def in_question(programme: Programme, serial: str = "M3-2001", plan_id: str = "plan_1") -> None:
    """A plan bought for a device that was said not to be activated; its activation was sixty days earlier."""
    await programme.device(serial, kind=None, bound=False, activated_at=None)
    plan = programme.plan(serial, plan_id)
    assert isinstance(await programme.plans.add_plan(programme.add(plan)), PlanBought)
    for _ in range(2):
        await programme.activate(serial, LONG_AGO, LATER)


def approval(**other: object) -> ApprovePlan:
    given = {"serial_number": "M3-2001", "plan_id": "plan_1", "reason": "Sold as new.", "actor": "staff", "at": LATER}
    return ApprovePlan.model_validate(given | other)


def rejection(refund_id: str = "rfd_1") -> EndPlan:
    refund = RefundPlan(
        refund_id=refund_id, plan_id="plan_1", serial_number="M3-2001", actor="staff", rejected="Flown for weeks."
    )
    return EndPlan(refund=refund, at=LATER + timedelta(days=30))


async def test_a_back_dated_activation_puts_the_plan_to_staff_and_covers_nothing(programme: Programme) -> None:
    """The activation itself is a fact and is kept."""
    await in_question(programme)
    shown = await programme.queries.device("M3-2001", LATER)
    assert shown is not None
    assert shown.activated_at == LONG_AGO
    assert [(p.starts_on, p.question) for p in shown.care.periods] == [(None, ReasonCode.ACTIVATION_BEFORE_WINDOW)]
    assert not shown.care.active
    for service in (Service.CARE_EXPRESS, Service.FLYAWAY):
        refused = await programme.refused(programme.reservation(service=service, at=LATER))
        assert ReasonCode.ACTIVATION_BEFORE_WINDOW in refused
    (listed,) = (await programme.queries.plan_questions()).items
    assert (listed.plan_id, listed.serial_number, listed.question) == (
        "plan_1",
        "M3-2001",
        ReasonCode.ACTIVATION_BEFORE_WINDOW,
    )
    assert (listed.purchased_at, listed.activated_at) == (NOW, LONG_AGO)


@pytest.mark.parametrize("hours", [-72, 0, 48])
async def test_an_activation_within_the_window_starts_the_plan(programme: Programme, hours: int) -> None:
    """R-PUR-5, R-PUR-6."""
    await programme.device(kind=None, bound=False, activated_at=None)
    await programme.plans.add_plan(programme.add(programme.plan()))
    await programme.activate("M3-2001", NOW - timedelta(hours=hours), NOW + timedelta(days=4))
    shown = await programme.queries.device("M3-2001", NOW + timedelta(days=4))
    assert shown is not None
    assert shown.care.active
    assert (await programme.queries.plan_questions()).items == ()


async def test_an_approved_plan_covers_from_its_purchase_on(programme: Programme) -> None:
    await in_question(programme)
    entitlements = DatabaseEntitlements(programme.database)
    for _ in range(2):
        await entitlements.approve_plan(approval())
    shown = await programme.queries.device("M3-2001", LATER)
    assert shown is not None
    assert [(p.starts_on, p.ends_on, p.question) for p in shown.care.periods] == [
        (date(2025, 11, 3), date(2026, 11, 3), None)
    ]
    await programme.reserve(programme.reservation(at=LATER, occurred_at=NOW + timedelta(hours=1)))
    assert (await programme.queries.plan_questions()).items == ()
    async with programme.database.snapshot() as session:
        (row,) = (await session.exec(select(TermRow))).all()
    assert (row.decided_at, row.decided_by, row.decision) == (LATER, "staff", "Sold as new.")
    again = approval(at=LATER + timedelta(hours=1))
    assert await refusal(entitlements.approve_plan(again)) == ("conflict", ["plan_id"])
    assert await refusal(entitlements.end_plan(rejection())) == ("conflict", ["plan_id"])


async def test_a_rejected_plan_is_refunded_whenever_that_is(programme: Programme) -> None:
    """Thirty days later too, when R-CAN-1 would not."""
    await in_question(programme)
    entitlements = DatabaseEntitlements(programme.database)
    for _ in range(2):
        ended = await entitlements.end_plan(rejection())
        assert isinstance(ended, PlanEnded)
        assert (ended.price, ended.payment_id) == (Money(23900, "USD"), "pay_1")
    assert (await programme.queries.plan_questions()).items == ()
    assert await refusal(entitlements.approve_plan(approval())) == ("conflict", ["plan_id"])
    assert await programme.refused(programme.reservation(at=LATER)) == [ReasonCode.NO_PLAN]


async def test_a_refused_refund_is_kept_with_the_plan_that_it_was_for(programme: Programme) -> None:
    await in_question(programme)
    entitlements = DatabaseEntitlements(programme.database)
    assert isinstance(await entitlements.end_plan(rejection()), PlanEnded)
    for refund_id, refused in (("rfd_2", False), ("rfd_1", True), ("rfd_1", True)):
        await entitlements.note_refused_refund(NoteRefusedRefund(plan_id="plan_1", refund_id=refund_id))
        (plan,) = await programme.queries.plans("M3-2001") or []
        assert plan.refund_refused is refused


async def test_only_a_plan_in_question_is_decided_upon(programme: Programme) -> None:
    await bought(programme)
    entitlements = DatabaseEntitlements(programme.database)
    assert await refusal(entitlements.approve_plan(approval())) == ("conflict", ["plan_id"])
    assert await refusal(entitlements.end_plan(rejection())) == ("conflict", ["plan_id"])
    unknown = approval(plan_id="plan_x")
    assert await refusal(entitlements.approve_plan(unknown)) == ("not_found", ["plan_id"])


async def test_a_plan_that_was_given_back_is_not_begun_by_the_activation(programme: Programme) -> None:
    await programme.device(kind=None, bound=False, activated_at=None)
    await programme.plans.add_plan(programme.add(programme.plan()))
    assert isinstance(await DatabaseEntitlements(programme.database).end_plan(refund_of("plan_1")), PlanEnded)
    await programme.activate("M3-2001", LONG_AGO, LATER)
    async with programme.database.snapshot() as session:
        (row,) = (await session.exec(select(TermRow))).all()
    assert (row.starts_at, row.question) == (None, None)


async def test_plans_in_question_are_listed_in_pages(programme: Programme) -> None:
    for number in range(3):
        await in_question(programme, f"M3-300{number}", f"plan_{number}")
    first = await programme.queries.plan_questions(2)
    rest = await programme.queries.plan_questions(2, first.next_cursor)
    assert [p.plan_id for p in (*first.items, *rest.items)] == ["plan_0", "plan_1", "plan_2"]
    assert rest.next_cursor is None


async def test_a_plan_that_was_renewed_is_given_back_after_its_renewal(programme: Programme) -> None:
    """R-CAN-1: the renewal was sold because the first plan exists."""
    plan = await bought(programme)
    await renewed(programme, NOW)
    entitlements = DatabaseEntitlements(programme.database)
    refused = await entitlements.end_plan(refund_of(plan.plan_id))
    assert isinstance(refused, PlanRefused)
    assert [reason.code for reason in refused.reasons] == [ReasonCode.RENEWAL_PENDING]
    assert isinstance(await entitlements.end_plan(refund_of("plan_r", refund_id="ref_2")), PlanEnded)
    assert isinstance(await entitlements.end_plan(refund_of(plan.plan_id)), PlanEnded)


async def test_a_binding_from_before_the_purchase_makes_no_flyaway_possible(programme: Programme) -> None:
    """R-FLY-8: told years late or in time; bound again after the purchase it counts."""
    await programme.device(kind=None, bound=False, activated_at=NOW - timedelta(hours=30))
    await programme.bind("M3-2001", "RC1", NOW - timedelta(days=900))
    assert isinstance(await programme.plans.add_plan(programme.add(programme.plan())), PlanBought)
    lost = NOW + timedelta(days=2)
    flyaway = programme.reservation(service=Service.FLYAWAY, at=lost + timedelta(hours=1), occurred_at=lost)
    assert await programme.refused(flyaway) == [ReasonCode.NOT_BOUND]
    shown = await programme.queries.device("M3-2001", lost)
    assert shown is not None
    assert shown.binding is not None
    assert shown.binding.counts_for_flyaway is False
    await programme.bind("M3-2001", "RC1", NOW + timedelta(days=1), lost + timedelta(minutes=5))
    reserved = await programme.reserve(flyaway)
    assert reserved.binding_told_at == lost + timedelta(minutes=5)


@pytest.mark.parametrize("used", [False, True])
async def test_a_plan_takes_its_maintenance_code_along(programme: Programme, used: bool) -> None:
    """R-CAN-1, R-MNT-1: a code that was not used is void; one that was is a use of the plan."""
    plan = await bought(programme)
    entitlements = DatabaseEntitlements(programme.database)
    issued = await entitlements.issue_maintenance_code(
        IssueMaintenanceCode(serial_number="M3-2001", code="MNT-1", at=NOW)
    )
    assert isinstance(issued, MaintenanceCodeIssued)
    if used:
        async with programme.database.transaction() as session:
            (row,) = (await session.exec(select(MaintenanceCodeRow))).all()
            row.claim_id = "clm_1"
    ended = await entitlements.end_plan(refund_of(plan.plan_id))
    async with programme.database.snapshot() as session:
        codes = (await session.exec(select(MaintenanceCodeRow))).all()
    if used:
        assert isinstance(ended, PlanRefused)
        assert [reason.code for reason in ended.reasons] == [ReasonCode.PLAN_USED]
        return
    assert (type(ended), codes) == (PlanEnded, [])
