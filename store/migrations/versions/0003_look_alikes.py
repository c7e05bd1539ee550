"""Store: what the serial numbers of units look like, by which a look-alike is found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("look_alike", sa.String(), nullable=True))
    op.execute("UPDATE devices SET look_alike = replace(replace(serial_number, 'O', '0'), 'I', '1')")
    op.create_index("ix_devices_look_alike", "devices", ["look_alike"])


def downgrade() -> None:
    op.drop_index("ix_devices_look_alike", table_name="devices")
    op.drop_column("devices", "look_alike")
