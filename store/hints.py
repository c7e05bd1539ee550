"""Store: what an engine cannot know of a statement: which condition an index is for, how long a page is.

SQLite counts nothing: of two indexes that each find a value it takes either, though one finds a device's two claims and
the other every claim of a service. PostgreSQL counts and chooses for itself.
"""

from typing import Any

from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class checked(GenericFunction[Any]):  # noqa: N801
    """The column, of rows that were found by something else: SQLite uses no index for it."""

    inherit_cache = True


@compiles(checked)
def _as_it_is(column: checked, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(column.clauses, **options)


@compiles(checked, "sqlite")
def _without_an_index(column: checked, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(column.clauses, **options)}"


def said(length: int) -> ColumnElement[int]:
    """A page's length, in the statement itself: PostgreSQL takes one it is not told for a tenth of the table."""
    return literal_column(str(int(length)))
