"""Workflows: the delivery of mails: one process for the whole installation, started by every worker, ended by nobody.

What is sent, and in which order, is the activity's: it looks into the outbox and delivers for minutes at a time, so a
mail costs no event here. This process keeps it going, lets people see and pause it, and tells claims of given-up mails.
"""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

from messages.mail import MAIL_FAILED, DeliverMails, MailGivenUp, MailsDelivered, Outbox

MAIL_DELIVERY: Final = "mail-delivery"
"""The id of the one workflow there is."""
ACTIVITY: Final = "deliver-mails"
"""The id of its activity: what people pause."""
_SLACK: Final = timedelta(minutes=5)
"""How long after the end of its time an activity may still be busy with the mails in hand."""
_MISSED_AFTER: Final = timedelta(seconds=8)
"""How long the activity gives no sign of life before another worker takes over: its own was killed."""
# The database is ours and near. A paused activity counts as failed and goes on when it is unpaused.
_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


@workflow.defn
class MailDelivery:
    """Deliver mails for ever."""

    @workflow.init
    def __init__(self, request: DeliverMails) -> None:
        self._request = request
        self._said = "No mail was looked for yet."

    @workflow.query
    def progress(self) -> str:
        """How the outbox stood when the activity last ended. The activity's heartbeat says how it stands now."""
        return self._said

    @workflow.run
    async def run(self, request: DeliverMails) -> None:
        while True:
            delivered = await self._deliver()
            self._say(delivered)
            await asyncio.gather(*map(_tell, delivered.given_up))
            told = tuple(each.number for each in delivered.given_up)
            self._request = request.model_copy(update={"told": told})
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._request)

    async def _deliver(self) -> MailsDelivered:
        return await workflow.execute_activity_method(
            Outbox.deliver_mails,
            self._request,
            activity_id=ACTIVITY,
            start_to_close_timeout=timedelta(seconds=self._request.seconds) + _SLACK,
            heartbeat_timeout=_MISSED_AFTER,
            retry_policy=_RETRY,
            summary="deliver what is due",
        )

    def _say(self, delivered: MailsDelivered) -> None:
        standing = delivered.standing
        since = f", the oldest since {standing.oldest:%Y-%m-%d %H:%M} UTC" if standing.oldest else ""
        self._said = (
            f"As at {workflow.now():%Y-%m-%d %H:%M} UTC: {standing.waiting} mails wait{since}, "
            f"{standing.failing} of them failed before; {standing.given_up} were given up."
        )
        workflow.set_current_details(self._said)


async def _tell(given_up: MailGivenUp) -> None:
    """Tell the claim, if its process still runs: a closed claim has nobody who could do anything about it."""
    claim = workflow.get_external_workflow_handle(given_up.claim_id)
    try:
        await claim.signal(MAIL_FAILED, given_up.failed)
    except ApplicationError:
        workflow.logger.info("no process of %s to tell of a mail given up", given_up.claim_id)
