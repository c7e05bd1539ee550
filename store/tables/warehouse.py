"""Store: tables of shipping requests to the warehouse and the workshop: what to ship, and the address."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Index,
    true,
)
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class DispatchRequestRow(SQLModel, table=True):
    """A request to the warehouse to ship a replacement: one a claim. `reference` is the warehouse's own number.

    `to_do` until it is shipped or withdrawn. `number` counts how often it was requested again after its unit came back,
    which `serial_number` then names; 0 and None: any new unit.
    """

    __tablename__ = "dispatch_requests"
    __table_args__ = (Index("ix_dispatch_requests_place", "to_do", "requested_at", "reference"),)

    claim_id: str = Field(primary_key=True)
    reference: str = Field(unique=True)
    model: str
    region: str
    with_battery: bool
    ship_to: dict[str, Any] = Field(sa_type=JSON)
    requested_at: datetime = Field(sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant)
    to_do: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    number: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    serial_number: str | None = None


class RepeatedDispatchRow(SQLModel, table=True):
    """When a unit that came back left again, the `number`th time: once, whatever is repeated (R-EXP-10)."""

    __tablename__ = "repeated_dispatches"

    claim_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    dispatched_at: datetime = Field(sa_type=Instant)


class WorkshopReturnRow(SQLModel, table=True):
    """A request to the workshop to ship the unit back: one a claim. `reference` is the workshop's own number.

    `to_do` until its claim is closed, and longer for a unit that goes back after the end: until it is shipped.
    """

    __tablename__ = "workshop_returns"
    __table_args__ = (Index("ix_workshop_returns_place", "to_do", "requested_at", "reference"),)

    claim_id: str = Field(primary_key=True)
    reference: str = Field(unique=True)
    ship_to: dict[str, Any] = Field(sa_type=JSON)
    requested_at: datetime = Field(sa_type=Instant)
    to_do: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
