"""Store: the reconciliation's runs, their findings, and the payments one of them has seen.

Revision 0004, after 0003. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_mark", sa.BigInteger(), nullable=False),
        sa.Column("payments_checked", sa.Integer(), nullable=False),
        sa.Column("holds_live", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reconciliations"),
    )
    op.create_index("ix_reconciliations_finished_at", "reconciliations", ["finished_at", "id"])
    op.create_table(
        "reconciliation_findings",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_findings_reconciliation_id_reconciliations",
        ),
        sa.PrimaryKeyConstraint(
            "reconciliation_id", "subject", "code", "payment_id", name="pk_reconciliation_findings"
        ),
    )
    op.create_table(
        "reconciliation_payments",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("capture_before", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["reconciliation_id"],
            ["reconciliations.id"],
            name="fk_reconciliation_payments_reconciliation_id_reconciliations",
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", "payment_id", name="pk_reconciliation_payments"),
    )
    op.create_index("ix_reconciliation_payments_subject", "reconciliation_payments", ["reconciliation_id", "subject"])


def downgrade() -> None:
    op.drop_index("ix_reconciliation_payments_subject", table_name="reconciliation_payments")
    op.drop_table("reconciliation_payments")
    op.drop_table("reconciliation_findings")
    op.drop_index("ix_reconciliations_finished_at", table_name="reconciliations")
    op.drop_table("reconciliations")
