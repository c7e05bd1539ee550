"""Flyaway claims on the real server."""

from datetime import timedelta

from domain.kinds import Attention, ClaimState, Outcome, ReasonCode, UseKind
from domain.reasons import Reason
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ClaimRefused,
    Decide,
    ReportFound,
)
from messages.mail import MailKind
from tests.workflows.world import World

FEE = 73900
APPROVE = Decide(actor="staff", approve=True)


async def test_an_approved_flyaway_costs_its_fee_and_both_uses(world: World) -> None:
    """R-FLY-4, R-FLY-5."""
    case = await world.open(world.flyaway())
    assert (await case.claim()).state is ClaimState.AWAITING_DECISION
    assert world.payments.net_paid() == 0
    await case.pass_time(days=3)
    assert (await case.decide("decision", APPROVE)).state is ClaimState.AWAITING_DISPATCH
    assert world.payments.off_session == {f"{case.id}:fee:0"}
    await case.dispatch()
    claim = await case.claim()
    assert (claim.outcome, claim.hold, claim.returning) == (Outcome.REPLACED, None, None)
    assert world.payments.net_paid() == FEE
    assert world.record.snapshot.uses[-1].flyaway
    assert world.mail.kinds()[-2:] == [MailKind.REPLACED, MailKind.REBIND]


async def test_a_rejection_needs_a_reason_and_gives_the_use_back(world: World) -> None:
    """R-FLY-3."""
    case = await world.open(world.flyaway())
    assert (await case.refused("decision", Decide(actor="staff", approve=False))).type == "invalid_request"
    reject = Decide(actor="staff", approve=False, reason="the record shows no flight")
    claim = await case.decide("decision", reject)
    assert claim.outcome is Outcome.REJECTED
    assert claim.reasons == (Reason(ReasonCode.FLYAWAY_REJECTED, "R-FLY-3", "the record shows no flight"),)
    assert await case.handle.result() == "rejected"
    assert world.mail.sent[-1].claim.reasons == claim.reasons
    assert world.payments.net_paid() == 0
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_card_that_demands_its_owner_asks_the_customer_and_the_next_one_is_charged_on_session(
    world: World,
) -> None:
    """R-FLY-4: staff approve days after the report, so nobody is there to confirm a payment."""
    world.payments.need_their_owner.update({"pm_card_visa", "pm_card_amex"})
    case = await world.open(world.flyaway())
    await case.pass_time(days=3)
    claim = await case.decide("decision", APPROVE)
    assert (claim.state, claim.outcome) == (ClaimState.AWAITING_PAYMENT, None)
    assert world.mail.kinds()[-1] is MailKind.PAYMENT_DECLINED
    assert world.payments.net_paid() == 0
    other = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
    assert (await case.decide("payment_method", other)).state is ClaimState.AWAITING_DISPATCH
    assert world.payments.off_session == {f"{case.id}:fee:0"}
    assert world.payments.net_paid() == FEE


async def test_a_declined_fee_waits_for_another_card(world: World) -> None:
    """R-FLY-4."""
    world.payments.declines.add(("flyaway_fees", "pm_card_visa"))
    case = await world.open(world.flyaway())
    claim = await case.decide("decision", APPROVE)
    assert (claim.state, claim.decline_code) == (ClaimState.AWAITING_PAYMENT, "card_declined")
    same = ChangePaymentMethod(actor="customer", payment_method="pm_card_visa")
    refused = await case.refused("payment_method", same)
    assert (refused.type, refused.details[0]["decline_code"]) == ("payment_declined", "card_declined")
    other = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
    claim = await case.decide("payment_method", other)
    assert (claim.state, claim.decline_code) == (ClaimState.AWAITING_DISPATCH, None)
    assert world.payments.net_paid() == FEE


async def test_an_unpaid_flyaway_lapses_after_fourteen_days(world: World) -> None:
    """R-FLY-4."""
    world.payments.declines.add(("flyaway_fees", "pm_card_visa"))
    case = await world.open(world.flyaway())
    approved_at = await case.now()
    claim = await case.decide("decision", APPROVE)
    assert claim.deadline
    assert timedelta(days=14) <= claim.deadline - approved_at < timedelta(days=15)
    claim = await case.pass_until(claim.deadline - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_PAYMENT
    claim = await case.pass_time(seconds=8)
    assert claim.outcome is Outcome.LAPSED
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_drone_found_before_dispatch_withdraws_the_claim(world: World) -> None:
    """R-FLY-6."""
    case = await world.open(world.flyaway())
    await case.decide("decision", APPROVE)
    claim = await case.decide("found", ReportFound(actor="customer"))
    assert claim.outcome is Outcome.WITHDRAWN
    assert world.payments.net_paid() == 0
    assert case.id in world.warehouse.withdrawn
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_drone_found_after_dispatch_is_for_staff(world: World) -> None:
    """R-FLY-6: no refund."""
    case = await world.open(world.flyaway())
    await case.decide("decision", APPROVE)
    await case.dispatch()
    await case.pass_time(days=100)
    claim = await case.decide("found", ReportFound(actor="customer"))
    assert claim.attention == (Attention.FOUND_AFTER_DISPATCH,)
    assert world.payments.net_paid() == FEE
    assert await case.handle.result() == "replaced"


async def test_a_flyaway_can_be_cancelled_until_it_ships(world: World) -> None:
    case = await world.open(world.flyaway())
    await case.decide("decision", APPROVE)
    assert (await case.decide("cancel", CancelClaim(actor="customer"))).outcome is Outcome.CANCELLED
    assert world.payments.net_paid() == 0


async def test_every_reason_against_a_flyaway_is_returned_at_once(world: World) -> None:
    """R-FLY-1, R-FLY-2."""
    submission = world.flyaway(confirmed_unrecoverable=False, accepted_terms=False)
    long_ago = submission.incident.occurred_at - timedelta(days=31)
    result = await world.submit(
        submission.model_copy(update={"incident": type(submission.incident)(submission.incident.cause, long_ago, "")})
    )
    assert isinstance(result, ClaimRefused)
    assert [r.code for r in result.reasons] == [
        ReasonCode.TERMS_NOT_ACCEPTED,
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        ReasonCode.NOT_BOUND,
        ReasonCode.NOT_CONFIRMED_UNRECOVERABLE,
        ReasonCode.REPORT_TOO_LATE,
    ]
    assert not world.record.uses
