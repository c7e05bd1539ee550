"""API: common parts of responses: money, instants, lists."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from api.openapi_examples import with_example

ItemT = TypeVar("ItemT")


def rfc3339(instant: datetime) -> str:
    """`instant` (UTC) as 2026-11-23T10:00:00Z."""
    return f"{instant.isoformat(timespec='seconds')[:19]}Z"  # three times as fast as strftime


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant in UTC, whole seconds."""


class View(BaseModel):
    """A response model: immutable, declared fields only. It can be read from the attributes of a domain object."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class MoneyView(View):
    """`amount` minor units (cents, yen) of `currency` (ISO 4217)."""

    model_config = with_example({"amount": 15900, "currency": "USD"})

    amount: int
    currency: str


class Page(View, Generic[ItemT]):
    """`next_cursor` requests the rest by `?cursor=`; null on the last page."""

    items: list[ItemT]
    next_cursor: str | None
