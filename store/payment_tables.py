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
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlmodel import Field, SQLModel

from store.instants import Instant


class GatewayPayment(SQLModel, table=True):
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
        Index("gateway_payments_by_subject", "subject"),
    )

    id: str = Field(sa_column=Column(String(64), primary_key=True))
    subject: str = Field(sa_column=Column(String(64), nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    captured: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    refunded: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    state: str = Field(sa_column=Column(String(16), nullable=False))
    payment_method: str = Field(sa_column=Column(String(255), nullable=False))
    reference: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    created_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    expires_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


class GatewayAnswer(SQLModel, table=True):
    """What the simulated gateway answered under an idempotency key; `fingerprint` is a digest of what was asked."""

    __tablename__ = "gateway_answers"

    key: str = Field(sa_column=Column(String(255), primary_key=True))
    fingerprint: str = Field(sa_column=Column(String(64), nullable=False))
    answer: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class LedgerEntry(SQLModel, table=True):
    """One line of the double-entry ledger. The lines of one `key` sum to zero per currency; none is ever changed."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("key", "account", name="ledger_entries_once_per_key_and_account"),
        CheckConstraint("amount <> 0", name="ledger_entries_amount_not_zero"),
        Index("ledger_entries_by_subject", "subject"),
        Index("ledger_entries_by_moment", "at"),
    )

    # A BIGINT primary key would not count up on SQLite.
    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    subject: str = Field(sa_column=Column(String(64), nullable=False))
    account: str = Field(sa_column=Column(String(32), nullable=False))
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str = Field(sa_column=Column(String(3), nullable=False))
    key: str = Field(sa_column=Column(String(255), nullable=False))


class DispatchRequest(SQLModel, table=True):
    """What the warehouse was asked to ship: one request a claim. `reference` is the warehouse's own number."""

    __tablename__ = "dispatch_requests"

    claim_id: str = Field(sa_column=Column(String(64), primary_key=True))
    reference: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    model: str = Field(sa_column=Column(String(64), nullable=False))
    region: str = Field(sa_column=Column(String(16), nullable=False))
    with_battery: bool = Field(nullable=False)
    ship_to: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    requested_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


class SentMail(SQLModel, table=True):
    """A mail that went out: once per claim, kind and occurrence (R-NOT-1). `at` is the moment on the claim's clock."""

    __tablename__ = "mails"

    claim_id: str = Field(sa_column=Column(String(64), primary_key=True))
    kind: str = Field(sa_column=Column(String(32), primary_key=True))
    occurrence: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    message_id: str = Field(sa_column=Column(String(255), nullable=False, unique=True))
    recipient: str = Field(sa_column=Column(String(320), nullable=False))
    subject: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=Column(Instant, nullable=False))


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
