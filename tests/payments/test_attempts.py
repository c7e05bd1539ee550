"""Payment attempts on both engines: a request is recorded, sent, then booked; one with a result is not sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Gateway, OutcomeUnknown, Payment
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.stripe.gateway import KEY_LIFETIME, StripeGateway, stripe_client
from domain.money import Money
from messages.payments import CardCharged, HoldPlaced, LookUpCard, PaymentDeclined, PaymentRefused
from store.database import Database
from tests.fakes.stripe_http import FakeStripe, a_list, an_error, an_intent
from tests.payments.planted_bugs import IgnoresTheStoredResult, SendsBeforeWriting, TakesTheAgeOfAKeyFromItsMoment
from tests.payments.recorded_attempts import (
    FEE_KEY,
    SENT,
    Clock,
    Watching,
    attempt_of_the_fee,
    attempts,
)
from tests.payments.requests import (
    CLAIM,
    HOLD,
    NOW,
    a_capture,
    a_charge,
    a_deposit_kept,
    a_hold,
    a_look,
    a_refund,
    a_release,
    booked,
    hold_placed,
    later,
)
from tests.stripe.fake_gateway import CARD, CREATE, LIST

Access = type[RemoteLedgeredGateway]


async def is_written_before_it_is_sent(database: Database, access: Access) -> None:
    gateway = Watching(database)
    await GatewayPayments(access(gateway, database)).charge_card(a_charge())
    assert gateway.seen == [(FEE_KEY, False)]


async def is_not_sent_again_once_it_has_a_result(database: Database, access: Access) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(access(gateway, database))
    charged = await payments.charge_card(a_charge())
    assert isinstance(charged, CardCharged)
    for days in (0, 3, 300):
        assert await payments.charge_card(a_charge(at=later(days=days))) == charged
    assert [key for key, _ in gateway.sent] == [FEE_KEY]
    assert len((await booked(database)).entries) == 2


async def is_as_old_as_its_first_sending(database: Database, gateway_type: type[StripeGateway]) -> None:
    """By the wall clock: a claim's clock may be ahead of it or behind it."""
    for number, (at_first, at_last, age) in enumerate(
        [
            (NOW, NOW, KEY_LIFETIME),
            (SENT, SENT + KEY_LIFETIME, KEY_LIFETIME),
            (NOW, NOW, KEY_LIFETIME - timedelta(seconds=1)),
            (SENT + timedelta(days=30), SENT - timedelta(days=30), timedelta(minutes=1)),
        ]
    ):
        clock, key, claim = Clock(), f"clm_{number}:authorize:0", f"clm_{number}"
        made = an_intent(metadata={"claim_id": claim, "reference": key})
        http = FakeStripe(CARD | {CREATE: [TimeoutError(), made], LIST: a_list(made)})
        gateway = gateway_type(stripe_client("sk_test_1", http=http), database, now=clock)
        payments = GatewayPayments(RemoteLedgeredGateway(gateway, database, now=clock))
        request = a_hold(subject=claim, key=key, payment_method="pm_1", at=at_first)
        with pytest.raises(ApplicationError, match="No answer came"):
            await payments.authorize_hold(request)
        before = len(http.lines)
        clock.now += age
        assert isinstance(await payments.authorize_hold(request.model_copy(update={"at": at_last})), HoldPlaced)
        assert http.lines[before:] == ([LIST] if age >= KEY_LIFETIME else [CREATE]), (at_first, at_last, age)


async def test_an_attempt_is_written_before_its_request_is_sent(database: Database) -> None:
    await is_written_before_it_is_sent(database, RemoteLedgeredGateway)


async def test_a_key_with_a_result_is_not_sent_again_at_any_claim_time(database: Database) -> None:
    await is_not_sent_again_once_it_has_a_result(database, RemoteLedgeredGateway)


async def test_a_key_is_looked_up_before_it_is_sent_again_23_hours_after_its_first_request(
    sqlite_database: Database,
) -> None:
    await is_as_old_as_its_first_sending(sqlite_database, StripeGateway)


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (is_written_before_it_is_sent, SendsBeforeWriting),
        (is_not_sent_again_once_it_has_a_result, IgnoresTheStoredResult),
        (is_as_old_as_its_first_sending, TakesTheAgeOfAKeyFromItsMoment),
    ],
    ids=lambda value: value.__name__,
)
async def test_each_planted_bug_is_caught(
    sqlite_database: Database, check: Callable[[Database, Any], Awaitable[None]], planted: type[Any]
) -> None:
    with pytest.raises(AssertionError):
        await check(sqlite_database, planted)


async def test_an_attempt_records_the_request_without_the_payment_method(database: Database) -> None:
    clock = Clock()
    access = RemoteLedgeredGateway(SimulatedGateway(database, environment="test"), database, now=clock)
    payments = GatewayPayments(access)
    hold_id = await hold_placed(payments, ordinal=3)
    await payments.charge_card(a_charge())
    await payments.capture_hold(a_capture(hold_id, account="deposits"))
    await payments.keep_deposit(a_deposit_kept(amount=Money(5, "USD")))
    await payments.refund_payment(a_refund(hold_id, amount=Money(7, "USD"), account="deposits"))
    await payments.release_hold(a_release(hold_id))
    rows = await attempts(database)
    assert {row.key: (row.purpose, row.acts_on, row.amount, row.currency) for row in rows} == {
        f"{CLAIM}:authorize:0": ("authorize", "3", HOLD.amount, "USD"),
        FEE_KEY: ("charge", "service_fees", 15_900, "USD"),
        f"{CLAIM}:capture": ("capture", hold_id, HOLD.amount, "USD"),
        f"{CLAIM}:keep:0": ("keep_deposit", "", 5, "USD"),
        f"{CLAIM}:refund:0": ("refund", hold_id, 7, "USD"),
        f"{CLAIM}:release:0": ("release", hold_id, None, None),
    }
    assert {row.subject for row in rows} == {CLAIM}
    assert {(row.first_sent_at, row.answered_at) for row in rows} == {(SENT, SENT)}
    assert {row.key: row.answer and row.answer["result"] for row in rows} == {
        f"{CLAIM}:authorize:0": "hold",
        FEE_KEY: "charged",
        f"{CLAIM}:capture": "hold",
        f"{CLAIM}:keep:0": "kept",
        f"{CLAIM}:refund:0": "refunded",
        f"{CLAIM}:release:0": "refused",
    }
    assert "pm_" not in repr([row.model_dump() for row in rows])


async def test_every_other_hold_that_is_released_has_an_attempt_of_its_own(database: Database) -> None:
    payments = GatewayPayments(RemoteLedgeredGateway(SimulatedGateway(database, environment="test"), database))
    first = await hold_placed(payments)
    second = await hold_placed(payments, key=f"{CLAIM}:authorize:1", ordinal=1)
    await payments.capture_hold(a_capture(first))
    (released,) = (row for row in await attempts(database) if row.purpose == "release")
    assert (released.key, released.acts_on) == (f"{CLAIM}:authorize:1:release", second)
    assert released.answer is not None


@pytest.mark.parametrize(
    "other",
    [{"amount": Money(15_901, "USD")}, {"payment_method": "pm_card_amex"}, {"subject": "clm_b"}, {"off_session": True}],
    ids=lambda other: next(iter(other)),
)
@pytest.mark.parametrize("has_result", [True, False], ids=["with_result", "without_result"])
async def test_another_request_under_the_same_key_is_a_key_reused_and_not_sent(
    database: Database, other: dict[str, object], has_result: bool
) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    gateway.crashes = not has_result
    with nullcontext() if has_result else pytest.raises(ConnectionAbortedError):
        await payments.charge_card(a_charge())
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge(**other))
    assert (error.value.type, error.value.non_retryable) == ("KeyReused", True)
    with pytest.raises(ApplicationError) as error:
        await payments.authorize_hold(a_hold(key=FEE_KEY))
    assert error.value.type == "KeyReused"
    assert len(gateway.sent) == 1
    assert ((await attempt_of_the_fee(database)).answer is not None) == has_result


async def test_two_workers_that_send_the_same_attempt_at_once_book_it_once(
    database: Database, database_url: str
) -> None:
    async with asyncio.timeout(30):
        both = asyncio.Barrier(2)
        second = Database(database_url)
        try:
            gateways = [Watching(each, both) for each in (database, second)]
            workers = [
                GatewayPayments(RemoteLedgeredGateway(gateway, each))
                for gateway, each in zip(gateways, (database, second), strict=True)
            ]
            results = await asyncio.gather(*(payments.charge_card(a_charge()) for payments in workers))
        finally:
            await second.close()
    assert [key for gateway in gateways for key, _ in gateway.sent] == [FEE_KEY, FEE_KEY]
    assert len({sent_at for gateway in gateways for _, sent_at in gateway.sent}) == 1
    assert results[0] == results[1]
    assert isinstance(results[0], CardCharged)
    assert (await attempt_of_the_fee(database)).answer == results[0].model_dump(mode="json")
    assert len((await booked(database)).entries) == 2


async def test_the_first_recorded_result_is_final(database: Database) -> None:
    """A slower worker got another response under the same key: that one is not booked."""

    class Slower(SimulatedGateway):
        async def charge(self, *sent: Any, **more: Any) -> Payment:
            await GatewayPayments(RemoteLedgeredGateway(Watching(database), database)).charge_card(a_charge())
            raise OutcomeUnknown(FEE_KEY)

    slow = GatewayPayments(RemoteLedgeredGateway(Slower(database, environment="test"), database))
    with pytest.raises(ApplicationError):
        await slow.charge_card(a_charge())
    result = (await attempt_of_the_fee(database)).answer
    assert result is not None
    assert (await slow.charge_card(a_charge())).model_dump(mode="json") == result
    assert len((await booked(database)).entries) == 2


async def test_after_a_crash_between_response_and_booking_the_same_key_is_sent_again(
    database: Database,
) -> None:
    gateway, clock = Watching(database), Clock()
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database, now=clock))
    gateway.crashes = True
    with pytest.raises(ConnectionAbortedError):
        await payments.charge_card(a_charge())
    row = await attempt_of_the_fee(database)
    assert (row.first_sent_at, row.answered_at, row.answer) == (SENT, None, None)
    assert (await booked(database)).entries == ()
    gateway.crashes = False
    clock.now += timedelta(hours=2)
    assert isinstance(await payments.charge_card(a_charge(at=later(days=1))), CardCharged)
    assert gateway.sent == [(FEE_KEY, SENT), (FEE_KEY, SENT)]
    row = await attempt_of_the_fee(database)
    assert (row.first_sent_at, row.answered_at) == (SENT, SENT + timedelta(hours=2))
    (payment,) = await gateway.find(CLAIM, at=later(days=1))
    assert payment.captured == Money(15_900, "USD")
    assert len((await booked(database)).entries) == 2


async def test_a_decline_is_a_result_and_not_sent_again(database: Database) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    request = a_charge(payment_method="pm_card_chargeDeclined")
    declined = PaymentDeclined(code="card_declined", retryable=False)
    assert [await payments.charge_card(request) for _ in range(2)] == [declined, declined]
    assert len(gateway.sent) == 1


async def test_an_invalid_request_is_refused_once_and_not_repeated(database: Database) -> None:
    """A 4xx on creation that is no card error."""
    http = FakeStripe(CARD | {CREATE: an_error(400, code="parameter_unknown", param="capture_method")})
    gateway: Gateway = StripeGateway(stripe_client("sk_test_1", http=http), database)
    payments, invalid = GatewayPayments(RemoteLedgeredGateway(gateway, database)), PaymentRefused(state="unfit")
    for days in range(2):
        at = later(days=days)
        assert await payments.authorize_hold(a_hold(payment_method="pm_1", at=at)) == invalid
        assert await payments.charge_card(a_charge(payment_method="pm_1", at=at)) == invalid
    assert http.lines.count(CREATE) == 2
    assert [row.answer for row in await attempts(database)] == [invalid.model_dump(mode="json")] * 2
    assert (await booked(database)).entries == ()


async def test_a_query_of_the_gateway_is_not_recorded(database: Database) -> None:
    gateway = SimulatedGateway(database, environment="test")
    for payments in (GatewayPayments(gateway), GatewayPayments(RemoteLedgeredGateway(gateway, database))):
        hold_id = await hold_placed(payments)
        before = await attempts(database)
        await payments.look_at_hold(a_look(hold_id))
        await payments.look_at_hold(a_look(hold_id, at=later(days=30)))
        await payments.look_up_card(LookUpCard(payment_method="pm_card_visa"))
        assert await attempts(database) == before


async def test_a_flyaway_fee_that_an_earlier_release_charged_on_session_is_not_charged_again_off_session(
    database: Database,
) -> None:
    """A claim of release 0.2.0 that is reset asks for its fee again, now off session, under the same key."""
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    fee = {"account": "flyaway_fees", "key": f"{CLAIM}:fee:0"}
    first = await payments.charge_card(a_charge(**fee))
    assert await payments.charge_card(a_charge(off_session=True, **fee)) == first
    assert len(await gateway.find(CLAIM, at=NOW)) == 1
