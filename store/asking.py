"""Store: PostgreSQL asked without a thread and without a session, for what is asked most.

The driver sends each statement, prepared, on a connection that is kept. Threads that ask and the loop would take the
interpreter from each other, which costs more than the question.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from sqlalchemy import URL, Executable

from store.wire import DIALECT, Wire, written

AT_ONCE: Final = 4
"""How many questions are under way at a time, each on a connection of its own; the others wait for their turn."""


class Asking:
    """The way to the PostgreSQL database at `address` for whoever asks one statement at a time."""

    def __init__(self, address: URL) -> None:
        _, self._address = DIALECT.create_connect_args(address)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._free: list[psycopg.AsyncConnection[Any]] = []

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's rows. A server that was away since the last question is asked again.

        Raises sqlalchemy.exc.OperationalError when there is no answer.
        """
        wire = written(statement)
        async with self._turns:
            while True:
                kept = self._free.pop() if self._free else None
                try:
                    return await self._answer(wire, values, kept)
                except psycopg.Error as error:
                    # What only reads may be asked again.
                    if kept is None or not kept.broken:
                        raise wire.failed(error) from error

    async def close(self) -> None:
        """Give all connections back."""
        while self._free:
            await self._free.pop().close()

    async def _answer(
        self, wire: Wire, values: Mapping[str, Any], kept: psycopg.AsyncConnection[Any] | None
    ) -> Sequence[Any]:
        connection = kept or await psycopg.AsyncConnection.connect(autocommit=True, **self._address)
        try:
            cursor = await connection.execute(wire.text, wire.parameters(values), prepare=True)
            answer = await wire.answer(cursor)
        except psycopg.Error:
            if not connection.broken:
                self._free.append(connection)
            raise
        except BaseException:
            # Whoever was stopped in the middle leaves a connection nobody knows the state of.
            await connection.close()
            raise
        self._free.append(connection)
        return answer.all()
