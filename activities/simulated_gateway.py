"""Activities: the simulated gateway as others reach it, over a wire that can lose answers. Moves no real money."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import (
    AnswerT,
    Declined,
    Gateway,
    GatewayAccess,
    OutcomeUnknown,
    Payment,
    Refused,
    SavedCard,
    Sender,
)
from activities.simulated_bank import SimulatedBank
from activities.simulated_cards import card_behind
from domain.eligibility import Card
from domain.money import Money
from store.database import Database
from store.writes.payment_attempts import AnswerJson, Attempt, answer_attempt, open_attempt


class SimulatedGateway(Gateway, GatewayAccess):
    """A payment gateway inside our own database, for development, demonstrations and tests.

    Every call is one transaction, with `send` the attempt, what the caller books about it and its answer too.
    `lose_answers` is asked after each commit, with the request's key, whether this answer gets lost: the caller then
    sees OutcomeUnknown although it has happened. `now` is the wall clock. Raises ValueError when it is built for
    production.
    """

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        lose_answers: Callable[[str], bool] | None = None,
        bank: Callable[[AsyncSession], Gateway] = SimulatedBank,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if environment == "production":
            raise ValueError(
                "the simulated gateway moves no money and must not run in production: choose another one for payments"
            )
        self._database = database
        self._loses = lose_answers
        self._bank = bank
        self._now = now

    async def send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        """The attempt, the request, what is booked about it and its answer, in one transaction."""
        async with self._database.writing() as session:
            result = await _Within(session, self._bank(session), self._now).send(attempt, request, settle)
        self._lose(attempt.key)
        return result

    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[AnswerT]],
        book: Callable[[AsyncSession, AnswerT], Awaitable[None]],
    ) -> AnswerT:
        """The request and what is booked about it, in one transaction."""
        async with self._database.writing() as session:
            answer = await request(self._bank(session))
            await book(session, answer)
        self._lose(key)
        return answer

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
        return await self._request(
            key,
            lambda bank: bank.authorize(
                amount, payment_method, subject=subject, key=key, at=at, sent_at=sent_at, off_session=off_session
            ),
        )

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        return await self._request(key, lambda bank: bank.capture(payment_id, amount, key=key, at=at))

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        return await self._request(key, lambda bank: bank.release(payment_id, key=key, at=at))

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
        return await self._request(
            key,
            lambda bank: bank.charge(
                amount, payment_method, subject=subject, key=key, at=at, sent_at=sent_at, off_session=off_session
            ),
        )

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        return await self._request(key, lambda bank: bank.refund(payment_id, amount, key=key, at=at))

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return await self._request(payment_id, lambda bank: bank.get(payment_id, at=at))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        return await self._request(subject, lambda bank: bank.find(subject, at=at))

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        async with self._database.reading() as session:
            return await self._bank(session).page(after, limit=limit)

    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        return await self._request(key, lambda bank: bank.save_card(payment_method, key=key))

    async def look_up(self, payment_method: str) -> Card | None:
        return card_behind(payment_method)

    async def _request(self, key: str, request: Callable[[Gateway], Awaitable[AnswerT]]) -> AnswerT:
        # Declined and Refused are answers: what led to them is committed before they are raised.
        async def answered(gateway: Gateway) -> AnswerT | Declined | Refused:
            try:
                return await request(gateway)
            except (Declined, Refused) as no:
                return no

        answer = await self.look(key, answered, _nothing_to_book)
        if isinstance(answer, Declined | Refused):
            raise answer
        return answer

    def _lose(self, key: str) -> None:
        if self._loses is not None and self._loses(key):
            raise OutcomeUnknown(key)


class _Within(Sender):
    """The simulated gateway and the table of attempts in one transaction that somebody else commits."""

    def __init__(self, session: AsyncSession, gateway: Gateway, now: Callable[[], datetime]) -> None:
        self._session = session
        self._gateway = gateway
        self._now = now

    @property
    def gateway(self) -> Gateway:
        return self._gateway

    async def send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        there = await open_attempt(self._session, attempt, self._now())
        if there.answer is not None:
            return there.answer
        result = await settle(self._session, await request(self, there.first_sent_at))
        await answer_attempt(self._session, attempt.key, result, self._now())
        return result


async def _nothing_to_book(_: AsyncSession, __: object) -> None:
    pass
