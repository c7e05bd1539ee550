"""Store: the order in which requests to ship are listed.

Revision 0002, after 0001. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_dispatch_requests_place", "dispatch_requests", ["requested_at", "reference"])
    op.create_index("ix_workshop_returns_place", "workshop_returns", ["requested_at", "reference"])


def downgrade() -> None:
    op.drop_index("ix_workshop_returns_place", table_name="workshop_returns")
    op.drop_index("ix_dispatch_requests_place", table_name="dispatch_requests")
