"""Activities: a warehouse that is a table. People read it and answer through the API."""

from temporalio import activity

from messages.ids import new_id
from messages.warehouse import DispatchRequested, RequestDispatch, Warehouse, WithdrawDispatch
from store.database import Database
from store.once import insert_once
from store.payment_tables import DispatchRequestRow


class SimulatedWarehouse(Warehouse):
    """One request a claim, kept for ever: asking twice changes nothing, a withdrawal is dated once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def request_dispatch(self, ask: RequestDispatch) -> DispatchRequested:
        reference = new_id("dsp", ask.claim_id)
        request = {
            "claim_id": ask.claim_id,
            "reference": reference,
            "model": ask.model,
            "region": ask.region,
            "with_battery": ask.with_battery,
            "ship_to": ask.ship_to.model_dump(mode="json"),
            "requested_at": ask.at,
        }
        async with self._database.writing() as session:
            await insert_once(session, DispatchRequestRow, request)
        return DispatchRequested(reference=reference)

    @activity.defn
    async def withdraw_dispatch(self, ask: WithdrawDispatch) -> None:
        async with self._database.writing() as session:
            request = await session.get(DispatchRequestRow, ask.claim_id, with_for_update=True)
            # Nothing was asked for when the claim ended before that: then there is nothing to withdraw.
            if request is not None and request.withdrawn_at is None:
                request.withdrawn_at = ask.at
                request.to_do = False
