"""Store: tables of claims: the claim with its document, uses of cover, flags, timeline and consent."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

_IS_OPEN = text("open_lineage IS NOT NULL")
_HAS_DUE = text("due_at IS NOT NULL")


class ClaimRow(SQLModel, table=True):
    """A claim: `document` is the whole domain.claim.Claim, the other columns are what lists filter by.

    `open_lineage` is the lineage while the claim is open and NULL once it is closed: its unique constraint enforces
    R-CLM-7. `agreed` is the result of the reservation, frozen (R-CAT-4). `run_id` and `version` identify the save that
    wrote the document. `outside_attention` has attention codes beside the document's, which the workflow does not know,
    separated by commas.
    """

    __tablename__ = "claims"
    __table_args__ = (
        Index("ix_claims_newest", "opened_at", "id"),
        Index("ix_claims_state", "state", "opened_at", "id"),
        # With region and service, so that claims of another one are skipped within the index.
        Index("ix_claims_due", "due_at", "id", "region", "service", sqlite_where=_HAS_DUE, postgresql_where=_HAS_DUE),
        Index("ix_claims_state_due", "state", "due_at", "id", sqlite_where=_HAS_DUE, postgresql_where=_HAS_DUE),
        Index("ix_claims_service", "service", "opened_at", "id"),
        Index("ix_claims_serial_number", "serial_number", "opened_at", "id"),
        Index("ix_claims_region", "region", "opened_at", "id"),
        Index("ix_claims_lineage", "lineage_id", "opened_at", "id"),
        # Open claims by id: a reconciliation pages through them, however many are closed.
        Index("ix_claims_open", "id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
    )

    id: str = Field(primary_key=True)
    lineage_id: str = Field(foreign_key="lineages.id")
    open_lineage: str | None = Field(default=None, unique=True)
    service: str
    tier: str | None = None
    state: str
    outcome: str | None = None
    serial_number: str = Field(foreign_key="devices.serial_number")
    region: str
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    opened_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    owed_amount: int = Field(default=0, sa_type=BigInteger)
    owed_currency: str
    run_id: str = ""
    version: int = 0
    outside_attention: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    document: dict[str, Any] = Field(sa_type=JSON)
    agreed: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class UseRow(SQLModel, table=True):
    """A line of the use ledger (R-CLM-6): never changed, never removed, at most one of each kind for a claim."""

    __tablename__ = "use_entries"

    claim_id: str = Field(primary_key=True, foreign_key="claims.id")
    kind: str = Field(primary_key=True)
    lineage_id: str = Field(foreign_key="lineages.id", index=True)
    term_id: str = Field(foreign_key="terms.id")
    flyaway: bool
    at: datetime = Field(sa_type=Instant)


class AttentionRow(SQLModel, table=True):
    """An attention code of a claim, for the list's filter; the claim's document has the same codes.

    `opened_at` is the claim's: the index has the list's order.
    """

    __tablename__ = "claim_attention"
    __table_args__ = (Index("ix_claim_attention_code", "code", "opened_at", "claim_id"),)

    claim_id: str = Field(primary_key=True, foreign_key="claims.id")
    code: str = Field(primary_key=True)
    opened_at: datetime = Field(sa_type=Instant)


class ClaimParcelRow(SQLModel, table=True):
    """A tracking number of a claim's parcel, whoever named it: dispatch, carrier or workshop.

    In upper case, without white space and hyphens. A worker of release 0.2 writes none during an upgrade. No foreign
    key: an event is stored before its claim may be.
    """

    __tablename__ = "claim_parcels"

    tracking_number: str = Field(primary_key=True)
    claim_id: str = Field(primary_key=True)


class EventRow(SQLModel, table=True):
    """A line of a claim's timeline. `id` rises in the order of writing; a workflow run writes each `seq` once."""

    __tablename__ = "claim_events"
    __table_args__ = (
        UniqueConstraint("claim_id", "run_id", "seq"),
        Index("ix_claim_events_timeline", "claim_id", "id"),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    claim_id: str = Field(sa_column=Column(ForeignKey("claims.id"), nullable=False))
    run_id: str
    seq: int
    at: datetime = Field(sa_type=Instant)
    kind: str
    title: str
    details: str = ""
    actor: str


class ConsentRow(SQLModel, table=True):
    """What the customer agreed to on the settlement page, and when (R-EXP-4). Amounts are in `currency`."""

    __tablename__ = "consents"

    claim_id: str = Field(primary_key=True, foreign_key="claims.id")
    terms_version: str
    accepted_at: datetime = Field(sa_type=Instant)
    quote_id: str | None = None
    currency: str
    fee: int = Field(sa_type=BigInteger)
    hold: int | None = Field(default=None, sa_type=BigInteger)
    window_days: int | None = None
