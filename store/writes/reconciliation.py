"""Store, write side: a reconciliation's run, what it saw and what it found. Every write may be repeated."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, func
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.reconciliation import Finding
from store.once import insert_each_once, insert_once
from store.payment_tables import LedgerEntryRow
from store.reconciliation_tables import FindingRow, ReconciliationRow, SeenPaymentRow

_GIVEN_UP: Final = timedelta(days=2)
"""A run that was never finished is not waited for: what it saw is thrown away by a later one."""
_AT_ONCE: Final = 500


async def begin(session: AsyncSession, reconciliation_id: str, at: datetime) -> int:
    """Open the run; the number of the ledger's last line then, the same however often it is asked."""
    last = (await session.exec(select(func.max(LedgerEntryRow.id)))).one()
    row = ReconciliationRow(id=reconciliation_id, started_at=at, ledger_mark=last or 0)
    if await insert_once(session, ReconciliationRow, row.model_dump()):
        old = select(ReconciliationRow.id).where(col(ReconciliationRow.started_at) < at - _GIVEN_UP)
        await session.exec(delete(SeenPaymentRow).where(col(SeenPaymentRow.reconciliation_id).in_(old)))
    return (await session.get_one(ReconciliationRow, reconciliation_id)).ledger_mark


async def saw(session: AsyncSession, reconciliation_id: str, payments: Iterable[SeenPaymentRow]) -> None:
    """Keep payments as the gateway had them, unless the run is finished. One seen before stays as it was seen first."""
    run = await session.get_one(ReconciliationRow, reconciliation_id)
    rows = list(payments)
    if rows and run.finished_at is None:
        await insert_each_once(session, rows, col(SeenPaymentRow.payment_id))


async def found(session: AsyncSession, reconciliation_id: str, findings: Iterable[Finding]) -> None:
    """Write down what differs, once per subject, code and payment."""
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
    for first in range(0, len(rows), _AT_ONCE):
        await insert_each_once(session, rows[first : first + _AT_ONCE], col(FindingRow.subject))


async def finish(session: AsyncSession, reconciliation_id: str, at: datetime) -> ReconciliationRow:
    """Count what was seen and found and throw away what is needed no longer. The run as it ended the first time."""
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
