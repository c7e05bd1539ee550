"""Store: the words by which a device is found, those of stored devices too, and the indexes of the list of devices."""

import unicodedata
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_LINEAGES = sa.table(
    "lineages", sa.column("id", sa.String), sa.column("owner_name", sa.String), sa.column("owner_email", sa.String)
)
_DEVICES = sa.table("devices", sa.column("lineage_id", sa.String), sa.column("serial_number", sa.String))
_CURRENT = sa.text("replaced_by IS NULL")
_KEPT = sa.text("ended_at IS NULL")
_PLACES = {"ix_devices_newest": [], "ix_devices_region": ["region"], "ix_devices_model": ["model"]}
_AT_ONCE = 1000


def upgrade() -> None:
    words = op.create_table(
        "device_words",
        # Compared by characters, whatever the database's language is: a beginning is a range.
        sa.Column("word", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("lineage_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name=op.f("fk_device_words_lineage_id_lineages")),
        sa.PrimaryKeyConstraint("word", "lineage_id", name=op.f("pk_device_words")),
    )
    rows = sorted(set(_stored()))
    for start in range(0, len(rows), _AT_ONCE):
        found = rows[start : start + _AT_ONCE]
        op.bulk_insert(words, [{"word": word, "lineage_id": lineage} for word, lineage in found])
    op.create_index("ix_device_words_lineage_id", "device_words", ["lineage_id"])
    for name, columns in _PLACES.items():
        place = [*columns, "registered_at", "serial_number"]
        op.create_index(name, "devices", place, sqlite_where=_CURRENT, postgresql_where=_CURRENT)
    op.create_index("ix_terms_ends", "terms", ["ends_at", "lineage_id"], sqlite_where=_KEPT, postgresql_where=_KEPT)


def downgrade() -> None:
    op.drop_index("ix_terms_ends", table_name="terms")
    for name in _PLACES:
        op.drop_index(name, table_name="devices")
    op.drop_table("device_words")


def _stored() -> Iterator[tuple[str, str]]:
    """Word and lineage, of owners' names, their mail addresses, and all units."""
    connection = op.get_bind()
    for lineage, name, email in connection.execute(
        sa.select(_LINEAGES.c.id, _LINEAGES.c.owner_name, _LINEAGES.c.owner_email)
    ):
        for word in {*_folded(name).replace("-", " ").split(), _folded(email)}:
            yield word, lineage
    for lineage, serial in connection.execute(sa.select(_DEVICES.c.lineage_id, _DEVICES.c.serial_number)):
        yield _folded(serial), lineage


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
