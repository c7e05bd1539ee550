"""API: events reported about claims. Each is stored before its claim is told, and told again until the claim has it.

A claim that cannot be told (it takes no more signals, its workflow was terminated, Temporal is away) asks the database
for what waits before it charges anything, so an event that is stored is never too late.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from api.claim_commands import ClaimCommands, ClaimNotRunning, EventNotTaken, TemporalUnavailable
from domain.kinds import ClaimState
from messages.claims import PaymentChanged
from store.reads.queries import Queries
from store.reported_events import ReportedEvent, ReportedEvents

log = logging.getLogger("aftercare.api")
_RETRY_SECONDS: Final = 20


class Reported(StrEnum):
    """`told`: the claim has the event, or one that says the same. `waiting`: it is stored, and the claim is told later.

    `ended`: the claim has ended. `no_process`: an open claim has no workflow; the event waits for it.
    """

    TOLD = "told"
    WAITING = "waiting"
    ENDED = "ended"
    NO_PROCESS = "no_process"


class EventReports:
    """`now` is the API's clock."""

    def __init__(
        self, events: ReportedEvents, claim_commands: ClaimCommands, queries: Queries, now: Callable[[], datetime]
    ) -> None:
        self._events = events
        self._claim_commands = claim_commands
        self._queries = queries
        self._now = now

    async def report(self, claim_id: str, event: ReportedEvent) -> Reported:
        """Store the event and tell the claim.

        Raises TemporalUnavailable for an event about a payment, which its gateway sends again; nothing is stored then.
        """
        if not await self._events.add(claim_id, event, self._now()):
            return Reported.TOLD
        try:
            return await self._tell(claim_id, event)
        except TemporalUnavailable as error:
            if isinstance(event, PaymentChanged):
                await self._events.forget(event.event_id)
                raise
            return await self._wait(claim_id, event, str(error))

    async def retry_for_ever(self) -> None:
        """Tell claims what they could not be told before."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                await self.retry()
            except (SQLAlchemyError, OSError) as error:
                log.warning("events that wait could not be read: %s", error)

    async def retry(self) -> None:
        """Tell once more what is due."""
        for claim_id, event in await self._events.due(self._now()):
            try:
                await self._tell(claim_id, event)
            except TemporalUnavailable as error:
                await self._wait(claim_id, event, str(error))
            except ClaimNotRunning:
                log.warning("the event %s names claim %s, which does not exist", event.event_id, claim_id)

    async def _tell(self, claim_id: str, event: ReportedEvent) -> Reported:
        try:
            await self._claim_commands.send_event(claim_id, event)
        except EventNotTaken as error:
            log.error("claim %s takes no event: %s", claim_id, error)
            return await self._wait(claim_id, event, str(error))
        except ClaimNotRunning:
            return await self._without_workflow(claim_id, event)
        await self._events.mark_told(claim_id, event.event_id, self._now())
        return Reported.TOLD

    async def _without_workflow(self, claim_id: str, event: ReportedEvent) -> Reported:
        claim = await self._queries.claim(claim_id)
        if claim is None:
            await self._events.forget(event.event_id)
            raise ClaimNotRunning(claim_id)
        if claim.state is ClaimState.CLOSED:
            await self._events.mark_ended(claim_id, event.event_id, self._now())
            return Reported.ENDED
        await self._wait(claim_id, event, "no process works on this claim: a reset in Temporal brings it back")
        return Reported.NO_PROCESS

    async def _wait(self, claim_id: str, event: ReportedEvent, problem: str) -> Reported:
        await self._events.mark_waiting(claim_id, event.event_id, problem, self._now())
        return Reported.WAITING
