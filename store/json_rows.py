"""Store: the rows of a subquery as one JSON value, so that one statement reads an object with its child rows."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class JsonRows(GenericFunction[Any]):
    """All rows of a subquery as one JSON array of arrays; where there are none, NULL on PostgreSQL and [] on SQLite."""

    type = JSON()
    inherit_cache = True
    name = "json_rows"


@compiles(JsonRows, "sqlite")
def compile_for_sqlite(rows: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({compiler.process(rows.clauses, **options)}))"


@compiles(JsonRows, "postgresql")
def compile_for_postgresql(rows: JsonRows, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(rows.clauses, **options)}))"
