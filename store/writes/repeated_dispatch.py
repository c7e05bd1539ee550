"""Store, the write side of a unit that came back and left again: when that was, and its task is settled (R-EXP-10)."""

from datetime import datetime

from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.reported_events import new_unit_event
from store.reported_events import show_on_claim
from store.tables.reported_events import ReportedEventRow, ReportState
from store.tables.warehouse import RepeatedDispatchRow
from store.unclaimed_parcels import Settlement
from store.upsert import insert_once


async def repeated_dispatch(session: AsyncSession, claim_id: str, number: int, at: datetime) -> datetime:
    """Write once that the claim's unit left again, the `number`th time, and settle the task that it was here.

    Returns when that was: `at`, or what was written before, also after a reset of the workflow.
    """
    row = {"claim_id": claim_id, "number": number, "dispatched_at": at}
    if not await insert_once(session, RepeatedDispatchRow, row):
        stored = await session.get_one(RepeatedDispatchRow, (claim_id, number))
        return stored.dispatched_at
    unclaimed = (
        col(ReportedEventRow.claim_id) == claim_id,
        col(ReportedEventRow.event_id).startswith(new_unit_event(claim_id), autoescape=True),
        col(ReportedEventRow.state) == ReportState.UNCLAIMED,
    )
    settled = update(ReportedEventRow).where(*unclaimed)
    settled = settled.values(
        state=ReportState.SETTLED.value, settled_as=Settlement.SENT_BACK.value, settled_by="warehouse", settled_at=at
    )
    await session.exec(settled)
    await show_on_claim(session, claim_id)
    return at
