"""Activities: the record, kept in the database. Each attempt is one transaction; the rules are domain's."""

from datetime import datetime

from temporalio import activity

from activities.mail import OutgoingMail
from domain.policy import Policy
from domain.returns import cure_until, reminders, window
from messages.claims import ClaimRefused
from messages.record import (
    ClaimSaved,
    ComputeDeadline,
    ComputeWindow,
    DispatchRecorded,
    DispatchRefused,
    IdentifySerial,
    Record,
    RecordDispatch,
    ReserveUse,
    SaveClaim,
    SerialIdentified,
    UseReserved,
    WindowComputed,
)
from store.database import Database
from store.writes import claims, dispatch


class DatabaseRecord(Record):
    """The record in `database`. `policy` is frozen onto each claim it makes.

    `mail` sends the notices that go out with a claim; without it none of them does.
    """

    def __init__(self, database: Database, policy: Policy, mail: OutgoingMail | None = None) -> None:
        self._database = database
        self._policy = policy
        self._mail = mail

    @activity.defn
    async def reserve_use(self, ask: ReserveUse) -> UseReserved | ClaimRefused:
        async with self._database.writing() as session:
            return await claims.reserve_use(session, ask, self._policy)

    @activity.defn
    async def save_claim(self, ask: SaveClaim) -> ClaimSaved:
        async with self._database.writing() as session:
            await claims.save_claim(session, ask)
        if not ask.notices:
            return ClaimSaved()
        if self._mail is None:
            return ClaimSaved(unsent=tuple(range(len(ask.notices))))
        return ClaimSaved(unsent=await self._mail.send_notices(ask.claim, ask.notices))

    @activity.defn
    async def record_dispatch(self, ask: RecordDispatch) -> DispatchRecorded | DispatchRefused:
        async with self._database.writing() as session:
            return await dispatch.record_dispatch(session, ask)

    @activity.defn
    async def compute_window(self, ask: ComputeWindow) -> WindowComputed:
        returning = window(ask.started_at, ask.days, ask.time_zone, ask.expected, ask.policy, ask.extended)
        return WindowComputed(returning=returning, reminders=reminders(returning.due_at, ask.time_zone))

    @activity.defn
    async def compute_deadline(self, ask: ComputeDeadline) -> datetime:
        return cure_until(ask.at, ask.not_before or ask.at, ask.time_zone, ask.days)

    @activity.defn
    async def identify_serial(self, ask: IdentifySerial) -> SerialIdentified:
        async with self._database.reading() as session:
            return await dispatch.identify_serial(session, ask)
