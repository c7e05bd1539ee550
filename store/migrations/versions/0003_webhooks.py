"""Store: webhooks that came in, and those the simulated gateway sends.

Revision 0003, after 0002. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "event_id", name="pk_webhook_events"),
    )
    op.create_index("ix_webhook_events_place", "webhook_events", ["state", "received_at", "source", "event_id"])
    op.create_table(
        "gateway_events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("happened", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "happened IN ('authorized', 'captured', 'charged', 'expired', 'refunded', 'released')",
            name="gateway_events_happened_known",
        ),
        sa.PrimaryKeyConstraint("number", name="pk_gateway_events"),
        sa.UniqueConstraint("id", name="uq_gateway_events_id"),
    )
    op.create_index("ix_gateway_events_waiting", "gateway_events", ["delivered_at", "number"])


def downgrade() -> None:
    op.drop_index("ix_gateway_events_waiting", table_name="gateway_events")
    op.drop_table("gateway_events")
    op.drop_index("ix_webhook_events_place", table_name="webhook_events")
    op.drop_table("webhook_events")
