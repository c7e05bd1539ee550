"""Store: tables of the programme's own record: catalogue, devices, cover, claims. Rows only; rules live in domain.

Wire values of the domain's enums are kept as plain strings, instants as aware UTC, amounts as minor units. Ids that
others give are strings. There are no relationships: every query says what it reads.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.instants import Instant

_IS_OPEN = text("open_lineage IS NOT NULL")
_HAS_DUE = text("due_at IS NOT NULL")


class RegionRow(SQLModel, table=True):
    """A sales region: `document` is a domain.catalogue.Region, `position` its place in the catalogue."""

    __tablename__ = "catalogue_regions"

    code: str = Field(primary_key=True)
    position: int
    document: dict[str, Any] = Field(sa_type=JSON)


class ModelRow(SQLModel, table=True):
    """A product: `document` is a domain.catalogue.Model with its offers."""

    __tablename__ = "catalogue_models"

    slug: str = Field(primary_key=True)
    position: int
    document: dict[str, Any] = Field(sa_type=JSON)


class CatalogueReleaseRow(SQLModel, table=True):
    """One loading of a catalogue. The highest number tells readers whether what they remember is still true."""

    __tablename__ = "catalogue_releases"

    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str


class LineageRow(SQLModel, table=True):
    """A device through all its replacements: cover, uses and claims belong to it, not to a serial number (R-CLM-9).

    `verified_at` is its last approved video verification (R-PUR-2).
    """

    __tablename__ = "lineages"

    id: str = Field(primary_key=True)
    owner_name: str
    owner_email: str
    created_at: datetime = Field(sa_type=Instant)
    verified_at: datetime | None = Field(default=None, sa_type=Instant)


class DeviceRow(SQLModel, table=True):
    """One unit. `generation` counts the units of a lineage from 0; `claim_id` is the claim that brought it.

    `serial_number` is the normalised one (R-INS-5), here and wherever a column refers to a unit; `serial_text` is as it
    was given, and shown.
    """

    __tablename__ = "devices"
    __table_args__ = (UniqueConstraint("lineage_id", "generation"),)

    serial_number: str = Field(primary_key=True)
    serial_text: str
    lineage_id: str = Field(foreign_key="lineages.id")
    generation: int = 0
    model: str
    region: str
    status: str
    activated_at: datetime | None = Field(default=None, sa_type=Instant)
    registered_at: datetime = Field(sa_type=Instant)
    claim_id: str | None = None
    replaced_by: str | None = Field(default=None, foreign_key="devices.serial_number")
    replaced_at: datetime | None = Field(default=None, sa_type=Instant)
    replaced_on: date | None = None


class BindingRow(SQLModel, table=True):
    """A remote controller bound to one serial number from `bound_at` until `unbound_at` (R-FLY-1, R-CLM-10)."""

    __tablename__ = "bindings"
    __table_args__ = (UniqueConstraint("serial_number", "bound_at"),)

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    serial_number: str = Field(foreign_key="devices.serial_number")
    remote_controller: str
    bound_at: datetime = Field(sa_type=Instant)
    unbound_at: datetime | None = Field(default=None, sa_type=Instant)


class TermRow(SQLModel, table=True):
    """A bought period of cover. `starts_at`, `ends_on` and `ends_at` are empty until activation (R-PUR-5).

    `ended_at` is when it was given back, by the refund `refund_id` (R-CAN-1): from then on it covers nothing.
    """

    __tablename__ = "terms"
    # How the renewal reminders page through the terms of a region that end soon.
    __table_args__ = (Index("ix_terms_ending", "region", "ends_on", "id"),)

    id: str = Field(primary_key=True)
    lineage_id: str = Field(foreign_key="lineages.id", index=True)
    region: str
    kind: str
    total: int
    flyaway_cap: int
    starts_at: datetime | None = Field(default=None, sa_type=Instant)
    ends_on: date | None = None
    ends_at: datetime | None = Field(default=None, sa_type=Instant)
    purchased_at: datetime = Field(sa_type=Instant)
    price_amount: int | None = Field(default=None, sa_type=BigInteger)
    price_currency: str | None = None
    payment_id: str | None = None
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    refund_id: str | None = None


class MaintenanceCodeRow(SQLModel, table=True):
    """The one maintenance code of a lineage (R-MNT-1). `claim_id` is the job it started (R-MNT-2)."""

    __tablename__ = "maintenance_codes"

    lineage_id: str = Field(primary_key=True, foreign_key="lineages.id")
    code: str = Field(unique=True)
    issued_on: date
    expires_on: date
    claim_id: str | None = None


class ClaimRow(SQLModel, table=True):
    """A claim: `document` is the whole domain.claim.Claim, the other columns are what lists filter by.

    `open_lineage` is the lineage while the claim is open and empty once it is closed: being unique, it holds R-CLM-7
    whatever the code does. `agreed` is the answer to the reservation, frozen (R-CAT-4). `run_id` and `version` name
    the save that wrote the document.
    """

    __tablename__ = "claims"
    __table_args__ = (
        Index("ix_claims_newest", "opened_at", "id"),
        Index("ix_claims_state", "state", "opened_at", "id"),
        # Region and service come along: those of another one are passed over without a look at the claim itself.
        Index("ix_claims_due", "due_at", "id", "region", "service", sqlite_where=_HAS_DUE, postgresql_where=_HAS_DUE),
        Index("ix_claims_state_due", "state", "due_at", "id", sqlite_where=_HAS_DUE, postgresql_where=_HAS_DUE),
        Index("ix_claims_service", "service", "opened_at", "id"),
        Index("ix_claims_serial_number", "serial_number", "opened_at", "id"),
        Index("ix_claims_region", "region", "opened_at", "id"),
        Index("ix_claims_lineage", "lineage_id", "opened_at", "id"),
        # Those that are open, by id, among however many that are closed: how a reconciliation pages through them.
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
    """What a person must look at on a claim, for the list's filter; the claim's document says the same.

    `opened_at` is the claim's, so that the list is read in its order.
    """

    __tablename__ = "claim_attention"
    __table_args__ = (Index("ix_claim_attention_code", "code", "opened_at", "claim_id"),)

    claim_id: str = Field(primary_key=True, foreign_key="claims.id")
    code: str = Field(primary_key=True)
    opened_at: datetime = Field(sa_type=Instant)


class EventRow(SQLModel, table=True):
    """A line of a claim's timeline. `id` rises in the order of writing; a run writes each `seq` once."""

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
    """What the customer agreed to on the settlement page, and when (R-EXP-4). Amounts are the claim's currency's."""

    __tablename__ = "consents"

    claim_id: str = Field(primary_key=True, foreign_key="claims.id")
    terms_version: str
    accepted_at: datetime = Field(sa_type=Instant)
    quote_id: str | None = None
    currency: str
    fee: int = Field(sa_type=BigInteger)
    hold: int | None = Field(default=None, sa_type=BigInteger)
    window_days: int | None = None
