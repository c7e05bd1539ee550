"""Benchmarks: the floor: a Premium claim with a good return that only waits and calls activities.

Any workflow on Temporal that ships a replacement against a hold waits for these messages and causes these effects in
this order; it has no rules, no database and no money. The sandbox imports this module, so it imports little.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import activity, workflow

from messages.claims import Dispatch, Inspect, ParcelArrived, SubmitCareExpress

RELEASED = "released"
_HOLD_RENEWAL = timedelta(days=5)
_FIRST_REMINDER = timedelta(days=11)
_INSPECTION = timedelta(days=3)


@activity.defn
async def look_up_card(claim_id: str) -> None:
    """Does nothing."""


@activity.defn
async def authorize_hold(claim_id: str) -> None:
    """Does nothing."""


@activity.defn
async def charge_fee(claim_id: str) -> None:
    """Does nothing."""


@activity.defn
async def request_dispatch(claim_id: str) -> None:
    """Does nothing."""


@activity.defn
async def release_hold(claim_id: str) -> None:
    """Does nothing."""


@activity.defn
async def send_mail(claim_id: str, kind: str) -> None:
    """Does nothing."""


ACTIVITIES = (look_up_card, authorize_hold, charge_fee, request_dispatch, release_hold, send_mail)


@workflow.defn
class FloorClaim:
    """A good return. Its timers never fire."""

    @workflow.init
    def __init__(self, submission: SubmitCareExpress) -> None:
        self._claim_id = submission.claim_id
        self._accepted = self._dispatched = self._arrived = self._inspected = self._released = False
        self._mails: list[asyncio.Task[None]] = []

    @workflow.run
    async def run(self, submission: SubmitCareExpress) -> str:
        await self._call(look_up_card)
        await self._call(authorize_hold)
        await self._call(charge_fee)
        self._accepted = True
        self._mail("settlement")
        await self._call(request_dispatch)
        await self._until(lambda: self._dispatched, _HOLD_RENEWAL)
        self._mail("shipped")
        self._mail("rebind")
        await self._until(lambda: self._arrived, _FIRST_REMINDER)
        self._mail("arrived")
        await self._until(lambda: self._inspected, _INSPECTION)
        await self._call(release_hold)
        self._released = True
        self._mail("released")
        for mail in self._mails:
            await mail
        await workflow.wait_condition(workflow.all_handlers_finished)
        return RELEASED

    @workflow.update
    async def submission(self) -> None:
        await workflow.wait_condition(lambda: self._accepted)

    @workflow.update
    async def dispatch(self, decision: Dispatch) -> None:
        self._dispatched = True

    @workflow.signal
    def arrival(self, event: ParcelArrived) -> None:
        self._arrived = True

    @workflow.update
    async def inspection(self, decision: Inspect) -> None:
        self._inspected = True
        await workflow.wait_condition(lambda: self._released)

    async def _call(self, activity_: Callable[[str], object]) -> None:
        await workflow.execute_activity(activity_, self._claim_id, start_to_close_timeout=timedelta(seconds=30))

    def _mail(self, kind: str) -> None:
        mail = workflow.execute_activity(
            send_mail, args=[self._claim_id, kind], start_to_close_timeout=timedelta(seconds=60)
        )
        self._mails.append(asyncio.create_task(mail))

    async def _until(self, condition: Callable[[], bool], at_most: timedelta) -> None:
        await workflow.wait_condition(condition, timeout=at_most)
