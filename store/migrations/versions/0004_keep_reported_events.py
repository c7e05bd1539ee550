"""Store: keep the events that are reported about claims, and attention codes beside those of a claim's document.

Revision 0004, after 0003. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WAITS = sa.text("next_try_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "reported_events",
        sa.Column("event_id", sa.String(length=400), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.Column("payment_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("serial_number", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("settled_as", sa.String(), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_reported_events")),
    )
    op.create_index("ix_reported_events_claim", "reported_events", ["claim_id", "received_at"])
    op.create_index(
        "ix_reported_events_due", "reported_events", ["next_try_at"], sqlite_where=_WAITS, postgresql_where=_WAITS
    )
    op.create_index("ix_reported_events_state", "reported_events", ["state", "happened_at", "event_id"])
    op.add_column("claims", sa.Column("outside_attention", sa.String(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    op.drop_column("claims", "outside_attention")
    op.drop_table("reported_events")
