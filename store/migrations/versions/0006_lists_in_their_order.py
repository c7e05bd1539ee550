"""Store: claims that are due, need attention or are open, read in the order in which they are listed.

Revision 0006, after 0005. A released migration is never edited; write another one.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.drop_index("ix_claims_due_at", table_name="claims")
    op.drop_index("ix_claims_newest", table_name="claims")
    op.create_index("ix_claims_newest", "claims", ["opened_at", "id", "due_at"])
    op.drop_index("ix_claims_state", table_name="claims")
    op.create_index("ix_claims_state", "claims", ["state", "opened_at", "id", "due_at"])
    is_open = sa.text("open_lineage IS NOT NULL")
    op.create_index("ix_claims_open", "claims", ["id"], sqlite_where=is_open, postgresql_where=is_open)
    op.add_column("claim_attention", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE claim_attention"
        " SET opened_at = (SELECT claims.opened_at FROM claims WHERE claims.id = claim_attention.claim_id)"
    )
    with op.batch_alter_table("claim_attention") as table:
        table.alter_column("opened_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.drop_index("ix_claim_attention_code", table_name="claim_attention")
    op.create_index("ix_claim_attention_code", "claim_attention", ["code", "opened_at", "claim_id"])


def downgrade() -> None:
    op.drop_index("ix_claim_attention_code", table_name="claim_attention")
    with op.batch_alter_table("claim_attention") as table:
        table.drop_column("opened_at")
    op.create_index("ix_claim_attention_code", "claim_attention", ["code", "claim_id"])
    op.drop_index("ix_claims_open", table_name="claims")
    op.drop_index("ix_claims_state", table_name="claims")
    op.create_index("ix_claims_state", "claims", ["state", "opened_at", "id"])
    op.drop_index("ix_claims_newest", table_name="claims")
    op.create_index("ix_claims_newest", "claims", ["opened_at", "id"])
    op.create_index("ix_claims_due_at", "claims", ["due_at"])
