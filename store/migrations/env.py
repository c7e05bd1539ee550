"""Store: the environment of Alembic: migrations run on the given connection, in one transaction with their revision."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from store.tables.metadata import METADATA
from store.tables.types import Instant


def plain_types(kind: str, item: object, autogen: AutogenContext) -> str | Literal[False]:
    """Render a column type as SQLAlchemy's own type: a migration must not depend on the product's classes."""
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
