"""Workflow that delivers mails: one for the whole installation. Every worker starts it and it never completes.

The activity decides what is sent and in which order: it reads the outbox and delivers for minutes at a time, so a mail
costs no event here. The workflow runs the activity, shows its state, and signals claims about mails that were given up.
"""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from messages.mail import MAIL_FAILED, DeliverMails, MailGivenUp, MailsDelivered, Outbox

MAIL_DELIVERY: Final = "mail-delivery"
"""The workflow id; there is one workflow."""
ACTIVITY: Final = "deliver-mails"
"""The id of its activity, which operations can pause."""
_END_MARGIN: Final = timedelta(minutes=5)
"""How long after its `seconds` the activity may still deliver the mails that it has begun."""
_HEARTBEAT_TIMEOUT: Final = timedelta(seconds=8)
"""How long a heartbeat may be missing before another worker retries the activity: its worker was killed."""
# The database is local, so retries are frequent. A paused activity counts as failed and continues when unpaused.
_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn
class MailDelivery:
    """Deliver mails without end."""

    @workflow.init
    def __init__(self, request: DeliverMails) -> None:
        self._request = request
        self._progress = "No mail was looked for yet."

    @workflow.query
    def progress(self) -> str:
        """The state of the outbox when the activity last completed. The activity's heartbeat has the present state."""
        return self._progress

    @workflow.run
    async def run(self, request: DeliverMails) -> None:
        while True:
            delivered = await self._deliver()
            self._report(delivered)
            await asyncio.gather(*map(_signal_claim, delivered.given_up))
            signalled = tuple(each.number for each in delivered.given_up)
            self._request = request.model_copy(update={"told": signalled})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._request)

    async def _deliver(self) -> MailsDelivered:
        return await workflow.execute_activity_method(
            Outbox.deliver_mails,
            self._request,
            activity_id=ACTIVITY,
            start_to_close_timeout=timedelta(seconds=self._request.seconds) + _END_MARGIN,
            heartbeat_timeout=_HEARTBEAT_TIMEOUT,
            retry_policy=_RETRY,
            summary="deliver what is due",
        )

    def _report(self, delivered: MailsDelivered) -> None:
        standing = delivered.standing
        since = f", the oldest since {standing.oldest:%Y-%m-%d %H:%M} UTC" if standing.oldest else ""
        self._progress = (
            f"As at {workflow.now():%Y-%m-%d %H:%M} UTC: {standing.waiting} mails wait{since}, "
            f"{standing.failing} of them failed before; {standing.given_up} were given up."
        )
        workflow.set_current_details(self._progress)


async def _signal_claim(given_up: MailGivenUp) -> None:
    """Signal the claim if its workflow still runs. Of a closed claim there is nothing left to do."""
    claim = workflow.get_external_workflow_handle(given_up.claim_id)
    try:
        await claim.signal(MAIL_FAILED, given_up.failed)
    except ApplicationError:
        workflow.logger.info("no workflow of %s to signal about a mail given up", given_up.claim_id)
