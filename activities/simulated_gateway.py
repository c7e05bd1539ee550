"""Activities: the simulated gateway as others reach it, over a wire that can lose answers. Moves no real money."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import Declined, Gateway, OutcomeUnknown, Payment, Refused, SavedCard
from activities.simulated_bank import SimulatedBank
from activities.simulated_cards import card_behind
from domain.eligibility import Card
from domain.money import Money
from store.database import Database

AnswerT = TypeVar("AnswerT")


class SimulatedGateway(Gateway):
    """A payment gateway inside our own database, for development, demonstrations and tests.

    Every call is one transaction; `together` makes one of a call and what the caller writes about it. `lose_answers`
    is asked after each commit, with the request's key, whether this answer gets lost: the caller then sees
    OutcomeUnknown although it has happened. Raises ValueError when it is built for production.
    """

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        lose_answers: Callable[[str], bool] | None = None,
        bank: Callable[[AsyncSession], Gateway] = SimulatedBank,
    ) -> None:
        if environment == "production":
            raise ValueError(
                "the simulated gateway moves no money and must not run in production: choose another one for payments"
            )
        self._database = database
        self._loses = lose_answers
        self._bank = bank

    @asynccontextmanager
    async def together(self, key: str) -> AsyncIterator[tuple[AsyncSession, Gateway]]:
        """One transaction for a request under `key` and what the caller writes beside it, committed at the end.

        Declined and Refused are answers: catch them inside, so that they are remembered. Raises OutcomeUnknown after
        the commit when the answer gets lost.
        """
        async with self._database.writing() as session:
            yield session, self._bank(session)
        if self._loses is not None and self._loses(key):
            raise OutcomeUnknown(key)

    async def authorize(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        return await self._ask(
            key,
            lambda bank: bank.authorize(
                amount, payment_method, subject=subject, key=key, at=at, off_session=off_session
            ),
        )

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        return await self._ask(key, lambda bank: bank.capture(payment_id, amount, key=key, at=at))

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        return await self._ask(key, lambda bank: bank.release(payment_id, key=key, at=at))

    async def charge(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        return await self._ask(
            key,
            lambda bank: bank.charge(amount, payment_method, subject=subject, key=key, at=at, off_session=off_session),
        )

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        return await self._ask(key, lambda bank: bank.refund(payment_id, amount, key=key, at=at))

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return await self._ask(payment_id, lambda bank: bank.get(payment_id, at=at))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        return await self._ask(subject, lambda bank: bank.find(subject, at=at))

    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        return await self._ask(key, lambda bank: bank.save_card(payment_method, key=key))

    async def look_up(self, payment_method: str) -> Card | None:
        return card_behind(payment_method)

    async def _ask(self, key: str, request: Callable[[Gateway], Awaitable[AnswerT]]) -> AnswerT:
        refusal: Declined | Refused | None = None
        async with self.together(key) as (_, bank):
            try:
                return await request(bank)
            except (Declined, Refused) as no:
                refusal = no
        raise refusal
