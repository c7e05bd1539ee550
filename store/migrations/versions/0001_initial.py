"""Store: every table of the first release.

The first revision. A released migration is never edited: changes go into a new one.
"""

from collections.abc import Sequence

from store.migrations import initial_payments, initial_programme

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    initial_programme.create()
    initial_payments.create()


def downgrade() -> None:
    initial_payments.drop()
    initial_programme.drop()
