"""Simulated payments on both engines: the result of each request, and its effect on gateway and ledger."""

import asyncio
import itertools

import pytest
from temporalio.exceptions import ApplicationError

from activities.payments.gateway import GatewayRefused
from activities.payments.simulated.gateway import SimulatedGateway
from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money
from messages.payments import (
    CardCharged,
    HoldPlaced,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
)
from store.database import Database
from store.writes.ledger import LedgerConflict, book_charge
from tests.payments.requests import (
    CLAIM,
    HOLD,
    NOW,
    a_capture,
    a_charge,
    a_hold,
    a_refund,
    a_release,
    booked,
    hold_placed,
    later,
    only_payment,
    parties,
)


async def test_a_hold_is_placed_and_no_money_is_booked(database: Database) -> None:
    payments, _ = parties(database)
    result = await payments.authorize_hold(a_hold())
    assert isinstance(result, HoldPlaced)
    assert result.hold == Hold(HOLD, HoldState.AUTHORIZED, HOLD.zero(), HOLD.zero(), later(days=7))
    view = await booked(database)
    assert view.balance("holds_open", "USD") == HOLD
    assert view.balance("card", "USD") == HOLD.zero()


async def test_a_good_return_ends_with_nothing_taken(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    result = await payments.release_hold(a_release(hold_id))
    assert isinstance(result, HoldPlaced)
    assert result.hold.state is HoldState.RELEASED
    assert (await only_payment(gateway)).held == HOLD.zero()
    assert set((await booked(database)).balances["holds_open"]) == {HOLD.zero()}


async def test_a_default_takes_the_hold_once(database: Database) -> None:
    payments, _ = parties(database)
    hold_id = await hold_placed(payments)
    result = await payments.capture_hold(a_capture(hold_id))
    assert isinstance(result, HoldPlaced)
    assert (result.hold.state, result.hold.captured) == (HoldState.CAPTURED, HOLD)
    again = await payments.capture_hold(a_capture(hold_id, key="clm_a:capture:1"))
    assert again == PaymentRefused(state="captured", hold=result.hold, account="default_charges")
    view = await booked(database)
    assert view.balance("default_charges", "USD") == HOLD
    assert view.balance("card", "USD") == -HOLD
    assert view.balance("holds_open", "USD") == HOLD.zero()


async def test_a_partial_capture_frees_the_remainder(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    part = Money(1_200, "USD")
    result = await payments.capture_hold(a_capture(hold_id, amount=part, account="parts_charges"))
    assert isinstance(result, HoldPlaced)
    assert result.hold.captured == part
    assert (await only_payment(gateway, later(days=5))).held == HOLD.zero()
    refused = await payments.release_hold(a_release(hold_id))
    assert refused == PaymentRefused(state="captured", hold=result.hold, account="parts_charges")
    view = await booked(database)
    assert (view.balance("parts_charges", "USD"), view.balance("holds_open", "USD")) == (part, HOLD.zero())


async def test_more_than_the_hold_is_never_captured(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    too_much = HOLD + Money(1, "USD")
    assert await payments.capture_hold(a_capture(hold_id, amount=too_much)) == PaymentRefused(state="authorized")
    assert (await only_payment(gateway)).status == "authorized"


async def test_refunds_never_exceed_what_was_captured_in_sum(database: Database) -> None:
    payments, _ = parties(database)
    hold_id = await hold_placed(payments)
    await payments.capture_hold(a_capture(hold_id))
    half = Money(HOLD.amount // 2, "USD")
    assert await payments.refund_payment(a_refund(hold_id, amount=half)) == PaymentRefunded(
        payment_id=hold_id, refunded=half
    )
    too_much = a_refund(hold_id, key="clm_a:refund:1", amount=half + Money(1, "USD"))
    assert await payments.refund_payment(too_much) == PaymentRefused(state="captured")
    rest = await payments.refund_payment(a_refund(hold_id, key="clm_a:refund:2", amount=half))
    assert rest == PaymentRefunded(payment_id=hold_id, refunded=HOLD)
    view = await booked(database)
    assert view.balance("default_charges", "USD") == view.balance("card", "USD") == HOLD.zero()


@pytest.mark.parametrize("late", [0, 3600])
async def test_a_hold_ends_when_the_claims_clock_reaches_its_expiry(database: Database, late: int) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    assert (await only_payment(gateway, later(days=7, seconds=-1))).status == "authorized"
    assert await payments.capture_hold(a_capture(hold_id, at=later(days=7, seconds=late))) == PaymentRefused(
        state="expired"
    )
    # Final, even at an earlier time of the claim's clock.
    assert await payments.release_hold(a_release(hold_id, at=NOW)) == PaymentRefused(state="expired")
    view = await booked(database)
    assert view.balance("holds_open", "USD") == HOLD.zero()
    assert [line.key for line in view.entries].count("clm_a:authorize:0:expired") == 2


async def test_a_hold_can_be_captured_in_its_last_second(database: Database) -> None:
    payments, _ = parties(database)
    hold_id = await hold_placed(payments)
    result = await payments.capture_hold(a_capture(hold_id, at=later(days=7, seconds=-1)))
    assert isinstance(result, HoldPlaced)


async def test_an_unknown_payment_is_refused(database: Database) -> None:
    payments, _ = parties(database)
    assert await payments.release_hold(a_release("pay_none")) == PaymentRefused(state="unknown")
    assert (await booked(database)).entries == ()


async def test_the_fee_is_charged_and_given_back(database: Database) -> None:
    payments, _ = parties(database)
    charged = await payments.charge_card(a_charge())
    assert isinstance(charged, CardCharged)
    assert charged.amount == Money(15_900, "USD")
    assert (await booked(database)).balance("service_fees", "USD") == charged.amount
    back = a_refund(charged.payment_id, amount=charged.amount, account="service_fees")
    await payments.refund_payment(back)
    view = await booked(database)
    assert view.balance("service_fees", "USD") == view.balance("card", "USD") == Money(0, "USD")
    assert len(view.entries) == 4


async def test_yen_have_no_cents_and_are_kept_apart_from_dollars(database: Database) -> None:
    payments, _ = parties(database)
    await payments.charge_card(a_charge())
    await payments.charge_card(a_charge(key="clm_a:plan", amount=Money(11_990, "JPY"), account="plan_sales"))
    view = await booked(database)
    assert view.balances["card"] == (Money(-11_990, "JPY"), Money(-15_900, "USD"))


async def test_the_same_request_returns_the_same_result_and_moves_nothing_again(database: Database) -> None:
    payments, gateway = parties(database)
    first = await payments.authorize_hold(a_hold())
    assert isinstance(first, HoldPlaced)
    await payments.release_hold(a_release(first.payment_id))
    assert await payments.authorize_hold(a_hold(at=later(hours=1))) == first
    assert (await only_payment(gateway)).status == "released"
    assert len((await booked(database)).entries) == 4


async def test_a_decline_is_stored_under_its_key(database: Database) -> None:
    payments, _ = parties(database)
    request = a_charge(payment_method="pm_card_chargeDeclinedInsufficientFunds")
    declined = PaymentDeclined(code="insufficient_funds", retryable=True)
    assert await payments.charge_card(request) == await payments.charge_card(request) == declined
    assert (await booked(database)).entries == ()


async def test_eight_attempts_at_once_move_the_money_once(database: Database) -> None:
    payments, gateway = parties(database)
    results = await asyncio.gather(*(payments.charge_card(a_charge()) for _ in range(8)))
    assert len({repr(result) for result in results}) == 1
    assert (await only_payment(gateway)).captured == Money(15_900, "USD")
    assert len((await booked(database)).entries) == 2


async def test_capture_and_release_at_once_end_the_hold_one_way(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    results = await asyncio.gather(payments.capture_hold(a_capture(hold_id)), payments.release_hold(a_release(hold_id)))
    ended = (await only_payment(gateway)).status
    assert sorted(result.result for result in results) == ["hold", "refused"]
    assert [result.state for result in results if isinstance(result, PaymentRefused)] == [ended]


@pytest.mark.parametrize(
    "other",
    [{"amount": Money(15_901, "USD")}, {"payment_method": "pm_card_amex"}, {"subject": "clm_b"}],
    ids=lambda other: next(iter(other)),
)
async def test_a_reused_key_is_a_non_retryable_error(database: Database, other: dict[str, object]) -> None:
    payments, _ = parties(database)
    await payments.charge_card(a_charge())
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge(**other))
    assert (error.value.type, error.value.non_retryable) == ("KeyReused", True)
    assert len((await booked(database)).entries) == 2


async def test_a_lost_response_is_found_under_the_same_key(database: Database) -> None:
    calls = itertools.count()
    payments, gateway = parties(database, lose_responses=lambda _key: next(calls) == 0)
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge())
    assert (error.value.type, error.value.non_retryable) == ("OutcomeUnknown", False)
    assert (await only_payment(gateway)).status == "captured"
    result = await payments.charge_card(a_charge())
    assert isinstance(result, CardCharged)
    assert len((await booked(database)).entries) == 2


async def test_payment_and_ledger_entry_are_written_together_or_not_at_all(database: Database) -> None:
    payments, gateway = parties(database)
    async with database.transaction() as session:
        await book_charge(session, CLAIM, f"{CLAIM}:fee", NOW, Money(1, "USD"), "plan_sales")
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge())
    assert (error.value.type, error.value.non_retryable) == (LedgerConflict.__name__, True)
    assert await gateway.find(CLAIM, at=NOW) == ()


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_amount_of_zero_or_less_is_not_charged(database: Database, amount: int) -> None:
    payments, _ = parties(database)
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge(amount=Money(amount, "USD")))
    assert (error.value.type, error.value.non_retryable) == ("InvalidAmount", True)


async def test_another_currency_than_the_holds_is_an_error(database: Database) -> None:
    payments, _ = parties(database)
    hold_id = await hold_placed(payments)
    with pytest.raises(ApplicationError) as error:
        await payments.capture_hold(a_capture(hold_id, amount=Money(1, "EUR")))
    assert error.value.type == "InvalidAmount"


async def test_refusals_are_stored_by_the_gateway_alone(database: Database) -> None:
    _, gateway = parties(database)
    hold = await gateway.authorize(HOLD, "pm_card_visa", subject=CLAIM, key="k0", at=NOW, sent_at=NOW)
    await gateway.release(hold.id, key="k1", at=NOW)
    for _ in range(2):
        with pytest.raises(GatewayRefused, match="released"):
            await gateway.capture(hold.id, HOLD, key="k2", at=NOW)
    assert [payment.reference for payment in await gateway.find(CLAIM, at=NOW)] == ["k0"]


def test_it_refuses_to_be_built_for_production(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/unused.db")
    with pytest.raises(ValueError, match="must not run in production"):
        SimulatedGateway(database, environment="production")
