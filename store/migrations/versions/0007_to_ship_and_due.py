"""Store: what is to be shipped is marked on the request; claims that are due are read in the order of their due.

Revision 0007, after 0006. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("dispatch_requests", "workshop_returns")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("to_do", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.execute(
        "UPDATE dispatch_requests SET to_do = false WHERE withdrawn_at IS NOT NULL OR NOT EXISTS ("
        " SELECT 1 FROM claims WHERE claims.id = dispatch_requests.claim_id AND claims.state = 'awaiting_dispatch'"
        " AND NOT EXISTS (SELECT 1 FROM devices"
        " WHERE devices.lineage_id = claims.lineage_id AND devices.claim_id = claims.id))"
    )
    op.execute(
        "UPDATE workshop_returns SET to_do = false WHERE EXISTS ("
        " SELECT 1 FROM claims WHERE claims.id = workshop_returns.claim_id AND claims.state = 'closed')"
    )
    for table in _TABLES:
        op.drop_index(f"ix_{table}_place", table_name=table)
        op.create_index(f"ix_{table}_place", table, ["to_do", "requested_at", "reference"])
    has_due = sa.text("due_at IS NOT NULL")
    for name, columns in (("due", ["due_at", "id", "region", "service"]), ("state_due", ["state", "due_at", "id"])):
        op.create_index(f"ix_claims_{name}", "claims", columns, sqlite_where=has_due, postgresql_where=has_due)
    for name, columns in (("newest", ["opened_at", "id"]), ("state", ["state", "opened_at", "id"])):
        op.drop_index(f"ix_claims_{name}", table_name="claims")
        op.create_index(f"ix_claims_{name}", "claims", columns)


def downgrade() -> None:
    for name, columns in (("newest", ["opened_at", "id"]), ("state", ["state", "opened_at", "id"])):
        op.drop_index(f"ix_claims_{name}", table_name="claims")
        op.create_index(f"ix_claims_{name}", "claims", [*columns, "due_at"])
    for name in ("due", "state_due"):
        op.drop_index(f"ix_claims_{name}", table_name="claims")
    for table in _TABLES:
        op.drop_index(f"ix_{table}_place", table_name=table)
        op.create_index(f"ix_{table}_place", table, ["requested_at", "reference"])
        with op.batch_alter_table(table) as altered:
            altered.drop_column("to_do")
