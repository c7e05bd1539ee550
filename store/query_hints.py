"""Store: hints for query planners: which column not to search by an index, and a LIMIT that the planner can see.

SQLite keeps no statistics here: of two indexes that fit a condition it may take the one that finds every claim of a
service instead of the one that finds a device's two claims. PostgreSQL has statistics and chooses by them.
"""

from typing import Any

from sqlalchemy import ColumnElement, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class unindexed(GenericFunction[Any]):  # noqa: N801
    """The column, compared only in rows that another condition has found: SQLite uses no index for it."""

    inherit_cache = True


@compiles(unindexed)
def _compile(column: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(column.clauses, **options)


@compiles(unindexed, "sqlite")
def _compile_for_sqlite(column: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    """SQLite documents the unary plus as the way to keep a term from using an index."""
    return f"+{compiler.process(column.clauses, **options)}"


def literal_limit(length: int) -> ColumnElement[int]:
    """A LIMIT as a literal: for one in a bound parameter PostgreSQL plans for a tenth of the table."""
    return literal_column(str(int(length)))
