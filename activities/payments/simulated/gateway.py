"""Activities: the simulated gateway: payments in our own database. Moves no real money.

Its clock is the claim's: each request brings its moment, and a hold has expired when that clock has reached its expiry.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from copy import copy
from datetime import UTC, datetime
from typing import Literal, Self

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.gateway import (
    Declined,
    Gateway,
    GatewayRefused,
    InvalidAmount,
    OutcomeUnknown,
    Payment,
    require_positive,
)
from activities.payments.ledgered_gateway import FoundT, LedgeredGateway, ResponseT
from activities.payments.simulated import payment_rows as rows
from activities.payments.simulated.cards import card_details, hold_lifetime, simulated_card
from activities.payments.simulated.payment_rows import PaymentRow
from activities.payments.simulated.responses import payment_from, response_once
from domain.eligibility import Card
from domain.money import Money
from messages.ids import new_id
from store.database import Database
from store.writes.payment_attempts import Attempt, ResponseJson, open_attempt, record_response


class SimulatedGateway(Gateway, LedgeredGateway):
    """A payment gateway inside our own database, for development, demonstrations and tests.

    Every request is one transaction; with `send` it holds the attempt, what is booked and the result too.
    `lose_responses` is called with the request's key after each commit: when it returns true the caller gets
    OutcomeUnknown although the request took effect. While `is_silent` returns true no request takes effect.
    `extended`: the account may request extended authorizations, and gets them where the card allows it. `now` is the
    wall clock. Raises ValueError when it is built for production.
    """

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        lose_responses: Callable[[str], bool] | None = None,
        is_silent: Callable[[], bool] = lambda: False,
        extended: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if environment == "production":
            raise ValueError(
                "the simulated gateway moves no money and must not run in production: choose another one for payments"
            )
        self._database = database
        self._lose_responses = lose_responses
        self._is_silent = is_silent
        self._extended = extended
        self._now = now
        self._session: AsyncSession | None = None
        """The transaction of `send` or `look` that this copy of the gateway works in."""

    @property
    def gateway(self) -> Gateway:
        return self

    async def send(
        self,
        attempt: Attempt,
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        """The attempt, the request, what is booked and the result, in one transaction."""
        async with self._transaction(attempt.key) as session:
            recorded = await open_attempt(session, attempt, self._now())
            if recorded.response is not None:
                return recorded.response
            response = await request(self._within(session), recorded.first_sent_at)
            result = await settle(session, response)
            await record_response(session, attempt.key, result, self._now())
            return result

    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[ResponseT]],
        book: Callable[[AsyncSession, ResponseT], Awaitable[FoundT]],
    ) -> FoundT:
        """The request and what is booked, in one transaction."""
        async with self._transaction(key) as session:
            response = await request(self._within(session))
            return await book(session, response)

    async def authorize(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        require_positive(amount)

        async def effect(session: AsyncSession) -> Payment:
            card = simulated_card(payment_method)
            held_before = await rows.count_holds(session, subject, payment_method) if card.counts_holds else 0
            if card.declines_hold(off_session=off_session, held_before=held_before):
                raise Declined(card.code, card.retryable)
            row = self._new_payment("hold", amount, payment_method, subject, key, at)
            lifetime = hold_lifetime(card.card, off_session=off_session, extended=self._extended)
            row.state, row.expires_at = "authorized", at + lifetime
            return await rows.insert_payment(session, row, "authorized")

        return await self._once(key, effect, "authorize", amount, payment_method, subject, off_session)

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        require_positive(amount)

        async def effect(session: AsyncSession) -> Payment:
            row = await self._lock(session, payment_id, at)
            _require_same_currency(row, amount)
            if not self._can_capture(row, amount.amount):
                raise GatewayRefused(row.state)
            self._capture(row, amount.amount)
            return await rows.update_payment(session, row, "captured", at)

        return await self._once(key, effect, "capture", payment_id, amount)

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        async def effect(session: AsyncSession) -> Payment:
            row = await self._lock(session, payment_id, at)
            if row.state != "authorized":
                raise GatewayRefused(row.state)
            row.state = "released"
            return await rows.update_payment(session, row, "released", at)

        return await self._once(key, effect, "release", payment_id)

    async def charge(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        require_positive(amount)

        async def effect(session: AsyncSession) -> Payment:
            card = simulated_card(payment_method)
            if card.declines_charge(off_session=off_session):
                raise Declined(card.code, card.retryable)
            row = self._new_payment("charge", amount, payment_method, subject, key, at)
            self._capture(row, amount.amount)
            return await rows.insert_payment(session, row, "charged")

        return await self._once(key, effect, "charge", amount, payment_method, subject, off_session)

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        require_positive(amount)

        async def effect(session: AsyncSession) -> Payment:
            row = await self._lock(session, payment_id, at)
            _require_same_currency(row, amount)
            if not self._can_refund(row, amount.amount):
                raise GatewayRefused(row.state)
            row.refunded += amount.amount
            return await rows.update_payment(session, row, "refunded", at, row.refunded)

        return await self._once(key, effect, "refund", payment_id, amount)

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        async with self._transaction(payment_id) as session:
            return (await self._lock(session, payment_id, at)).payment()

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        async with self._transaction(subject) as session:
            found = await rows.lock_all(session, subject)
            return tuple([(await self._expired_by(session, row, at)).payment() for row in found])

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        # There is no claim's clock here, so nothing expires: a hold stays as its own claim last saw it.
        async with self._database.snapshot() as session:
            return tuple(row.payment() for row in await rows.page(session, after, limit))

    async def look_up(self, payment_method: str) -> Card | None:
        return card_details(payment_method)

    def _within(self, session: AsyncSession) -> Self:
        """The gateway in a transaction that the caller commits."""
        within = copy(self)
        within._session = session
        return within

    @asynccontextmanager
    async def _transaction(self, key: str) -> AsyncIterator[AsyncSession]:
        """The transaction of the request `key`. Raises OutcomeUnknown when its response gets lost."""
        if self._session is not None:
            yield self._session
            return
        if self._is_silent():
            raise OutcomeUnknown(key)
        async with self._database.transaction() as session:
            yield session
        if self._lose_responses is not None and self._lose_responses(key):
            raise OutcomeUnknown(key)

    async def _once(
        self, key: str, effect: Callable[[AsyncSession], Awaitable[Payment]], *parameters: object
    ) -> Payment:
        """The effect and its response the first time, the same response to each retry. Raises KeyReused."""
        async with self._transaction(key) as session:
            response = await response_once(session, key, parameters, lambda: effect(session))
        # Declined and GatewayRefused are responses too: they are committed before they are raised.
        return payment_from(response)

    async def _lock(self, session: AsyncSession, payment_id: str, at: datetime) -> PaymentRow:
        """The payment as it is at `at`, locked. Raises GatewayRefused with `unknown` when there is none."""
        return await self._expired_by(session, await rows.lock(session, payment_id), at)

    async def _expired_by(self, session: AsyncSession, row: PaymentRow, at: datetime) -> PaymentRow:
        """The payment as it is at `at`: a hold past its expiry has expired, for good."""
        if self._has_expired(row, at) and row.expires_at is not None:
            row.state = "expired"
            await rows.update_payment(session, row, "expired", row.expires_at)
        return row

    def _has_expired(self, row: PaymentRow, at: datetime) -> bool:
        return row.state == "authorized" and row.expires_at is not None and at >= row.expires_at

    def _can_capture(self, row: PaymentRow, amount: int) -> bool:
        return row.state == "authorized" and amount <= row.amount

    def _can_refund(self, row: PaymentRow, amount: int) -> bool:
        return row.state == "captured" and row.refunded + amount <= row.captured

    def _capture(self, row: PaymentRow, amount: int) -> None:
        """Capture once. The remainder is released with it: nothing is held in the state captured."""
        row.state, row.captured = "captured", amount

    def _new_payment(
        self,
        kind: Literal["hold", "charge"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        at: datetime,
    ) -> PaymentRow:
        return PaymentRow(
            id=new_id("pay", key),
            subject=subject,
            kind=kind,
            amount=amount.amount,
            currency=amount.currency,
            captured=0,
            refunded=0,
            state="",
            payment_method=payment_method,
            reference=key,
            created_at=at,
        )


def _require_same_currency(row: PaymentRow, amount: Money) -> None:
    if amount.currency != row.currency:
        raise InvalidAmount(f"the payment {row.id} is in {row.currency}, not in {amount.currency}")
