"""Activities: repair and maintenance jobs in the database, and a simulated workshop: a table."""

from datetime import timedelta

from temporalio import activity

from domain.dates import local_day, morning_of
from domain.policy import Policy
from messages.claims import ClaimRefused
from messages.ids import new_id
from messages.jobs import (
    ComputeMornings,
    GetReplacementFee,
    JobOpened,
    Jobs,
    MorningsComputed,
    OpenJob,
    ReplacementFee,
    RequestReturn,
    ReserveForRepair,
    ReturnRequested,
    Workshop,
)
from store.database import Database
from store.tables.warehouse import WorkshopReturnRow
from store.upsert import insert_once
from store.writes import jobs


class DatabaseJobs(Jobs):
    """Jobs in `database`. `policy` and `spread_minutes` (R-CLM-13) are frozen onto each new claim. Each attempt is one
    transaction."""

    def __init__(self, database: Database, policy: Policy, spread_minutes: int = 0) -> None:
        self._database = database
        self._policy = policy
        self._spread_minutes = spread_minutes

    @activity.defn
    async def open_job(self, request: OpenJob) -> JobOpened | ClaimRefused:
        async with self._database.transaction() as session:
            result = await jobs.open_job(session, request, self._policy)
        spread = {"spread_minutes": self._spread_minutes}
        return result.model_copy(update=spread) if isinstance(result, JobOpened) else result

    @activity.defn
    async def ask_replacement_fee(self, request: GetReplacementFee) -> ReplacementFee:
        async with self._database.snapshot() as session:
            return ReplacementFee(fee=await jobs.replacement_fee(session, request))

    @activity.defn
    async def reserve_for_repair(self, request: ReserveForRepair) -> ReplacementFee:
        async with self._database.transaction() as session:
            return ReplacementFee(fee=await jobs.reserve_for_repair(session, request))

    @activity.defn
    async def compute_mornings(self, request: ComputeMornings) -> MorningsComputed:
        day = local_day(request.at, request.time_zone)
        return MorningsComputed(
            mornings=tuple(morning_of(day + timedelta(days=days), request.time_zone) for days in request.days)
        )


class SimulatedWorkshop(Workshop):
    """One request a claim, never deleted: a retry changes nothing. People read it and report back through the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def request_return(self, request: RequestReturn) -> ReturnRequested:
        reference = new_id("wsr", request.claim_id)
        row = {
            "claim_id": request.claim_id,
            "reference": reference,
            "ship_to": request.ship_to.model_dump(mode="json"),
            "requested_at": request.at,
        }
        async with self._database.transaction() as session:
            await insert_once(session, WorkshopReturnRow, row)
        return ReturnRequested(reference=reference)
