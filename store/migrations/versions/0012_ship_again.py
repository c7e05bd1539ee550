"""Store: a replacement that came back is requested of the warehouse and dispatched again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | Sequence[str] | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("dispatch_requests", sa.Column("number", sa.Integer(), server_default="0", nullable=False))
    op.add_column("dispatch_requests", sa.Column("serial_number", sa.String(), nullable=True))
    op.create_table(
        "repeated_dispatches",
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("claim_id", "number", name=op.f("pk_repeated_dispatches")),
    )


def downgrade() -> None:
    op.drop_table("repeated_dispatches")
    op.drop_column("dispatch_requests", "serial_number")
    op.drop_column("dispatch_requests", "number")
