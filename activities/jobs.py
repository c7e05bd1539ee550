"""Activities: repairs and maintenance: the cases in the database, and a workshop that is a table."""

from datetime import timedelta

from temporalio import activity

from domain.dates import local_day, morning_of
from domain.policy import Policy
from messages.claims import ClaimRefused
from messages.ids import new_id
from messages.jobs import (
    AskReplacementFee,
    ComputeMornings,
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
from store.once import insert_once
from store.payment_tables import WorkshopReturnRow
from store.writes import jobs


class DatabaseJobs(Jobs):
    """Jobs in `database`. `policy` is frozen onto each claim it makes. Each attempt is one transaction."""

    def __init__(self, database: Database, policy: Policy) -> None:
        self._database = database
        self._policy = policy

    @activity.defn
    async def open_job(self, ask: OpenJob) -> JobOpened | ClaimRefused:
        async with self._database.writing() as session:
            return await jobs.open_job(session, ask, self._policy)

    @activity.defn
    async def ask_replacement_fee(self, ask: AskReplacementFee) -> ReplacementFee:
        async with self._database.reading() as session:
            return ReplacementFee(fee=await jobs.replacement_fee(session, ask))

    @activity.defn
    async def reserve_for_repair(self, ask: ReserveForRepair) -> ReplacementFee:
        async with self._database.writing() as session:
            return ReplacementFee(fee=await jobs.reserve_for_repair(session, ask))

    @activity.defn
    async def compute_mornings(self, ask: ComputeMornings) -> MorningsComputed:
        day = local_day(ask.at, ask.time_zone)
        return MorningsComputed(
            mornings=tuple(morning_of(day + timedelta(days=days), ask.time_zone) for days in ask.days)
        )


class SimulatedWorkshop(Workshop):
    """One request a claim, kept for ever: asking twice changes nothing. People read it and answer through the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn
    async def request_return(self, ask: RequestReturn) -> ReturnRequested:
        reference = new_id("wsr", ask.claim_id)
        request = {
            "claim_id": ask.claim_id,
            "reference": reference,
            "ship_to": ask.ship_to.model_dump(mode="json"),
            "requested_at": ask.at,
        }
        async with self._database.writing() as session:
            await insert_once(session, WorkshopReturnRow, request)
        return ReturnRequested(reference=reference)
