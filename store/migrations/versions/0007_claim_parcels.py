"""Store: the tracking numbers of claims' parcels, by which a claim is found. Those of stored claims are filled in."""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CLAIMS = sa.table("claims", sa.column("id", sa.String), sa.column("document", sa.JSON))
_EVENTS = sa.table("reported_events", sa.column("claim_id", sa.String), sa.column("tracking_number", sa.String))
_AT_ONCE = 1000


def upgrade() -> None:
    parcels = op.create_table(
        "claim_parcels",
        sa.Column("tracking_number", sa.String(), nullable=False),
        sa.Column("claim_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tracking_number", "claim_id", name=op.f("pk_claim_parcels")),
    )
    rows = sorted(set(_stored()))
    for start in range(0, len(rows), _AT_ONCE):
        found = rows[start : start + _AT_ONCE]
        op.bulk_insert(parcels, [{"tracking_number": number, "claim_id": claim_id} for number, claim_id in found])


def downgrade() -> None:
    op.drop_table("claim_parcels")


def _stored() -> Iterator[tuple[str, str]]:
    """Tracking number, as numbers are compared, and claim: of the documents and of what was reported."""
    document = _CLAIMS.c.document
    shipped = document[("shipment", "tracking_number")].as_string()
    returned = document[("returning", "parcel", "tracking_number")].as_string()
    of_claims = [sa.select(_CLAIMS.c.id, number).where(number.is_not(None)) for number in (shipped, returned)]
    reported = sa.select(_EVENTS.c.claim_id, _EVENTS.c.tracking_number).where(
        _EVENTS.c.claim_id.is_not(None), _EVENTS.c.tracking_number.is_not(None)
    )
    for query in (*of_claims, reported):
        for claim_id, number in op.get_bind().execute(query):
            compared = "".join(number.upper().replace("-", "").split())
            if compared:
                yield compared, claim_id
