"""Store: telephone and language of owners, and the corrections of their particulars."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("lineages", sa.Column("owner_phone", sa.String(), nullable=True))
    op.add_column("lineages", sa.Column("owner_language", sa.String(), nullable=True))
    op.create_table(
        "owner_corrections",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_owner_corrections_lineage_id", "owner_corrections", ["lineage_id"])


def downgrade() -> None:
    op.drop_table("owner_corrections")
    op.drop_column("lineages", "owner_language")
    op.drop_column("lineages", "owner_phone")
