"""Store: saved cards.

Revision 0005, after 0004. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "saved_cards",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "token", name="pk_saved_cards"),
    )


def downgrade() -> None:
    op.drop_table("saved_cards")
