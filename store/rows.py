"""Store: the rows of a subquery as one value, so that what belongs together is asked for in one statement."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class Rows(GenericFunction[Any]):
    """All rows of a subquery as one JSON array of arrays; NULL where the engine has none to show."""

    type = JSON()
    inherit_cache = True
    name = "rows"


@compiles(Rows, "sqlite")
def rows_of_sqlite(rows: Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(rows.clauses, **options)}))"


@compiles(Rows, "postgresql")
def rows_of_postgres(rows: Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(rows.clauses, **options)}))"
