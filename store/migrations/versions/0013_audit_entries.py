"""Store: the audit trail, and its triggers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from store.tables.audit_entries import AUDIT_TRIGGERS

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_HAS_CLAIM = sa.text("claim_id IS NOT NULL")
_HAS_DEVICE = sa.text("serial_number IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=True),
        sa.Column("serial_number", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    for name, columns, where in (
        ("at", ["at", "id"], None),
        ("actor", ["actor_id", "at", "id"], None),
        ("claim", ["claim_id", "at", "id"], _HAS_CLAIM),
        ("device", ["serial_number", "at", "id"], _HAS_DEVICE),
    ):
        op.create_index(
            f"ix_audit_entries_{name}", "audit_entries", columns, sqlite_where=where, postgresql_where=where
        )
    for statement in AUDIT_TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_entries_append_only()")
