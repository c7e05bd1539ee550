"""Several holds of one claim: how long each lasts, which are released, and that each end is booked once."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Gateway
from activities.payments.ledgered_gateway import FoundT, LedgeredGateway, RemoteLedgeredGateway, ResponseT
from activities.payments.simulated.gateway import SimulatedGateway
from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money
from messages.payments import CardCharged, HoldPlaced, PaymentRefused
from store.database import Database
from store.writes.payment_attempts import Attempt, ResponseJson
from tests.payments.requests import (
    CLAIM,
    HOLD,
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
    parties,
)

ResultT = TypeVar("ResultT")

ORDINARY = timedelta(days=7)
RENEWED_VISA = timedelta(days=4, hours=18)
EXTENDED = timedelta(days=29, hours=18)


@pytest.mark.parametrize(
    ("token", "off_session", "ordinary", "extended"),
    [
        ("pm_card_visa", False, ORDINARY, EXTENDED),
        ("pm_card_visa", True, RENEWED_VISA, RENEWED_VISA),
        ("pm_card_visa_debit", False, ORDINARY, EXTENDED),
        ("pm_card_visa_debit", True, RENEWED_VISA, RENEWED_VISA),
        ("pm_card_mastercard", False, ORDINARY, EXTENDED),
        ("pm_card_mastercard", True, ORDINARY, EXTENDED),
        ("pm_card_amex", False, ORDINARY, ORDINARY),
        ("pm_card_amex", True, ORDINARY, ORDINARY),
    ],
)
async def test_a_hold_lasts_as_long_as_card_time_and_account_allow(
    sqlite_database: Database, token: str, off_session: bool, ordinary: timedelta, extended: timedelta
) -> None:
    for account, lives in ((False, ordinary), (True, extended)):
        payments, _ = parties(sqlite_database, extended=account)
        request = a_hold(payment_method=token, off_session=off_session, key=f"{CLAIM}:authorize:{account}")
        result = await payments.authorize_hold(request)
        assert isinstance(result, HoldPlaced)
        assert result.hold.expires_at == request.at + lives


async def three_holds(payments: GatewayPayments) -> tuple[str, str, str]:
    """The first for seven days and the next two, off session, for less; the second has expired by
    the fifth day, the third, a day younger, is not."""
    return (
        await hold_placed(payments),
        await hold_placed(payments, key=f"{CLAIM}:authorize:1", off_session=True),
        await hold_placed(payments, key=f"{CLAIM}:authorize:2", off_session=True, at=later(days=1)),
    )


async def ends(database: Database) -> Counter[str]:
    """How often each end of a hold is in the ledger."""
    lines = (await booked(database)).entries
    return Counter(line.key for line in lines if line.account == "holds_open" and line.amount < 0)


async def test_a_capture_releases_every_other_live_hold_and_books_each_end_once(database: Database) -> None:
    payments, gateway = parties(database)
    first, second, third = await three_holds(payments)
    captured = await payments.capture_hold(a_capture(first))
    assert await payments.capture_hold(a_capture(first)) == captured
    found = {payment.id: payment.status for payment in await gateway.find(CLAIM, at=later(days=5))}
    assert found == {first: "captured", second: "expired", third: "released"}
    assert await ends(database) == {
        f"{CLAIM}:capture": 1,
        f"{CLAIM}:authorize:1:expired": 1,
        f"{CLAIM}:authorize:2:released": 1,
    }
    view = await booked(database)
    assert (view.balance("holds_open", "USD"), view.balance("default_charges", "USD")) == (HOLD.zero(), HOLD)


async def test_a_refused_capture_releases_no_other_hold(database: Database) -> None:
    payments, gateway = parties(database)
    _, second, third = await three_holds(payments)
    assert await payments.capture_hold(a_capture(second)) == PaymentRefused(state="expired")
    assert {p.id: p.status for p in await gateway.find(CLAIM, at=later(days=5))}[third] == "authorized"


async def test_a_release_alone_leaves_the_other_holds(database: Database) -> None:
    payments, gateway = parties(database)
    first, second, third = await three_holds(payments)
    await payments.release_hold(a_release(first))
    found = {payment.id: payment.status for payment in await gateway.find(CLAIM, at=later(days=4))}
    assert found == {first: "released", second: "authorized", third: "authorized"}
    assert await ends(database) == {f"{CLAIM}:authorize:0:released": 1}


async def test_a_release_with_the_others_leaves_no_hold_and_books_each_end_once(database: Database) -> None:
    payments, gateway = parties(database)
    first, second, third = await three_holds(payments)
    release = a_release(first, at=later(days=5), others=True)
    for _ in range(2):
        assert isinstance(await payments.release_hold(release), HoldPlaced)
    found = {payment.id: payment.status for payment in await gateway.find(CLAIM, at=later(days=5))}
    assert found == {first: "released", second: "expired", third: "released"}
    assert await ends(database) == {
        f"{CLAIM}:authorize:0:released": 1,
        f"{CLAIM}:authorize:1:expired": 1,
        f"{CLAIM}:authorize:2:released": 1,
    }


async def test_the_others_are_released_even_when_the_hold_itself_has_ended(database: Database) -> None:
    payments, gateway = parties(database)
    _, second, _ = await three_holds(payments)
    release = a_release(second, key=f"{CLAIM}:release:1", at=later(days=5), others=True)
    assert await payments.release_hold(release) == PaymentRefused(state="expired")
    statuses = [payment.status for payment in await gateway.find(CLAIM, at=later(days=5))]
    assert sorted(statuses) == ["expired", "released", "released"]
    assert (await booked(database)).balance("holds_open", "USD") == HOLD.zero()


async def test_releasing_holds_leaves_charges_and_other_claims_alone(database: Database) -> None:
    payments, gateway = parties(database)
    await payments.charge_card(a_charge())
    await hold_placed(payments, subject="clm_b", key="clm_b:authorize:0")
    await payments.release_hold(a_release(await hold_placed(payments), others=True))
    (charge,) = (payment for payment in await gateway.find(CLAIM, at=later(days=4)) if payment.kind == "charge")
    (other,) = await gateway.find("clm_b", at=later(days=4))
    assert (charge.status, charge.refunded, other.status) == ("captured", Money(0, "USD"), "authorized")


async def test_a_query_moves_nothing_and_books_an_expiry_once(database: Database) -> None:
    payments, _ = parties(database)
    hold_id = await hold_placed(payments)
    result = await payments.look_at_hold(a_look(hold_id))
    assert isinstance(result, HoldPlaced)
    assert result.hold == Hold(HOLD, HoldState.AUTHORIZED, HOLD.zero(), HOLD.zero(), later(days=7))
    assert await ends(database) == {}
    for n in range(1, 3):
        over = await payments.look_at_hold(a_look(hold_id, key=f"{CLAIM}:look:{n}", at=later(days=7)))
        assert isinstance(over, HoldPlaced)
        assert over.hold.state is HoldState.EXPIRED
    await payments.release_hold(a_release(hold_id, at=later(days=8)))
    assert await ends(database) == {f"{CLAIM}:authorize:0:expired": 1}
    assert await payments.look_at_hold(a_look("pay_none")) == PaymentRefused(state="unknown")


async def test_a_kept_deposit_moves_in_the_ledger_alone_and_once(database: Database) -> None:
    payments, gateway = parties(database)
    hold_id = await hold_placed(payments)
    await payments.capture_hold(a_capture(hold_id, account="deposits"))
    part = Money(40_000, "USD")
    for _ in range(2):
        await payments.keep_deposit(a_deposit_kept(amount=part, account="parts_charges"))
    rest = HOLD - part
    await payments.refund_payment(a_refund(hold_id, amount=rest, account="deposits"))
    view = await booked(database)
    assert (view.balance("deposits", "USD"), view.balance("parts_charges", "USD")) == (HOLD.zero(), part)
    assert view.balance("card", "USD") == -part
    (payment,) = await gateway.find(CLAIM, at=later(days=20))
    assert payment.captured - payment.refunded == part


class CrashesBeforeBooking(RemoteLedgeredGateway):
    """A remote gateway with a crash between its response and the booking, the first time for each key."""

    def __init__(self, database: Database) -> None:
        super().__init__(SimulatedGateway(database, environment="test"), database)
        self.crashed: list[str] = []

    async def send(
        self,
        attempt: Attempt,
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        async def crashes(ledgered: LedgeredGateway, sent_at: datetime) -> ResponseT:
            result = await request(ledgered, sent_at)
            self._crash(attempt.key)
            return result

        async def settles_twice(session: AsyncSession, result: ResponseT) -> ResponseJson:
            first = await settle(session, result)
            assert await settle(session, result) == first
            return first

        return await super().send(attempt, crashes, settles_twice)

    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[ResponseT]],
        book: Callable[[AsyncSession, ResponseT], Awaitable[FoundT]],
    ) -> FoundT:
        async def crashes(gateway: Gateway) -> ResponseT:
            result = await request(gateway)
            self._crash(key)
            return result

        return await super().look(key, crashes, book)

    def _crash(self, key: str) -> None:
        if key not in self.crashed:
            self.crashed.append(key)
            raise ConnectionAbortedError(key)


async def test_a_crash_between_gateway_and_ledger_moves_and_books_everything_once(database: Database) -> None:
    access = CrashesBeforeBooking(database)
    payments = GatewayPayments(access)
    _, gateway = parties(database)

    async def again(attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """The result, after a crash for every key that is sent on the way."""
        while True:
            before = len(access.crashed)
            with suppress(ConnectionAbortedError):
                return await attempt()
            assert len(access.crashed) == before + 1
            assert access.crashed[-1] not in {line.key for line in (await booked(database)).entries}

    await again(lambda: payments.authorize_hold(a_hold()))
    placed = await again(lambda: payments.authorize_hold(a_hold(key=f"{CLAIM}:authorize:1")))
    assert isinstance(placed, HoldPlaced)
    hold_id = placed.payment_id
    charged = await again(lambda: payments.charge_card(a_charge()))
    assert isinstance(charged, CardCharged)
    captured = await again(lambda: payments.capture_hold(a_capture(hold_id)))
    assert isinstance(captured, HoldPlaced)
    await again(lambda: payments.refund_payment(a_refund(hold_id)))
    looked = await again(lambda: payments.look_at_hold(a_look(hold_id, at=later(days=20))))
    assert isinstance(looked, HoldPlaced)
    assert looked.hold.state is HoldState.CAPTURED
    assert access.crashed == [
        f"{CLAIM}:authorize:0",
        f"{CLAIM}:authorize:1",
        f"{CLAIM}:fee",
        f"{CLAIM}:authorize:0:release",
        f"{CLAIM}:capture",
        f"{CLAIM}:refund:0",
        f"{CLAIM}:look:0",
    ]

    payments_made = await gateway.find(CLAIM, at=later(days=20))
    assert sorted((p.kind, p.status, p.captured, p.refunded) for p in payments_made) == [
        ("charge", "captured", charged.amount, HOLD.zero()),
        ("hold", "captured", HOLD, HOLD),
        ("hold", "released", HOLD.zero(), HOLD.zero()),
    ]
    view = await booked(database)
    assert view.balance("card", "USD") == -charged.amount
    assert view.balance("holds_open", "USD") == view.balance("default_charges", "USD") == HOLD.zero()
    assert len({(line.key, line.account) for line in view.entries}) == len(view.entries)
