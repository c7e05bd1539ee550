"""Activities: a simulated warehouse: a table that people read; they report back through the API."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from messages.claims import ShipTo
from messages.ids import new_id
from messages.warehouse import (
    ChangeAddress,
    DispatchLeft,
    DispatchRequested,
    RequestDispatch,
    Warehouse,
    WithdrawDispatch,
)
from store.database import Database
from store.tables.warehouse import DispatchRequestRow, WorkshopReturnRow
from store.upsert import insert_once


class SimulatedWarehouse(Warehouse):
    """One request a claim, never deleted: a retry changes nothing, a withdrawal is dated once.

    A unit whose dispatch is recorded has left: that is too late for a withdrawal."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def request_dispatch(self, request: RequestDispatch) -> DispatchRequested:
        reference = new_id("dsp", request.claim_id)
        row = {
            "claim_id": request.claim_id,
            "reference": reference,
            "model": request.model,
            "region": request.region,
            "with_battery": request.with_battery,
            "ship_to": request.ship_to.model_dump(mode="json"),
            "requested_at": request.at,
            "number": request.number,
            "serial_number": request.serial_number,
        }
        async with self._database.transaction() as session:
            if not await insert_once(session, DispatchRequestRow, row):
                await _reopen(session, request)
        return DispatchRequested(reference=reference)

    @activity.defn
    async def withdraw_dispatch(self, request: WithdrawDispatch) -> DispatchLeft | None:
        async with self._database.transaction() as session:
            row = await session.get(DispatchRequestRow, request.claim_id, with_for_update=True)
            # A claim that ended before its dispatch request has nothing to withdraw.
            if row is None or row.withdrawn_at is not None or request.at < row.requested_at:
                return None
            if not row.to_do:
                return DispatchLeft()
            row.withdrawn_at = request.at
            row.to_do = False
            return None

    @activity.defn
    async def change_address(self, request: ChangeAddress) -> DispatchLeft | None:
        """Both lists change together. A retry that comes after a later correction changes nothing."""
        async with self._database.transaction() as session:
            dispatch = await session.get(DispatchRequestRow, request.claim_id, with_for_update=True)
            own_unit = await session.get(WorkshopReturnRow, request.claim_id, with_for_update=True)
            withdrawn = dispatch is not None and dispatch.withdrawn_at is not None
            rows = [row for row in (None if withdrawn else dispatch, own_unit) if row is not None]
            if not all(row.to_do for row in rows):
                return DispatchLeft()
            for row in rows:
                if ShipTo(**row.ship_to) == request.instead_of:
                    row.ship_to = request.ship_to.model_dump(mode="json")
            return None


async def _reopen(session: AsyncSession, request: RequestDispatch) -> None:
    """Open a withdrawn request again, unless `request` is a retry of one that was made before the withdrawal, and one
    that was fulfilled when its unit came back and is to be shipped once more (R-EXP-10)."""
    row = await session.get_one(DispatchRequestRow, request.claim_id, with_for_update=True)
    withdrawn_before = row.withdrawn_at is not None and row.withdrawn_at < request.at
    if request.number > row.number or (request.number == row.number and withdrawn_before):
        row.ship_to = request.ship_to.model_dump(mode="json")
        row.requested_at, row.withdrawn_at, row.to_do = request.at, None, True
        row.number, row.serial_number, row.with_battery = request.number, request.serial_number, request.with_battery
