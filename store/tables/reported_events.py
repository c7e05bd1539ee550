"""Store: table of the events that were reported about claims, and whether each claim's workflow was told."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Index, String, text
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

_WAITS = text("next_try_at IS NOT NULL")


class ReportState(StrEnum):
    """`told`: its workflow has it. `waiting`: it could not be told yet, and is tried again at `next_try_at`.

    `unclaimed`: a parcel that no process waits for, a task of people until it is `settled`.
    """

    TOLD = "told"
    WAITING = "waiting"
    UNCLAIMED = "unclaimed"
    SETTLED = "settled"


class ReportedEventRow(SQLModel, table=True):
    """One event. `claim_id` is None for a parcel that names no claim.

    `happened_at` is the event's own time on the claim's clock, `received_at` the API's clock. `problem` says why the
    last try failed, `settled_as` what people did with an unclaimed parcel.
    """

    __tablename__ = "reported_events"
    __table_args__ = (
        Index("ix_reported_events_claim", "claim_id", "received_at"),
        Index("ix_reported_events_due", "next_try_at", sqlite_where=_WAITS, postgresql_where=_WAITS),
        Index("ix_reported_events_state", "state", "happened_at", "event_id"),
    )

    event_id: str = Field(sa_column=Column(String(400), primary_key=True))
    claim_id: str | None = None
    kind: str
    actor: str
    happened_at: datetime = Field(sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    carrier: str | None = None
    tracking_number: str | None = None
    payment_id: str | None = None
    reason: str | None = None
    serial_number: str | None = None
    state: str
    tries: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_try_at: datetime | None = Field(default=None, sa_type=Instant)
    problem: str | None = None
    settled_as: str | None = None
    settled_by: str | None = None
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
