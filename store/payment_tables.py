"""Store: tables of the outside parties: simulated gateway, ledger, warehouse requests, mails sent.

Knows no rule. What must hold whatever the code does is said here to the database: no payment captures more than its
amount, none gives back more than it took, and no line of the ledger is ever changed.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    event,
    true,
)
from sqlmodel import Field, SQLModel

from store.instants import Instant


class GatewayPaymentRow(SQLModel, table=True):
    """A hold or a charge as the simulated gateway knows it. Amounts are minor units of `currency`.

    `subject` is the claim or purchase it is for, `reference` the key of the request that made it. A hold has
    `expires_at`, the instant from which it can no longer be captured; a charge has none and is captured at once.
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


class GatewayAnswerRow(SQLModel, table=True):
    """What the simulated gateway answered under an idempotency key; `fingerprint` is a digest of what was asked."""

    __tablename__ = "gateway_answers"

    key: str = Field(primary_key=True)
    fingerprint: str
    answer: dict[str, Any] = Field(sa_type=JSON)


class GatewayEventRow(SQLModel, table=True):
    """What the simulated gateway tells the world about a payment, written with the effect itself.

    `at` is the moment on the claim's clock; `delivered_at` is the wall clock's, empty until a webhook was accepted.
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


class SavedCardRow(SQLModel, table=True):
    """The card a `token` stands for in one claim or purchase: `customer` and `method` are the gateway's own ids.

    Written before the first payment with it, so that whatever was asked of the gateway can be found there again.
    """

    __tablename__ = "saved_cards"

    subject: str = Field(primary_key=True)
    token: str = Field(primary_key=True)
    customer: str
    method: str


class LedgerEntryRow(SQLModel, table=True):
    """One line of the double-entry ledger. The lines of one `key` sum to zero per currency; none is ever changed."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("key", "account", name="ledger_entries_once_per_key_and_account"),
        CheckConstraint("amount <> 0", name="ledger_entries_amount_not_zero"),
        Index("ix_ledger_entries_at", "at", "id"),
    )

    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_type=Instant)
    subject: str = Field(index=True)
    account: str
    amount: int = Field(sa_type=BigInteger)
    currency: str
    key: str


class DispatchRequestRow(SQLModel, table=True):
    """What the warehouse was asked to ship: one request a claim. `reference` is the warehouse's own number.

    `to_do` until it was shipped or withdrawn.
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


class WorkshopReturnRow(SQLModel, table=True):
    """What the workshop was asked to ship back: one request a claim. `reference` is the workshop's own number.

    `to_do` until its claim is closed.
    """

    __tablename__ = "workshop_returns"
    __table_args__ = (Index("ix_workshop_returns_place", "to_do", "requested_at", "reference"),)

    claim_id: str = Field(primary_key=True)
    reference: str = Field(unique=True)
    ship_to: dict[str, Any] = Field(sa_type=JSON)
    requested_at: datetime = Field(sa_type=Instant)
    to_do: bool = Field(default=True, sa_column_kwargs={"server_default": true()})


class MailRow(SQLModel, table=True):
    """A mail that went out: once per claim, kind and occurrence (R-NOT-1). `at` is the moment on the claim's clock.

    A renewal reminder is about a term, not a claim: `claim_id` is then the term's.
    """

    __tablename__ = "mails"

    claim_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    occurrence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    message_id: str = Field(unique=True)
    recipient: str
    subject: str
    at: datetime = Field(sa_type=Instant)


LEDGER_TRIGGERS: dict[str, list[str]] = {
    "sqlite": [
        """
        CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
        # INSERT OR REPLACE deletes without firing the trigger above, so a line that is there is guarded here too.
        """
        CREATE TRIGGER ledger_entries_no_replace BEFORE INSERT ON ledger_entries
        WHEN EXISTS (
            SELECT 1 FROM ledger_entries
            WHERE id = NEW.id OR (key = NEW.key AND account = NEW.account)
        )
        BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END
        """,
    ],
    "postgresql": [
        """
        CREATE OR REPLACE FUNCTION ledger_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'ledger_entries is append-only'; END $$
        """,
        """
        CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE OR DELETE ON ledger_entries
        FOR EACH ROW EXECUTE FUNCTION ledger_entries_append_only()
        """,
        """
        CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_append_only()
        """,
    ],
}
"""What makes the ledger append-only, by dialect, a statement each: run by the migration that makes the table.

A migration that rebuilds the table on SQLite (Alembic's batch mode) drops the triggers and must run them again.
"""


@event.listens_for(SQLModel.metadata.tables["ledger_entries"], "after_create")
def _make_append_only(_table: Table, connection: Connection, **_: Any) -> None:
    """`metadata.create_all` makes the triggers too, so that a test database is no more lenient than a real one."""
    for statement in LEDGER_TRIGGERS[connection.dialect.name]:
        connection.exec_driver_sql(statement)
