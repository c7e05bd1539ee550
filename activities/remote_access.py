"""Activities: the way to a gateway that is not in our database: ask first, book then, each by itself.

No request is made inside a transaction: nobody waits for a lock until a far server has answered.
"""

from collections.abc import Awaitable, Callable

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import AnswerT, Gateway, GatewayAccess
from domain.eligibility import Card
from store.database import Database


class RemoteAccess(GatewayAccess):
    """A gateway and the books about it, kept by two parties.

    A crash between the answer and its booking leaves a payment that is not booked: the next attempt asks again under
    the same key, hears the same answer and books it; the ledger takes each key once.
    """

    def __init__(self, gateway: Gateway, database: Database) -> None:
        self._gateway = gateway
        self._database = database

    async def ask(
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
