"""Store: a statement as PostgreSQL's driver takes it, and its answer as Python has it.

SQLAlchemy writes the statement and knows the types, once; whoever sends it speaks to the driver.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from sqlalchemy import ClauseElement, Executable
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

DIALECT: Final[Any] = PGDialect_psycopg()  # type: ignore[no-untyped-call]
Values = Mapping[str, Any]
Made = Callable[[Any], Any]


class Answer(IteratorResult[Any]):
    """A statement's rows, and how many it changed."""

    def __init__(self, columns: SimpleResultMetaData, rows: Sequence[Any], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = rowcount


class Wire:
    """One statement, with what its values are sent as and its columns are read as."""

    def __init__(self, compiled: SQLCompiler) -> None:
        self.text = str(compiled)
        makers = {
            name: bind.type.dialect_impl(DIALECT).bind_processor(DIALECT) for bind, name in compiled.bind_names.items()
        }
        self._sends = {name: made for name, made in makers.items() if made is not None}
        self._asked_for = {name for bind, name in compiled.bind_names.items() if bind.required}
        given = {name: value for name, value in compiled.params.items() if name not in self._asked_for}
        defaults = {column.key: column.default for column in compiled.insert_prefetch}
        given |= {
            name: default.arg for name, default in defaults.items() if isinstance(default, ScalarElementColumnDefault)
        }
        self._constants = {name: self._sent(name, value) for name, value in given.items()}
        columns = list(getattr(compiled.statement, "selected_columns", ())) or _returned(compiled.statement)
        self._columns = SimpleResultMetaData([column.key for column in columns]) if columns else None
        processors = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        self._reads: list[tuple[int, Made]] = [
            (place, made) for place, made in enumerate(processors) if made is not None
        ]

    def parameters(self, values: Values) -> Values:
        """All the statement needs, its own constants included. Raises KeyError when a value is missing."""
        if missing := self._asked_for - values.keys():
            raise KeyError(*missing)
        return self._constants | {name: self._sent(name, value) for name, value in values.items()}

    async def answer(self, cursor: psycopg.AsyncCursor[Any]) -> Answer:
        """What the cursor has brought."""
        told = cursor.description
        rows = await cursor.fetchall() if told else []
        columns = self._columns or SimpleResultMetaData([column.name for column in told or ()])
        return Answer(columns, [self._read(line) for line in rows] if self._reads else rows, cursor.rowcount)

    def _sent(self, name: str, value: Any) -> Any:
        made = self._sends.get(name)
        return value if made is None else made(value)

    def _read(self, line: Sequence[Any]) -> Sequence[Any]:
        read = list(line)
        for place, made in self._reads:
            read[place] = made(read[place])
        return tuple(read)

    def failed(self, error: psycopg.Error) -> DBAPIError:
        """The driver's error as SQLAlchemy tells it, without what was written: that names people."""
        told = DBAPIError.instance(self.text, None, error, psycopg.Error, hide_parameters=True, dialect=DIALECT)
        assert isinstance(told, DBAPIError)
        return told


def _returned(statement: Any) -> list[Any]:
    return list(statement.exported_columns) if statement.is_dml and statement._returning else []


@lru_cache
def written(statement: Executable, names: tuple[str, ...] = ()) -> Wire:
    """As `statement` is sent with values of these names: written once, which costs more than sending it."""
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=DIALECT, column_keys=names or None)
    assert isinstance(compiled, SQLCompiler)
    return Wire(compiled)
