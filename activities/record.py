"""Activities: the claim record in the database. Each attempt is one transaction; the rules are in `domain`."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity

from domain.policy import Policy
from domain.returns import cure_until, reminders, window
from messages.claims import ClaimRefused
from messages.record import (
    ComputeDeadline,
    ComputeWindow,
    DeliveredNotices,
    DispatchRecorded,
    DispatchRefused,
    FindDeliveredNotices,
    FindWaitingEvents,
    IdentifySerial,
    Record,
    RecordDispatch,
    ReserveUse,
    SaveClaim,
    SerialIdentified,
    UndoDispatch,
    UseReserved,
    WaitingEvents,
    WindowComputed,
)
from store.database import Database
from store.reads.delivered_notices import delivered_kinds
from store.reported_events import waiting_events
from store.writes import claims, dispatch, reservations, undone_dispatch

_DESCRIBE_TIMEOUT: Final = timedelta(seconds=5)


async def run_at_temporal(claim_id: str) -> str:
    """The id of the claim's newest run."""
    described = await activity.client().get_workflow_handle(claim_id).describe(rpc_timeout=_DESCRIBE_TIMEOUT)
    return described.run_id


class DatabaseRecord(Record):
    """The claim record in `database`. `policy` and `spread_minutes` (R-CLM-13) are frozen onto each new claim.
    `newest_run` returns a claim's run id."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        spread_minutes: int = 0,
        *,
        newest_run: Callable[[str], Awaitable[str]] = run_at_temporal,
    ) -> None:
        self._database = database
        self._policy = policy
        self._spread_minutes = spread_minutes
        self._newest_run = newest_run

    @activity.defn
    async def reserve_use(self, request: ReserveUse) -> UseReserved | ClaimRefused:
        async with self._database.transaction() as session:
            result = await reservations.reserve_use(session, request, self._policy)
        spread = {"spread_minutes": self._spread_minutes}
        return result.model_copy(update=spread) if isinstance(result, UseReserved) else result

    @activity.defn
    async def save_claim(self, request: SaveClaim) -> None:
        replaces = claims.NO_RUN
        while True:
            async with self._database.transaction() as session:
                stored_run = await claims.save_claim(session, request, replaces)
            if stored_run is None:
                return
            # The workflow was reset, or continued as new. A save that the earlier run had begun may come after the
            # first one of the later run: Temporal knows which of the two is the later one.
            if await self._newest_run(request.claim.id) != request.run_id:
                break
            replaces = stored_run
        async with self._database.transaction() as session:
            await claims.add_to_claim(session, request)

    @activity.defn
    async def record_dispatch(self, request: RecordDispatch) -> DispatchRecorded | DispatchRefused:
        async with self._database.transaction() as session:
            return await dispatch.record_dispatch(session, request)

    @activity.defn
    async def undo_dispatch(self, request: UndoDispatch) -> DispatchRefused | None:
        async with self._database.transaction() as session:
            return await undone_dispatch.undo_dispatch(session, request)

    @activity.defn
    async def compute_window(self, request: ComputeWindow) -> WindowComputed:
        returning = window(
            request.started_at, request.days, request.time_zone, request.expected, request.policy, request.extended
        )
        return WindowComputed(returning=returning, reminders=reminders(returning.due_at, request.time_zone))

    @activity.defn
    async def compute_deadline(self, request: ComputeDeadline) -> datetime:
        return cure_until(request.at, request.not_before or request.at, request.time_zone, request.days)

    @activity.defn
    async def identify_serial(self, request: IdentifySerial) -> SerialIdentified:
        async with self._database.snapshot() as session:
            return await dispatch.identify_serial(session, request)

    @activity.defn
    async def find_delivered_notices(self, request: FindDeliveredNotices) -> DeliveredNotices:
        return DeliveredNotices(kinds=await delivered_kinds(self._database, request.claim_id))

    @activity.defn
    async def find_waiting_events(self, request: FindWaitingEvents) -> WaitingEvents:
        async with self._database.snapshot() as session:
            return WaitingEvents(events=tuple(await waiting_events(session, request.claim_id)))
