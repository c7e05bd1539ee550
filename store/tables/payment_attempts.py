"""Store: the table of payment attempts: every request that changes a payment, stored before it is sent."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from store.tables.append_only import create_with_table, refused_changes
from store.tables.types import Instant


class PaymentAttemptRow(SQLModel, table=True):
    """A request to the gateway, or to the ledger alone (`keep_deposit`): one row a key, however often it is sent.

    `acts_on` is the payment's id for a capture, release or refund, the hold's ordinal for an authorization, the ledger
    account for a charge, else empty. `amount` is in minor units of `currency`, both NULL for a release. `fingerprint`
    is the SHA-256 of the request without its instant; no payment method is stored in clear. `answer` is the result
    message as JSON, NULL until it is known. Both instants are the wall clock's.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        CheckConstraint(
            "purpose IN ('authorize', 'capture', 'release', 'charge', 'refund', 'keep_deposit')",
            name="payment_attempts_purpose_known",
        ),
        CheckConstraint("(amount IS NULL) = (currency IS NULL)", name="payment_attempts_amount_has_currency"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="payment_attempts_answer_has_instant"),
    )

    key: str = Field(primary_key=True)
    subject: str = Field(index=True)
    purpose: str
    acts_on: str = ""
    amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    fingerprint: str
    first_sent_at: datetime = Field(sa_type=Instant)
    answer: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    answered_at: datetime | None = Field(default=None, sa_type=Instant)


_IMMUTABLE: Final = ("key", "subject", "purpose", "acts_on", "amount", "currency", "fingerprint", "first_sent_at")


def _columns(row: str) -> str:
    return ", ".join(f"{row}.{column}" for column in _IMMUTABLE)


ATTEMPT_TRIGGERS: Final[dict[str, list[str]]] = {
    "sqlite": [
        f"""
        CREATE TRIGGER payment_attempts_no_update BEFORE UPDATE ON payment_attempts
        WHEN OLD.answered_at IS NOT NULL OR NEW.answered_at IS NULL
            OR ({_columns("NEW")}) IS NOT ({_columns("OLD")})
        BEGIN SELECT RAISE(ABORT, 'payment_attempts is append-only'); END
        """,
        """
        CREATE TRIGGER payment_attempts_no_delete BEFORE DELETE ON payment_attempts
        BEGIN SELECT RAISE(ABORT, 'payment_attempts is append-only'); END
        """,
        # INSERT OR REPLACE deletes without firing the trigger above. It is ignored here, not refused, because this
        # trigger fires before ON CONFLICT DO NOTHING too.
        """
        CREATE TRIGGER payment_attempts_no_replace BEFORE INSERT ON payment_attempts
        WHEN EXISTS (SELECT 1 FROM payment_attempts WHERE key = NEW.key)
        BEGIN SELECT RAISE(IGNORE); END
        """,
    ],
    "postgresql": [
        f"""
        CREATE OR REPLACE FUNCTION payment_attempts_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF OLD.answered_at IS NULL AND NEW.answered_at IS NOT NULL
                    AND ({_columns("NEW")}) IS NOT DISTINCT FROM ({_columns("OLD")}) THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'payment_attempts is append-only';
        END $$
        """,
        *refused_changes("payment_attempts"),
    ],
}
"""DDL statements by dialect that make the table append-only: a row changes once, when its response is written.

Executed by the migration that creates the table; one that rebuilds it on SQLite must execute them again.
"""
create_with_table("payment_attempts", ATTEMPT_TRIGGERS)
