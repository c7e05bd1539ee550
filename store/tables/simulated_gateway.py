"""Store: tables of the simulated gateway: payments, stored responses by idempotency key, events.

Constraints enforce that no payment captures more than its amount or refunds more than it captured.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
)
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class GatewayPaymentRow(SQLModel, table=True):
    """A hold or a charge of the simulated gateway. Amounts are minor units of `currency`.

    `subject` is the claim or purchase it is for, `reference` the key of the request that created it. A hold
    cannot be captured from `expires_at` on; a charge has none and is captured at once.
    """

    __tablename__ = "gateway_payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="gateway_payments_amount_positive"),
        CheckConstraint("captured >= 0 AND captured <= amount", name="gateway_payments_captured_within_amount"),
        CheckConstraint("refunded >= 0 AND refunded <= captured", name="gateway_payments_refunded_within_captured"),
        CheckConstraint("kind IN ('hold', 'charge')", name="gateway_payments_kind_known"),
        CheckConstraint(
            "state IN ('authorized', 'captured', 'released', 'expired')", name="gateway_payments_state_known"
        ),
        CheckConstraint("(captured > 0) = (state = 'captured')", name="gateway_payments_captured_is_a_state"),
        CheckConstraint("(kind = 'hold') = (expires_at IS NOT NULL)", name="gateway_payments_holds_expire"),
    )

    id: str = Field(primary_key=True)
    subject: str = Field(index=True)
    kind: str
    amount: int = Field(sa_type=BigInteger)
    currency: str
    captured: int = Field(default=0, sa_type=BigInteger)
    refunded: int = Field(default=0, sa_type=BigInteger)
    state: str
    payment_method: str
    reference: str = Field(unique=True)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)


class GatewayResponseRow(SQLModel, table=True):
    """The simulated gateway's response to an idempotency key; `fingerprint` is a digest of the request."""

    __tablename__ = "gateway_answers"

    key: str = Field(primary_key=True)
    fingerprint: str
    answer: dict[str, Any] = Field(sa_type=JSON)


class GatewayEventRow(SQLModel, table=True):
    """A webhook event of the simulated gateway about a payment, written in the transaction of its effect.

    `at` is an instant of the claim's clock; `delivered_at` is the wall clock's, NULL until the webhook was accepted.
    """

    __tablename__ = "gateway_events"
    __table_args__ = (
        CheckConstraint(
            "happened IN ('authorized', 'captured', 'charged', 'expired', 'refunded', 'released')",
            name="gateway_events_happened_known",
        ),
        Index("ix_gateway_events_waiting", "delivered_at", "number"),
    )

    number: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    id: str = Field(unique=True)
    payment_id: str
    subject: str
    happened: str
    at: datetime = Field(sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)
