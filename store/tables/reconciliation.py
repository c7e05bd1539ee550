"""Store: tables of the reconciliation: its runs, their findings, and the gateway's payments during a run."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from store.tables.types import Instant


class ReconciliationRow(SQLModel, table=True):
    """One run. `ledger_mark` is the id of the last ledger line at its start.

    Until it is finished `finished_at` is NULL and the counts are zero.
    """

    __tablename__ = "reconciliations"
    __table_args__ = (Index("ix_reconciliations_finished_at", "finished_at", "id"),)

    id: str = Field(primary_key=True)
    started_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    ledger_mark: int = Field(default=0, sa_type=BigInteger)
    payments_checked: int = 0
    holds_live: int = 0
    findings: int = 0


class FindingRow(SQLModel, table=True):
    """A difference that a run found: once per run, subject, code and payment (empty when it concerns the subject)."""

    __tablename__ = "reconciliation_findings"

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliations.id")
    subject: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    payment_id: str = Field(primary_key=True)
    message: str


class SeenPaymentRow(SQLModel, table=True):
    """A payment as the gateway listed it during the run; deleted when the run is finished."""

    __tablename__ = "reconciliation_payments"
    __table_args__ = (Index("ix_reconciliation_payments_subject", "reconciliation_id", "subject"),)

    reconciliation_id: str = Field(primary_key=True, foreign_key="reconciliations.id")
    payment_id: str = Field(primary_key=True)
    subject: str
    reference: str
    kind: str
    status: str
    currency: str
    amount: int = Field(sa_type=BigInteger)
    captured: int = Field(sa_type=BigInteger)
    refunded: int = Field(sa_type=BigInteger)
    capture_before: datetime | None = Field(default=None, sa_type=Instant)
