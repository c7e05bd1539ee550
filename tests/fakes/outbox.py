"""A fake of the outbox: it delivers nothing and returns prepared results."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from temporalio import activity

from messages.claims import MailFailed
from messages.mail import DeliverMails, MailGivenUp, MailsDelivered, Outbox, OutboxStatus

SINCE = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)


@dataclass
class FakeOutbox(Outbox):
    """Gives up what is in `gives_up`, one result after another; after them it waits until the worker stops."""

    gives_up: list[tuple[MailGivenUp, ...]] = field(default_factory=list)
    requests: list[DeliverMails] = field(default_factory=list)
    status: OutboxStatus = field(
        default_factory=lambda: OutboxStatus(sent=3, waiting=2, failing=1, given_up=1, oldest=SINCE)
    )

    @activity.defn
    async def deliver_mails(self, request: DeliverMails) -> MailsDelivered:
        self.requests.append(request)
        if self.gives_up:
            return MailsDelivered(standing=self.status, given_up=self.gives_up.pop(0))
        await activity.wait_for_worker_shutdown()
        return MailsDelivered(standing=self.status)


def given_up(claim_id: str, number: int) -> MailGivenUp:
    failed = MailFailed(
        event_id=f"mail:{number}", actor="system", kind="shipped", occurrence=number, reason="Undeliverable"
    )
    return MailGivenUp(number=number, claim_id=claim_id, failed=failed)
