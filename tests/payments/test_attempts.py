"""Payment attempts on both engines: a request is recorded, sent, then booked; one with a result is not sent again."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select
from temporalio.exceptions import ApplicationError

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Gateway, OutcomeUnknown, Payment
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.stripe.gateway import KEY_LIFETIME, StripeGateway, stripe_client
from domain.money import Money
from messages.payments import CardCharged, HoldPlaced, LookUpCard, PaymentDeclined, PaymentRefused
from store.database import Database, execute
from store.tables.payment_attempts import PaymentAttemptRow
from tests.fakes.stripe_http import FakeStripe, a_list, an_error, an_intent
from tests.payments.planted_bugs import IgnoresTheStoredAnswer, SendsBeforeWriting, TakesTheAgeOfAKeyFromItsMoment
from tests.payments.requests import (
    CLAIM,
    HOLD,
    NOW,
    a_capture,
    a_charge,
    a_hold,
    a_keeping,
    a_look,
    a_refund,
    a_release,
    booked,
    hold_placed,
    later,
)
from tests.stripe.fake_gateway import CARD, CREATE, LIST

FEE_KEY = f"{CLAIM}:fee"
SENT = NOW + timedelta(days=400)
"""The wall clock, which the claim's clock is far behind."""
Access = type[RemoteLedgeredGateway]


class Clock:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = SENT

    def __call__(self) -> datetime:
        return self.now


class Watching(SimulatedGateway):
    """A gateway somewhere else, for charges: keeps what it was sent, and what the table said of it meanwhile."""

    def __init__(self, database: Database, meet: asyncio.Barrier | None = None) -> None:
        super().__init__(database, environment="test")
        self.sent: list[tuple[str, datetime]] = []
        self.seen: list[tuple[str, bool]] = []
        self.crashes = False
        self._books = database
        self._meet = meet

    async def charge(self, *sent: Any, key: str, sent_at: datetime, **more: Any) -> Payment:
        self.sent.append((key, sent_at))
        self.seen += [(row.key, row.answered_at is not None) for row in await attempts(self._books)]
        if self._meet is not None:
            await self._meet.wait()
        charge = await super().charge(*sent, key=key, sent_at=sent_at, **more)
        if self.crashes:
            raise ConnectionAbortedError(key)
        return charge


async def attempts(database: Database) -> list[PaymentAttemptRow]:
    """Every attempt, as another session sees them."""
    async with database.snapshot() as session:
        return list(await session.exec(select(PaymentAttemptRow).order_by(PaymentAttemptRow.key)))


async def attempt_of_the_fee(database: Database) -> PaymentAttemptRow:
    (row,) = await attempts(database)
    assert row.key == FEE_KEY
    return row


async def is_written_before_it_is_sent(database: Database, access: Access) -> None:
    gateway = Watching(database)
    await GatewayPayments(access(gateway, database)).charge_card(a_charge())
    assert gateway.seen == [(FEE_KEY, False)]


async def is_not_sent_again_once_answered(database: Database, access: Access) -> None:
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


async def test_a_key_with_an_answer_is_not_sent_again_whatever_the_claims_clock_says(database: Database) -> None:
    await is_not_sent_again_once_answered(database, RemoteLedgeredGateway)


async def test_a_key_is_looked_for_before_it_is_sent_again_23_hours_after_it_was_first_sent(
    sqlite_database: Database,
) -> None:
    await is_as_old_as_its_first_sending(sqlite_database, StripeGateway)


@pytest.mark.parametrize(
    ("check", "planted"),
    [
        (is_written_before_it_is_sent, SendsBeforeWriting),
        (is_not_sent_again_once_answered, IgnoresTheStoredAnswer),
        (is_as_old_as_its_first_sending, TakesTheAgeOfAKeyFromItsMoment),
    ],
    ids=lambda value: value.__name__,
)
async def test_each_planted_bug_is_caught(
    sqlite_database: Database, check: Callable[[Database, Any], Awaitable[None]], planted: type[Any]
) -> None:
    with pytest.raises(AssertionError):
        await check(sqlite_database, planted)


async def test_an_attempt_says_what_was_requested_and_no_payment_method(database: Database) -> None:
    clock = Clock()
    access = RemoteLedgeredGateway(SimulatedGateway(database, environment="test"), database, now=clock)
    payments = GatewayPayments(access)
    hold_id = await hold_placed(payments, ordinal=3)
    await payments.charge_card(a_charge())
    await payments.capture_hold(a_capture(hold_id, account="deposits"))
    await payments.keep_deposit(a_keeping(amount=Money(5, "USD")))
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
@pytest.mark.parametrize("answered", [True, False], ids=["answered", "unanswered"])
async def test_another_request_under_the_same_key_is_a_key_reused_and_not_sent(
    database: Database, other: dict[str, object], answered: bool
) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    gateway.crashes = not answered
    with nullcontext() if answered else pytest.raises(ConnectionAbortedError):
        await payments.charge_card(a_charge())
    with pytest.raises(ApplicationError) as error:
        await payments.charge_card(a_charge(**other))
    assert (error.value.type, error.value.non_retryable) == ("KeyReused", True)
    with pytest.raises(ApplicationError) as error:
        await payments.authorize_hold(a_hold(key=FEE_KEY))
    assert error.value.type == "KeyReused"
    assert len(gateway.sent) == 1
    assert ((await attempt_of_the_fee(database)).answer is not None) == answered


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


async def test_the_first_answer_that_is_written_down_stands(database: Database) -> None:
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


async def test_a_crash_between_answer_and_booking_is_repeated_under_the_same_key_as_first_sent(
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


async def test_a_decline_is_an_answer_and_not_sent_again(database: Database) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    request = a_charge(payment_method="pm_card_chargeDeclined")
    declined = PaymentDeclined(code="card_declined", retryable=False)
    assert [await payments.charge_card(request) for _ in range(2)] == [declined, declined]
    assert len(gateway.sent) == 1


async def test_what_the_gateway_never_takes_is_refused_once_and_not_repeated(database: Database) -> None:
    """A 4xx on creation that says nothing of the card."""
    http = FakeStripe(CARD | {CREATE: an_error(400, code="parameter_unknown", param="capture_method")})
    gateway: Gateway = StripeGateway(stripe_client("sk_test_1", http=http), database)
    payments, unfit = GatewayPayments(RemoteLedgeredGateway(gateway, database)), PaymentRefused(state="unfit")
    for days in range(2):
        at = later(days=days)
        assert await payments.authorize_hold(a_hold(payment_method="pm_1", at=at)) == unfit
        assert await payments.charge_card(a_charge(payment_method="pm_1", at=at)) == unfit
    assert http.lines.count(CREATE) == 2
    assert [row.answer for row in await attempts(database)] == [unfit.model_dump(mode="json")] * 2
    assert (await booked(database)).entries == ()


async def test_a_look_is_not_written_down(database: Database) -> None:
    gateway = SimulatedGateway(database, environment="test")
    for payments in (GatewayPayments(gateway), GatewayPayments(RemoteLedgeredGateway(gateway, database))):
        hold_id = await hold_placed(payments)
        before = await attempts(database)
        await payments.look_at_hold(a_look(hold_id))
        await payments.look_at_hold(a_look(hold_id, at=later(days=30)))
        await payments.look_up_card(LookUpCard(payment_method="pm_card_visa"))
        assert await attempts(database) == before


ANSWER = "answer = '{}', answered_at = '2026-11-29 00:00:00+00:00'"


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "unanswered"])
@pytest.mark.parametrize(
    "change",
    [
        "key = 'another'",
        "subject = 'another'",
        "purpose = 'refund'",
        "acts_on = 'another'",
        "amount = amount + 1",
        "amount = NULL, currency = NULL",
        "currency = 'EUR'",
        "fingerprint = 'another'",
        "first_sent_at = '2026-11-28 00:00:00+00:00'",
    ],
)
async def test_what_was_requested_is_never_changed(database: Database, change: str, answered: bool) -> None:
    for values in (change, f"{change}, {ANSWER}"):
        await refuses(database, f"UPDATE payment_attempts SET {values}", answered=answered)  # noqa: S608  ours


@pytest.mark.parametrize("values", [ANSWER, "answer = NULL, answered_at = NULL"])
async def test_an_answer_is_never_changed(database: Database, values: str) -> None:
    await refuses(database, f"UPDATE payment_attempts SET {values}", answered=True)  # noqa: S608  the test's own


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "unanswered"])
async def test_no_attempt_is_removed(database: Database, answered: bool) -> None:
    await refuses(database, "DELETE FROM payment_attempts", answered=answered)


async def test_the_attempts_are_not_emptied_on_postgresql(postgres_url: str) -> None:
    database = Database(postgres_url)
    try:
        await refuses(database, "TRUNCATE payment_attempts", answered=True)
    finally:
        await database.close()


async def test_no_attempt_is_replaced_on_sqlite(sqlite_database: Database) -> None:
    """INSERT OR REPLACE is left undone."""
    await leave_an_attempt(sqlite_database, answered=True)
    before = await attempts(sqlite_database)
    async with sqlite_database.transaction() as session:
        statement = (
            "INSERT OR REPLACE INTO payment_attempts (key, subject, purpose, acts_on, fingerprint, first_sent_at) "
            "SELECT key, 'another', purpose, acts_on, fingerprint, first_sent_at FROM payment_attempts"
        )
        await execute(session, text(statement))
    assert await attempts(sqlite_database) == before


async def refuses(database: Database, statement: str, *, answered: bool) -> None:
    """The table is append-only."""
    await leave_an_attempt(database, answered=answered)
    before = await attempts(database)
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await execute(session, text(statement))
    assert await attempts(database) == before


async def leave_an_attempt(database: Database, *, answered: bool) -> None:
    gateway = Watching(database)
    payments = GatewayPayments(RemoteLedgeredGateway(gateway, database))
    gateway.crashes = not answered
    with nullcontext() if answered else pytest.raises(ConnectionAbortedError):
        await payments.charge_card(a_charge())
