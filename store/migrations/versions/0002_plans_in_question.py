"""Store: put a plan in question, and say since when a binding counts.

Revision 0002, after 0001. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_UNDECIDED = sa.text("question IS NOT NULL AND decided_at IS NULL AND ended_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))

    with op.batch_alter_table("terms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("question", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("decided_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("decision", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("bindings_from", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_terms_undecided",
            ["purchased_at", "id"],
            unique=False,
            sqlite_where=_UNDECIDED,
            postgresql_where=_UNDECIDED,
        )


def downgrade() -> None:
    with op.batch_alter_table("terms", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_terms_undecided",
            sqlite_where=_UNDECIDED,
            postgresql_where=_UNDECIDED,
        )
        batch_op.drop_column("bindings_from")
        batch_op.drop_column("decision")
        batch_op.drop_column("decided_by")
        batch_op.drop_column("decided_at")
        batch_op.drop_column("question")

    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.drop_column("told_at")
