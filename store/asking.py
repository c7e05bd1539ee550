"""Store: PostgreSQL asked without a thread and without a session, for what is asked most.

SQLAlchemy writes the statement and knows the types; the driver sends it, prepared, on a connection that is kept.
Threads that ask and the loop would take the interpreter from each other, which costs more than the question.
"""

import asyncio
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from sqlalchemy import URL, ClauseElement, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.compiler import SQLCompiler

AT_ONCE: Final = 4
"""How many questions are under way at a time, each on a connection of its own; the others wait for their turn."""
_DIALECT: Final[Any] = PGDialect_psycopg()  # type: ignore[no-untyped-call]
Connection = psycopg.AsyncConnection[Any]
Made = Callable[[Any], Any]


class Asking:
    """The way to the PostgreSQL database at `address` for whoever asks one statement at a time."""

    def __init__(self, address: URL) -> None:
        _, self._address = _DIALECT.create_connect_args(address)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._free: list[Connection] = []

    async def rows(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """The statement's rows. A server that was away since the last question is asked again.

        Raises sqlalchemy.exc.OperationalError when there is no answer.
        """
        question = _written(statement)
        async with self._turns:
            while True:
                kept = bool(self._free)
                try:
                    return await self._answer(question, values)
                except psycopg.OperationalError as error:
                    if not kept:
                        raise OperationalError(question.text, None, error, hide_parameters=True) from error

    async def close(self) -> None:
        """Give all connections back."""
        while self._free:
            await self._free.pop().close()

    async def _answer(self, question: "_Question", values: Mapping[str, Any]) -> Sequence[Any]:
        if self._free:
            connection = self._free.pop()
        else:
            connection = await psycopg.AsyncConnection.connect(autocommit=True, **self._address)
        try:
            cursor = await connection.execute(question.text, question.parameters(values), prepare=True)
            found = await cursor.fetchall()
        except BaseException:
            # Whoever was stopped in the middle leaves a connection nobody knows the state of.
            await connection.close()
            raise
        self._free.append(connection)
        return [question.row(line) for line in found]


class _Question:
    """A statement as the driver takes it, and what to make of its answer."""

    def __init__(self, compiled: SQLCompiler) -> None:
        self.text = str(compiled)
        makers = {
            name: bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
            for bind, name in compiled.bind_names.items()
        }
        self._sends = {name: made for name, made in makers.items() if made is not None}
        self._asked_for = {name for bind, name in compiled.bind_names.items() if bind.required}
        self._constants = {name: self._sent(name, value) for name, value in compiled.params.items()}
        columns = list(getattr(compiled.statement, "selected_columns", ()))
        names = [column.key for column in columns]
        self._row: Any = namedtuple("_Row", names, rename=True) if names else None
        processors = [column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None) for column in columns]
        self._reads: list[tuple[int, Made]] = [
            (place, made) for place, made in enumerate(processors) if made is not None
        ]

    def parameters(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """All the statement needs, its own constants included. Raises KeyError when a value is missing."""
        if missing := self._asked_for - values.keys():
            raise KeyError(*missing)
        return self._constants | {name: self._sent(name, value) for name, value in values.items()}

    def _sent(self, name: str, value: Any) -> Any:
        made = self._sends.get(name)
        return value if made is None else made(value)

    def row(self, line: Sequence[Any]) -> Any:
        """A line as Python has it, its columns by name too."""
        if self._row is None:
            return line
        read = list(line)
        for place, made in self._reads:
            read[place] = made(read[place])
        return self._row._make(read)


@lru_cache
def _written(statement: Executable) -> _Question:
    """As `statement` is sent: written once, which costs more than asking it."""
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    return _Question(compiled)
