"""Store: how Alembic runs the migrations: on the connection it is given, in one transaction with their record."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from store.tables.metadata import METADATA
from store.tables.types import Instant


def plain_types(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """A migration says what the column is, not which of today's classes it came from."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_item=plain_types,
    render_as_batch=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
