"""Activities: the way to a gateway that is not in our database: written down first, then sent, then booked.

No request is made inside a transaction: nobody waits for a lock until a far server has answered.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import AnswerT, Gateway, GatewayAccess, Sender
from domain.eligibility import Card
from store.database import Database
from store.writes.payment_attempts import AnswerJson, Attempt, answer_attempt, lock_attempt, open_attempt


class RemoteAccess(GatewayAccess, Sender):
    """A gateway and the books about it, kept by two parties. `now` is the wall clock.

    One transaction writes the request down, then it is sent, then another one books it and writes its answer down. A
    crash between the two leaves an attempt without an answer: the next one sends the same request under the same key.
    """

    def __init__(
        self, gateway: Gateway, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._gateway = gateway
        self._database = database
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
        async with self._database.writing() as session:
            there = await open_attempt(session, attempt, self._now())
        if there.answer is not None:
            return there.answer
        answer = await request(self, there.first_sent_at)
        async with self._database.writing() as session:
            # Another worker may have sent the same meanwhile: the first answer that is written down stands.
            there = await lock_attempt(session, attempt.key)
            if there.answer is not None:
                return there.answer
            result = await settle(session, answer)
            await answer_attempt(session, attempt.key, result, self._now())
        return result

    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[AnswerT]],
        book: Callable[[AsyncSession, AnswerT], Awaitable[None]],
    ) -> AnswerT:
        answer = await request(self._gateway)
        async with self._database.writing() as session:
            await book(session, answer)
        return answer

    async def look_up(self, payment_method: str) -> Card | None:
        return await self._gateway.look_up(payment_method)
