"""A hold that somebody else captured, on real parts: booked as such, flagged, and never charged beside."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from sqlmodel import select
from temporalio.testing import WorkflowEnvironment

from activities.payments.activities import GatewayPayments
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from domain.claim import Claim
from domain.kinds import Attention, ClaimState, HoldPolicy, Outcome
from domain.money import Money
from domain.policy import Policy
from messages.claims import CancelClaim, ChangePaymentMethod, ParcelArrived, Waive
from messages.mail import MailKind
from messages.payments import HoldPlaced, PaymentRefused
from store.database import Database
from store.tables.outbox import OutboxMailRow
from tests.payments import claim_bugs as bugs
from tests.payments.claim_environment import FEE, HOLD, CheckedClaim, ClaimEnvironment
from tests.payments.recorded_attempts import Watching
from tests.payments.requests import (
    CLAIM,
    a_capture,
    a_comparison,
    a_deposit_kept,
    a_look,
    a_refund,
    a_release,
    booked,
    hold_placed,
    later,
    parties,
)
from tests.payments.requests import HOLD as HELD

Ends = Callable[[CheckedClaim], Awaitable[Claim]]
OTHER_CARD = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")


@pytest.fixture
async def environment(temporal: WorkflowEnvironment, sqlite_database: Database) -> AsyncIterator[ClaimEnvironment]:
    environment = ClaimEnvironment(temporal.client, database=sqlite_database)
    async with environment.worker():
        yield environment


async def never_comes_back(case: CheckedClaim) -> Claim:
    await case.pass_due()
    return await case.pass_time(days=25)


async def comes_back(case: CheckedClaim) -> Claim:
    await case.arrive()
    return await case.good_box()


async def is_waived(case: CheckedClaim) -> Claim:
    return await case.decide("waiver", Waive(actor="staff", reason="Goodwill."))


async def paid(case: CheckedClaim) -> tuple[int, int]:
    """What the customer has paid, by the gateway and by the ledger."""
    payments = await case.environment.gateway.find(case.id, at=await case.now())
    ledger = await booked(case.environment.database, case.id)
    return sum((each.captured - each.refunded).amount for each in payments), -ledger.balance("card", "USD").amount


ENDS: list[tuple[Ends, Outcome, int]] = [
    (never_comes_back, Outcome.DEFAULT_CHARGED, FEE + HOLD),
    (comes_back, Outcome.HOLD_RELEASED, FEE),
    (is_waived, Outcome.WAIVED, FEE),
]


@pytest.mark.parametrize(("ends", "outcome", "costs"), ENDS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("hears", [True, False], ids=["webhook", "no webhook"])
async def test_the_sum_that_was_taken_decides(
    environment: ClaimEnvironment, ends: Ends, outcome: Outcome, costs: int, hears: bool
) -> None:
    """1,799.00 are taken for a default, never 3,439.00; a good return gets 1,640.00 back."""
    case = await environment.claimed()
    await case.dispatch()
    hold_id = await case.capture_by_hand()
    if hears:
        await case.receive_webhook(hold_id, "evt_1")
        assert (await case.claim()).attention == (Attention.PAYMENT_DIFFERS,)
        assert await paid(case) == (FEE + HOLD, FEE + HOLD)
        assert await case.look() == []
    claim = await ends(case)
    assert (claim.outcome, claim.attention) == (outcome, (Attention.PAYMENT_DIFFERS,))
    assert await paid(case) == (costs, costs)
    assert await case.look() == []
    ledger = await booked(environment.database, case.id)
    assert ledger.balance("captured_elsewhere", "USD").amount == 0
    assert ledger.balance("default_charges", "USD").amount == costs - FEE
    told = {MailKind.CHARGED} if outcome is Outcome.DEFAULT_CHARGED else {MailKind.REFUND}
    assert told == {MailKind.CHARGED, MailKind.REFUND, MailKind.RELEASED} & await mails(environment, case)


async def mails(environment: ClaimEnvironment, case: CheckedClaim) -> set[MailKind]:
    async with environment.database.snapshot() as session:
        rows = await session.exec(select(OutboxMailRow.kind).where(OutboxMailRow.claim_id == case.id))
        return {MailKind(kind) for kind in rows}


async def test_a_part_that_somebody_captured_is_all_that_a_default_takes(environment: ClaimEnvironment) -> None:
    case = await environment.claimed()
    await case.dispatch()
    await case.receive_webhook(await case.capture_by_hand(4), "evt_1")
    claim = await never_comes_back(case)
    assert (claim.outcome, claim.amount_owed) == (Outcome.DEFAULT_CHARGED, Money(0, "USD"))
    assert await paid(case) == (FEE + HOLD // 4, FEE + HOLD // 4)
    assert await case.look() == []


async def test_a_late_return_gets_back_what_somebody_captured_less_the_late_fee(environment: ClaimEnvironment) -> None:
    case = await environment.claimed()
    await case.dispatch()
    await case.receive_webhook(await case.capture_by_hand(), "evt_1")
    await case.pass_due()
    claim = await comes_back(case)
    assert claim.outcome is Outcome.LATE_RETURN_REFUNDED
    assert await paid(case) == (FEE + Policy().late_fee, FEE + Policy().late_fee)
    assert await case.look() == []


async def test_a_cancel_refunds_fee_and_what_somebody_captured(environment: ClaimEnvironment) -> None:
    case = await environment.claimed()
    await case.receive_webhook(await case.capture_by_hand(), "evt_1")
    assert (await case.claim()).attention == (Attention.PAYMENT_DIFFERS,)
    claim = await case.decide("cancel", CancelClaim(actor="customer"))
    assert (claim.outcome, await paid(case)) == (Outcome.CANCELLED, (0, 0))
    assert await case.look() == []


@pytest.mark.parametrize("hold_policy", HoldPolicy)
async def test_a_part_that_somebody_captured_before_the_dispatch_is_refunded_and_another_card_is_asked_for(
    temporal: WorkflowEnvironment, sqlite_database: Database, hold_policy: HoldPolicy
) -> None:
    """R-EXP-6: a part secures no replacement, and nothing is due yet."""
    environment = ClaimEnvironment(temporal.client, Policy(hold_policy=hold_policy), database=sqlite_database)
    async with environment.worker():
        case = await environment.claimed()
        await case.receive_webhook(await case.capture_by_hand(3), "evt_1")
        asked = await case.claim()
        assert (asked.state, await paid(case)) == (ClaimState.AWAITING_PAYMENT, (FEE, FEE))
        assert set(asked.attention) == {Attention.PAYMENT_DIFFERS, Attention.HOLD_AT_RISK}
        assert await case.look() == []
        claim = await case.decide("payment_method", OTHER_CARD)
        assert (claim.state, claim.attention) == (ClaimState.AWAITING_DISPATCH, (Attention.PAYMENT_DIFFERS,))
        await case.dispatch()
        assert ((await comes_back(case)).outcome, await paid(case)) == (Outcome.HOLD_RELEASED, (FEE, FEE))
        assert await case.look() == []


async def test_without_another_card_a_claim_with_a_part_takes_nothing(environment: ClaimEnvironment) -> None:
    case = await environment.claimed()
    await case.receive_webhook(await case.capture_by_hand(3), "evt_1")
    asked = await case.claim()
    assert asked.deadline
    claim = await case.pass_until(asked.deadline + timedelta(seconds=2))
    assert (claim.outcome, await paid(case)) == (Outcome.CANCELLED, (0, 0))
    assert await case.look() == []


async def test_a_renewal_that_finds_the_old_hold_captured_keeps_one_security(environment: ClaimEnvironment) -> None:
    """No webhook came: the renewal places a hold beside the money that was taken, and releases it again."""
    case = await environment.claimed()
    await case.dispatch()
    await case.capture_by_hand()
    claim = await case.pass_time(days=6)
    assert claim.attention == (Attention.PAYMENT_DIFFERS,)
    assert await paid(case) == (FEE + HOLD, FEE + HOLD)
    await never_comes_back(case)
    assert await paid(case) == (FEE + HOLD, FEE + HOLD)
    assert await case.look() == []


async def test_what_a_claim_captured_before_its_reset_is_not_captured_again(
    temporal: WorkflowEnvironment, sqlite_database: Database
) -> None:
    """After the reset the parcel is here in time; what the run before has charged is found and refunded.

    The clock of the new run is at the due date again, so it has webhook and parcel before a worker takes it up.
    """
    environment = ClaimEnvironment(temporal.client, database=sqlite_database, retries_decisions=True)
    async with environment.worker():
        case = await environment.claimed()
        dispatched = await case.dispatch()
        await case.pass_due()
        holds = await environment.gateway.find(case.id, at=await case.now())
    (hold,) = [each for each in holds if each.kind == "hold" and each.status == "captured"]
    await case.reset()
    await case.receive_webhook(hold.id, "evt_1")
    assert dispatched.returning is not None
    in_time = dispatched.returning.due_at - timedelta(hours=1)
    await case.handle.signal("arrival", ParcelArrived(event_id="evt_2", actor="warehouse", arrived_at=in_time))
    async with environment.worker():
        assert (await case.claim()).state is ClaimState.INSPECTING
        claim = await case.good_box()
    assert Attention.PAYMENT_DIFFERS in claim.attention
    assert (claim.outcome, await paid(case)) == (Outcome.HOLD_RELEASED, (FEE, FEE))
    assert (await booked(environment.database, case.id)).balance("default_charges", "USD").amount == 0


PLANTS = [bugs.ChargesBesideWhatSomebodyCaptured, bugs.ForgetsWhatSomebodyCaptured]


@pytest.mark.parametrize("bug", PLANTS, ids=lambda bug: bug.__name__)
async def test_each_planted_bug_is_caught(temporal: WorkflowEnvironment, sqlite_database: Database, bug: type) -> None:
    environment = ClaimEnvironment(temporal.client, database=sqlite_database, workflow_type=bug)
    async with environment.worker():
        case = await environment.claimed()
        await case.dispatch()
        await case.receive_webhook(await case.capture_by_hand(), "evt_1")
        await (never_comes_back if bug is bugs.ChargesBesideWhatSomebodyCaptured else comes_back)(case)
        found = {violation.number for violation in await case.look()}
        assert 9 in found, found


# -- the activities, on both databases ---------------------------------------------------------------------------------


async def test_a_look_books_a_capture_by_somebody_else_once(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    await gateway.capture(hold_id, HELD, key="by-hand", at=later(days=1))
    for number in range(2):
        read = await payments.look_at_hold(a_look(hold_id, key=f"{CLAIM}:look:{number}"))
        assert isinstance(read, HoldPlaced)
        assert read.account == "captured_elsewhere"
    ledger = await booked(database)
    assert [line.key for line in ledger.entries if line.account == "captured_elsewhere"] == [
        f"{CLAIM}:authorize:0:captured"
    ]
    assert (ledger.balance("captured_elsewhere", "USD"), ledger.balance("holds_open", "USD").amount) == (HELD, 0)


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_refusal_tells_what_was_captured_and_where_it_is_booked(database: Database, by_hand: bool) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    if by_hand:
        await gateway.capture(hold_id, HELD, key="by-hand", at=later(days=1))
    else:
        await payments.capture_hold(a_capture(hold_id))
    refused = await payments.release_hold(a_release(hold_id, at=later(days=6)))
    assert isinstance(refused, PaymentRefused)
    assert refused.hold is not None
    assert (refused.state, refused.hold.captured) == ("captured", HELD)
    assert refused.account == ("captured_elsewhere" if by_hand else "default_charges")


async def test_what_is_kept_moves_to_its_account_and_the_rest_is_refunded(database: Database) -> None:
    """The capture is booked first if no look has: a claim of the release before has not."""
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    await gateway.capture(hold_id, HELD, key="by-hand", at=later(days=1))
    kept = Money(1_200, "USD")
    await payments.keep_deposit(
        a_deposit_kept(amount=kept, account="parts_charges", source="captured_elsewhere", hold_id=hold_id)
    )
    await payments.refund_payment(a_refund(hold_id, amount=HELD - kept, account="captured_elsewhere"))
    ledger = await booked(database)
    assert ledger.balance("captured_elsewhere", "USD").amount == 0
    assert (ledger.balance("parts_charges", "USD"), ledger.balance("card", "USD")) == (kept, -kept)


async def test_refunds_by_somebody_else_are_booked_against_where_the_money_stands(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    await payments.capture_hold(a_capture(hold_id))
    for number, amount in enumerate((500, 700)):
        await gateway.refund(hold_id, Money(amount, "USD"), key=f"by-hand:{number}", at=later(days=6))
        for _ in range(2):
            compared = await payments.compare_payments(a_comparison())
            assert compared.gateway == compared.ledger
    await payments.refund_payment(a_refund(hold_id, amount=Money(100, "USD")))
    compared = await payments.compare_payments(a_comparison())
    assert compared.gateway == compared.ledger == Money(HELD.amount - 1_300, "USD")
    assert (await booked(database)).balance("default_charges", "USD").amount == HELD.amount - 1_300


async def test_a_capture_whose_answer_was_lost_before_a_look_is_booked_once(database: Database) -> None:
    """The look takes it for somebody else's; the repeated request moves it to its account."""
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    hold_id = await hold_placed(payments)
    capture = a_capture(hold_id)
    await gateway.capture(hold_id, HELD, key=capture.key, at=capture.at)
    await payments.look_at_hold(a_look(hold_id, at=later(days=6)))
    captured = await payments.capture_hold(capture)
    assert isinstance(captured, HoldPlaced)
    ledger = await booked(database)
    assert (ledger.balance("card", "USD"), ledger.balance("default_charges", "USD")) == (-HELD, HELD)
    assert ledger.balance("captured_elsewhere", "USD").amount == 0
