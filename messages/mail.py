"""Messages: the notices of R-NOT-1, one per claim, kind and occurrence, and the delivery of their mails.

A notice is written into the outbox with its claim's record; one workflow delivers the outbox. The Temporal UI shows
these messages, so `OutboxStatus` and `MailFailed` contain neither names nor addresses.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from enum import StrEnum
from typing import Final

from temporalio import activity

from domain.claim import Claim
from domain.money import Money
from messages.base import Message
from messages.claims import MailFailed


class MailKind(StrEnum):
    SETTLEMENT = "settlement"
    """Fee, hold, window and default charge, as agreed (Care Express); fee (flyaway)."""
    PAYMENT_DECLINED = "payment_declined"
    SHIPPED = "shipped"
    """The replacement is on its way; with the return label and the due date."""
    REBIND = "rebind"
    """The replacement starts unbound: bind it to keep flyaway cover (R-CLM-10)."""
    DUE_MINUS_3 = "due_minus_3"
    DUE_MINUS_1 = "due_minus_1"
    DUE_DAY = "due_day"
    EXTENDED = "extended"
    IN_TRANSIT = "in_transit"
    """The due date has passed, the parcel is with the carrier: the charge is postponed (R-RET-4)."""
    ARRIVED = "arrived"
    INSPECTED_MISMATCH = "inspected_mismatch"
    INSPECTED_PARTS = "inspected_parts"
    HOLD_AT_RISK = "hold_at_risk"
    """The hold cannot be renewed: another card is requested before it lapses (edge case 21)."""
    CARD_NEEDED = "card_needed"
    """The hold ended before the replacement left: it ships when another card is named (R-EXP-6); also as a reminder."""
    DEPOSIT_TAKEN = "deposit_taken"
    """The hold could not be renewed: it was captured as a deposit, to be refunded (decision 13)."""
    RELEASED = "released"
    CHARGED = "charged"
    """Default or parts charged, with the reasons and what can still be done."""
    AMOUNT_OWED = "amount_owed"
    REFUND = "refund"
    CANCELLED = "cancelled"
    LAPSED = "lapsed"
    FLYAWAY_APPROVED = "flyaway_approved"
    FLYAWAY_REJECTED = "flyaway_rejected"
    WITHDRAWN = "withdrawn"
    DISPATCH_DELAYED = "dispatch_delayed"
    """The replacement has not left for days: the customer may wait on, or leave without a cost."""
    SHIPS_AGAIN = "ships_again"
    """The new unit came back and goes out to the customer again, who still has to send the original (R-EXP-10)."""
    REPLACED = "replaced"
    """Standard: your unit passed, the replacement is on its way."""

    REPAIR_LABEL = "repair_label"
    """Online repair or maintenance: the free label to send the unit in (R-REP-1)."""
    REPAIR_QUOTE = "repair_quote"
    REPAIR_QUOTE_WITHDRAWN = "repair_quote_withdrawn"
    """Findings and every repair option, with prices and the last day (R-REP-1, R-REP-2)."""
    REPAIR_REMINDER_7 = "repair_reminder_7"
    REPAIR_REMINDER_23 = "repair_reminder_23"
    REPAIR_REMINDER_29 = "repair_reminder_29"
    REPAIRED = "repaired"
    RETURNED_UNREPAIRED = "returned_unrepaired"
    SERVICED = "serviced"


class SendMail(Message):
    """`occurrence` counts mails of one kind for the claim from 1. `amount` is the amount in the mail.

    `claim` is the whole claim as of `at`; the address is looked up when the mail is rendered.
    """

    kind: MailKind
    claim: Claim
    at: datetime
    occurrence: int = 1
    amount: Money | None = None


class Notice(Message):
    """A mail to be sent once the claim is saved; its `claim` is None where that is the one being saved."""

    kind: MailKind
    at: datetime
    occurrence: int
    amount: Money | None = None
    claim: Claim | None = None

    def mail(self, saved: Claim) -> SendMail:
        """The mail of this notice, `saved` being the claim that is saved."""
        about = self.claim or saved
        return SendMail(kind=self.kind, claim=about, at=self.at, occurrence=self.occurrence, amount=self.amount)


MAIL_FAILED: Final = "mail_failed"
"""The signal that carries a `MailFailed` to a claim's workflow."""


class MailGivenUp(Message):
    """A mail given up whose claim has not received the signal yet. `number` is its row in the outbox.

    `failed.event_id` is the same for every repetition of the signal, and another one when the mail was retried by hand
    and given up again. `failed.reason` is the kind of the last error: `Undeliverable`, `SMTPConnectError`.
    """

    number: int
    claim_id: str
    failed: MailFailed


class OutboxStatus(Message):
    """The state of the outbox.

    `sent` counts mails since the activity began. `failing` are those of the `waiting` ones that failed at least once.
    `oldest` is when the oldest of the `waiting` ones was written, by the wall clock. `given_up` ones are not waiting.
    """

    sent: int
    waiting: int
    failing: int
    given_up: int
    oldest: datetime | None = None


class DeliverMails(Message):
    """Deliver due mails for `seconds`. `told` are the numbers of the `MailGivenUp` signalled to their claims."""

    told: tuple[int, ...] = ()
    seconds: float = 600


class MailsDelivered(Message):
    """The state of the outbox, and given-up mails still to be signalled. There may be more, in the next result."""

    standing: OutboxStatus
    given_up: tuple[MailGivenUp, ...] = ()


class Outbox(ABC):
    """The mails that were written with their claims' records and have not been sent yet."""

    @activity.defn
    @abstractmethod
    async def deliver_mails(self, request: DeliverMails) -> MailsDelivered: ...
