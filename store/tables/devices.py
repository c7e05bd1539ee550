"""Store: tables of devices: lineages, units, bindings, cover terms and maintenance codes."""

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

_IS_CURRENT: Final = text("replaced_by IS NULL")
_NOT_GIVEN_BACK: Final = text("ended_at IS NULL")
IS_UNDECIDED: Final = text("question IS NOT NULL AND decided_at IS NULL AND ended_at IS NULL")
"""A plan that waits for staff (R-PUR-6)."""


class LineageRow(SQLModel, table=True):
    """A device with all its replacements: cover, uses and claims belong to it, not to a serial number (R-CLM-9).

    `verified_at` is its last approved video verification (R-PUR-2).
    """

    __tablename__ = "lineages"
    # The devices of an owner, newest first.
    __table_args__ = (Index("ix_lineages_owner", "owner_email", "created_at", "id"),)

    id: str = Field(primary_key=True)
    owner_name: str
    owner_email: str
    owner_phone: str | None = None
    owner_language: str | None = None
    created_at: datetime = Field(sa_type=Instant)
    verified_at: datetime | None = Field(default=None, sa_type=Instant)


class OwnerCorrectionRow(SQLModel, table=True):
    """A correction of an owner's particulars (R-XFR-2): by which role, and each changed field as [before, after]."""

    __tablename__ = "owner_corrections"

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    lineage_id: str = Field(foreign_key="lineages.id", index=True)
    at: datetime = Field(sa_type=Instant)
    actor: str
    changes: dict[str, Any] = Field(sa_type=JSON)


class RegionMoveRow(SQLModel, table=True):
    """A move of a lineage to another region (R-XFR-3): by which role, and why."""

    __tablename__ = "region_moves"

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    lineage_id: str = Field(foreign_key="lineages.id", index=True)
    at: datetime = Field(sa_type=Instant)
    actor: str
    from_region: str
    to_region: str
    reason: str


class DeviceWordRow(SQLModel, table=True):
    """A word by which a lineage is found: each of its owner's name, the mail address, each unit's serial number.

    Case folded. Compared by characters, whatever the database's language is, so that a beginning is a range.
    """

    __tablename__ = "device_words"

    word: str = Field(
        sa_column=Column(String().with_variant(String(collation="C"), "postgresql"), primary_key=True, nullable=False)
    )
    lineage_id: str = Field(primary_key=True, foreign_key="lineages.id", index=True)


class DeviceRow(SQLModel, table=True):
    """One unit. `generation` counts the units of a lineage from 0; `claim_id` is the claim it was dispatched for.

    `serial_number` is normalised (R-INS-5), here and in every column that refers to a unit; `serial_text` is as it was
    entered, and is displayed. `look_alike` is the same for numbers that only O and 0, or I and 1, tell apart; NULL
    where a worker of release 0.2 wrote the row during an upgrade.
    """

    __tablename__ = "devices"
    # The list of devices, newest first, has current units only.
    __table_args__ = (
        UniqueConstraint("lineage_id", "generation"),
        *(
            Index(
                name,
                *(*columns, "registered_at", "serial_number"),
                sqlite_where=_IS_CURRENT,
                postgresql_where=_IS_CURRENT,
            )
            for name, columns in (
                ("ix_devices_newest", ()),
                ("ix_devices_region", ("region",)),
                ("ix_devices_model", ("model",)),
            )
        ),
    )

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
    look_alike: str | None = Field(default=None, index=True)


class BindingRow(SQLModel, table=True):
    """A remote controller bound to one serial number from `bound_at` until `unbound_at` (R-FLY-1, R-CLM-10).

    `told_at` is when we were told of it, NULL when that was before release 0.3.0.
    """

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
    told_at: datetime | None = Field(default=None, sa_type=Instant)


class TermRow(SQLModel, table=True):
    """A bought period of cover. `starts_at`, `ends_on` and `ends_at` are NULL until activation (R-PUR-5).

    `ended_at` is when it was given back, with the refund `refund_id` (R-CAN-1): from then on it covers nothing.
    `refund_refused`: the gateway refused that refund, so staff have to make it.
    `question` is what staff must decide before it covers anything (R-PUR-6); `decided_at`, `decided_by` and
    `decision` (the reason they gave) say that they have. Bindings from before `bindings_from` do not count (R-FLY-8);
    it is NULL for renewals, and for plans sold before release 0.3.0.
    """

    __tablename__ = "terms"
    # The renewal reminders page through the terms of a region that end soon; the list of devices finds those of all.
    __table_args__ = (
        Index("ix_terms_ending", "region", "ends_on", "id"),
        Index("ix_terms_ends", "ends_at", "lineage_id", sqlite_where=_NOT_GIVEN_BACK, postgresql_where=_NOT_GIVEN_BACK),
        Index("ix_terms_undecided", "purchased_at", "id", sqlite_where=IS_UNDECIDED, postgresql_where=IS_UNDECIDED),
    )

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
    refund_refused: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    question: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_by: str | None = None
    decision: str | None = None
    bindings_from: datetime | None = Field(default=None, sa_type=Instant)


class MaintenanceCodeRow(SQLModel, table=True):
    """The one maintenance code of a lineage (R-MNT-1). `claim_id` is the job it started (R-MNT-2)."""

    __tablename__ = "maintenance_codes"

    lineage_id: str = Field(primary_key=True, foreign_key="lineages.id")
    code: str = Field(unique=True)
    issued_on: date
    expires_on: date
    claim_id: str | None = None
