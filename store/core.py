"""Store: statements of tables, sent within a transaction by the short way its engine has."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from store.wire import Answer, Engine, Values

Found = CursorResult[Any] | Answer


class CoreSession(AsyncSession):
    """A session on `connection`, in a transaction that somebody else ends. Objects cost something only when used."""

    engine: Engine

    def __init__(self, connection: Connection) -> None:
        self._on = connection

    @cached_property
    def sync_session(self) -> Session:  # type: ignore[override]  # made when it is asked for
        session = Session(self._on, expire_on_commit=False)
        self._assign_proxied(session)
        return session

    @property
    def _proxied(self) -> Session:  # type: ignore[override]
        return self.sync_session

    @property
    def _objects(self) -> Session | None:
        return self.__dict__.get("sync_session")

    async def core(self, statement: Executable, values: Values) -> Answer:
        """Run the statement."""
        raise NotImplementedError

    async def flush(self, objects: Any = None) -> None:
        """Write what objects were changed."""
        used = self._objects
        if used is not None and (used.new or used.dirty or used.deleted):
            await super().flush(objects)

    def forget(self) -> None:
        """Let the objects go, when the transaction has ended."""
        if self._objects is not None:
            self._objects.close()


async def core(session: AsyncSession, statement: Executable, values: Values) -> Found:
    """Run a statement of tables, not of objects: it costs a third of one. Build it once: that costs more than both."""
    if isinstance(session, CoreSession):
        return await session.core(statement, values)
    return await (await session.connection()).execute(statement, values)


async def locked(session: AsyncSession, statement: Executable, values: Mapping[str, Any]) -> None:
    """Take the lock that `statement` (FOR UPDATE) names. SQLite's one writer has them all."""
    if engine_of(session) != "sqlite":
        await core(session, statement, values)


def engine_of(session: AsyncSession) -> str:
    """`sqlite` or `postgresql`."""
    return session.engine if isinstance(session, CoreSession) else session.get_bind().dialect.name
