"""Store: an index of owners' mail addresses, by which a customer is found."""

from collections.abc import Sequence

from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_lineages_owner", "lineages", ["owner_email", "created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_lineages_owner", table_name="lineages")
