"""API: what every answer is made of: money, instants, lists."""

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from api.examples import shows
from domain.money import Money

ItemT = TypeVar("ItemT")


def rfc3339(instant: datetime) -> str:
    """`instant` (UTC) as 2026-11-23T10:00:00Z."""
    return f"{instant.isoformat(timespec='seconds')[:19]}Z"  # a third of strftime's time


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""An instant in UTC, whole seconds."""


class View(BaseModel):
    """Immutable; nothing beside the declared fields gets out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MoneyView(View):
    """`amount` minor units (cents, yen) of `currency` (ISO 4217)."""

    model_config = shows({"amount": 15900, "currency": "USD"})

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyView":
        return cls(amount=money.amount, currency=money.currency)

    @classmethod
    def maybe(cls, money: Money | None) -> "MoneyView | None":
        return None if money is None else cls.of(money)


class Page(View, Generic[ItemT]):
    """`next_cursor` asks for the rest with `?cursor=`; null when this was all."""

    items: list[ItemT]
    next_cursor: str | None
