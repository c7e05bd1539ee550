"""Store, write side: the run of a reconciliation, the payments it read and its findings. Every write is idempotent."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.reconciliation import Finding
from store.tables.ledger import LedgerEntryRow
from store.tables.reconciliation import FindingRow, ReconciliationRow, SeenPaymentRow
from store.upsert import insert_each_once, insert_once

_ABANDONED_AFTER: Final = timedelta(days=2)
"""A later run deletes the payments of one that was not finished within this time."""
_BATCH_SIZE: Final = 500


async def start_run(session: AsyncSession, reconciliation_id: str, at: datetime) -> int:
    """Start the run; returns the id of the ledger's last line at the first call, for repeated calls too."""
    last = (await session.exec(select(func.max(LedgerEntryRow.id)))).one()
    row = ReconciliationRow(id=reconciliation_id, started_at=at, ledger_mark=last or 0)
    if await insert_once(session, ReconciliationRow, row.model_dump()):
        old = select(ReconciliationRow.id).where(col(ReconciliationRow.started_at) < at - _ABANDONED_AFTER)
        await session.exec(delete(SeenPaymentRow).where(col(SeenPaymentRow.reconciliation_id).in_(old)))
    return (await session.get_one(ReconciliationRow, reconciliation_id)).ledger_mark


async def record_payments(session: AsyncSession, reconciliation_id: str, payments: Iterable[SeenPaymentRow]) -> None:
    """Store payments as the gateway listed them, unless the run is finished. A stored payment is not changed."""
    run = await session.get_one(ReconciliationRow, reconciliation_id)
    rows = list(payments)
    if rows and run.finished_at is None:
        await insert_each_once(session, rows, col(SeenPaymentRow.payment_id))


async def record_findings(session: AsyncSession, reconciliation_id: str, findings: Iterable[Finding]) -> None:
    """Store the findings, once per subject, code and payment."""
    rows = [
        FindingRow(
            reconciliation_id=reconciliation_id,
            subject=each.subject,
            code=each.code.value,
            payment_id=each.payment_id,
            message=each.message,
        )
        for each in findings
    ]
    for first in range(0, len(rows), _BATCH_SIZE):
        await insert_each_once(session, rows[first : first + _BATCH_SIZE], col(FindingRow.subject))


async def finish_run(session: AsyncSession, reconciliation_id: str, at: datetime) -> ReconciliationRow:
    """Store the counts and delete the payments. Returns the run as it was finished first."""
    run = await session.get_one(ReconciliationRow, reconciliation_id, with_for_update=True)
    if run.finished_at is not None:
        return run
    seen = SeenPaymentRow
    live = (col(seen.status) == "authorized") & (col(seen.capture_before) > run.started_at)
    counted = select(func.count(), func.sum(case((live, 1), else_=0))).where(
        seen.reconciliation_id == reconciliation_id
    )
    payments, holds = (await session.exec(counted)).one()
    findings = select(func.count()).where(FindingRow.reconciliation_id == reconciliation_id)
    run.payments_checked, run.holds_live = payments, int(holds or 0)
    run.findings, run.finished_at = (await session.exec(findings)).one(), at
    session.add(run)
    await session.exec(delete(seen).where(col(seen.reconciliation_id) == reconciliation_id))
    return run
