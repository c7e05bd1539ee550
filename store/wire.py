"""Store: a statement as the engine's driver takes it, and its answer as Python has it.

SQLAlchemy writes the statement and knows the types, once; whoever sends it speaks to the driver. What SQLAlchemy does
around each sending costs more than most of the statements.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal

from sqlalchemy import ClauseElement, Executable
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.schema import ScalarElementColumnDefault

Engine = Literal["sqlite", "postgresql"]
_DIALECTS: Final[dict[Engine, Any]] = {
    "sqlite": SQLiteDialect_pysqlite(paramstyle="named"),
    "postgresql": PGDialect_asyncpg(),  # type: ignore[no-untyped-call]
}
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Of a statement's bound parameters; of several lines for a statement that writes."""
Made = Callable[[Any], Any]


class Answer:
    """A statement's rows, their columns by name too, and how many it changed: as much of SQLAlchemy's as is used here.

    Making one of SQLAlchemy's costs as much as the statement.
    """

    def __init__(self, rows: Sequence[Any], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        return self._rows

    def first(self) -> Any:
        """The first row; None when there is none."""
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        """The only row. Raises ValueError when there are more or none."""
        (row,) = self._rows
        return row

    def scalar(self) -> Any:
        """The first value of the first row; None when there is none."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        return self.one()[0]

    def mappings(self) -> "Answer":
        """The rows as dictionaries."""
        return Answer([row._asdict() for row in self._rows], self.rowcount)


class Wire:
    """One statement for one engine, with what its values are sent as and its columns are read as."""

    def __init__(self, statement: Executable, names: tuple[str, ...], engine: Engine) -> None:
        assert isinstance(statement, ClauseElement)
        self._engine: Engine = engine
        self._dialect = _DIALECTS[engine]
        compiled = statement.compile(dialect=self._dialect, column_keys=names or None)
        assert isinstance(compiled, SQLCompiler)
        self.text = str(compiled)
        self._by_place = bool(compiled.positional)
        self._places = tuple(compiled.positiontup or ())
        impls = {name: bind.type.dialect_impl(self._dialect) for bind, name in compiled.bind_names.items()}
        makers = {name: impl.bind_processor(self._dialect) for name, impl in impls.items()}
        self._sends = {name: made for name, made in makers.items() if made is not None}
        self._asked_for = {name for bind, name in compiled.bind_names.items() if bind.required}
        self._constants = {name: self._sent(name, value) for name, value in _given(compiled, self._asked_for).items()}
        columns = _columns(compiled.statement)
        self.has_rows = bool(columns) or not statement.is_dml
        self._row: Any = namedtuple("_Row", [column.key for column in columns], rename=True) if columns else None
        readers = [column.type.dialect_impl(self._dialect).result_processor(self._dialect, None) for column in columns]
        self._reads: list[tuple[int, Made]] = [(place, made) for place, made in enumerate(readers) if made is not None]

    def lines(self, values: Values) -> Sequence[Any]:
        """What the statement needs, its own constants too, of one line or several: by name or by place, as its text is.

        Raises KeyError when a value is missing.
        """
        lines = [self._line(line) for line in ([values] if isinstance(values, Mapping) else values)]
        return [[line[name] for name in self._places] for line in lines] if self._by_place else lines

    def answer(self, rows: Sequence[Any], rowcount: int) -> Answer:
        """What the driver's cursor has brought."""
        return Answer(rows if self._row is None else [self._read(line) for line in rows], rowcount)

    def failed(self, error: Exception) -> Exception:
        """As `failed`."""
        return failed(self.text, error, self._engine)

    def _line(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if missing := self._asked_for - values.keys():
            raise KeyError(*missing)
        return self._constants | {name: self._sent(name, value) for name, value in values.items()}

    def _sent(self, name: str, value: Any) -> Any:
        made = self._sends.get(name)
        return value if made is None else made(value)

    def _read(self, line: Sequence[Any]) -> Any:
        if not self._reads:
            return self._row._make(line)
        read = list(line)
        for place, made in self._reads:
            read[place] = made(read[place])
        return self._row._make(read)


def failed(text: str, error: Exception, engine: Engine, ended: bool = False) -> Exception:
    """The driver's error as SQLAlchemy tells it, without what was written: that names people.

    `ended`: the connection is of no more use.
    """
    dialect = _DIALECTS[engine]
    base = dialect.import_dbapi().Error
    return DBAPIError.instance(
        text, None, error, base, hide_parameters=True, connection_invalidated=ended, dialect=dialect
    )


def written(statement: Executable, values: Values, engine: Engine) -> Wire:
    """As `statement` is sent with values of these names: written once, which costs more than sending it."""
    return _written(statement, tuple(values if isinstance(values, Mapping) else values[0]), engine)


@lru_cache(maxsize=512)
def _written(statement: Executable, names: tuple[str, ...], engine: Engine) -> Wire:
    return Wire(statement, names, engine)


def _given(compiled: SQLCompiler, asked_for: set[str]) -> dict[str, Any]:
    """Values that the statement brings along: its constants, and what its table says of columns left out."""
    given = {name: value for name, value in compiled.params.items() if name not in asked_for}
    for column in compiled.insert_prefetch:
        assert isinstance(column.default, ScalarElementColumnDefault), f"{column} has no plain value to begin with"
        given[column.key] = column.default.arg
    return given


def _columns(statement: Any) -> list[Any]:
    if statement.is_dml:
        return list(statement.exported_columns) if statement._returning else []
    return list(getattr(statement, "selected_columns", ()))
