"""Store: table of received webhook events, so that each is handled once."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, Index, String
from sqlmodel import Field, SQLModel

from store.tables.types import Instant

MAX_ID_LENGTH: Final = 255
"""Characters of an event's id, and of every other text of the sender that is stored."""


class WebhookState(StrEnum):
    """`delivered`: sent to the claim's workflow, or kept in `reported_events` until it can be.

    `finished`: the claim is closed and has no workflow any more. `parked`: the claim has no running workflow and is not
    closed either: a person must look. `ignored`: of a kind that no workflow handles, or about something other than a
    claim.
    """

    DELIVERED = "delivered"
    FINISHED = "finished"
    PARKED = "parked"
    IGNORED = "ignored"


class WebhookEventRow(SQLModel, table=True):
    """One event of one sender: `source` is `stripe`, `simulated`, `carrier:ups`. `received_at` is the API's clock."""

    __tablename__ = "webhook_events"
    __table_args__ = (Index("ix_webhook_events_place", "state", "received_at", "source", "event_id"),)

    source: str = Field(sa_column=Column(String(100), primary_key=True))
    event_id: str = Field(sa_column=Column(String(MAX_ID_LENGTH), primary_key=True))
    kind: str
    subject: str | None = None
    payment_id: str | None = None
    state: str
    received_at: datetime = Field(sa_type=Instant)
