"""Activities: a gateway whose requests are recorded as payment attempts and whose results are booked in the ledger."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.gateway import Gateway
from store.database import Database
from store.writes.payment_attempts import Attempt, ResponseJson, lock_attempt, open_attempt, record_response

ResponseT = TypeVar("ResponseT")
FoundT = TypeVar("FoundT")


class LedgeredGateway(ABC):
    """A gateway with its payment attempts and ledger."""

    @property
    @abstractmethod
    def gateway(self) -> Gateway:
        """The gateway itself. Requests that move money are made within `send` only."""

    @abstractmethod
    async def send(
        self,
        attempt: Attempt,
        request: Callable[["LedgeredGateway", datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        """Record `attempt`, make the request, and commit what is booked about its response together with the result.

        When the key has a result, that is returned and nothing is sent. `request` gets this gateway, for requests that
        belong to it under keys of their own, and when the key was first sent (wall clock). `settle` books and returns
        the result as JSON; it may be called again with the same response. A request whose response was not recorded,
        because the worker crashed, is sent again under the same key by the next attempt. Raises AttemptKeyReused.
        """

    @abstractmethod
    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[ResponseT]],
        book: Callable[[AsyncSession, ResponseT], Awaitable[FoundT]],
    ) -> FoundT:
        """Make a request that moves nothing and book what it brings to light. No attempt is recorded.

        `book` may be called again with the same response; returns its result.
        """


class RemoteLedgeredGateway(LedgeredGateway):
    """A gateway outside our database. `now` is the wall clock.

    One transaction records the attempt, then it is sent, then another one books it and records its result: no request
    is made inside a transaction, so no lock waits for a remote server. A crash between the two leaves an attempt
    without a result: the next one sends the same request under the same key.
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
        request: Callable[[LedgeredGateway, datetime], Awaitable[ResponseT]],
        settle: Callable[[AsyncSession, ResponseT], Awaitable[ResponseJson]],
    ) -> ResponseJson:
        async with self._database.transaction() as session:
            recorded = await open_attempt(session, attempt, self._now())
        if recorded.response is not None:
            return recorded.response
        response = await request(self, recorded.first_sent_at)
        async with self._database.transaction() as session:
            # Another worker may have sent the same meanwhile: the first result that is recorded stands.
            recorded = await lock_attempt(session, attempt.key)
            if recorded.response is not None:
                return recorded.response
            result = await settle(session, response)
            await record_response(session, attempt.key, result, self._now())
        return result

    async def look(
        self,
        key: str,
        request: Callable[[Gateway], Awaitable[ResponseT]],
        book: Callable[[AsyncSession, ResponseT], Awaitable[FoundT]],
    ) -> FoundT:
        response = await request(self._gateway)
        async with self._database.transaction() as session:
            return await book(session, response)
