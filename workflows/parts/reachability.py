"""Workflow part: whether mails reach the customer."""

from temporalio import workflow

from domain.kinds import Attention
from messages.claims import MailFailed, OwnerCorrected
from workflows.parts.claim_record import ClaimRecord


def mail_failed(record: ClaimRecord, event: MailFailed) -> None:
    name = event.kind.replace("_", " ")
    record.note("mail_failed", f"The mail “{name}” could not be delivered.", event.reason)
    if workflow.patched("unreachable-customer"):
        record.mail_failed(event.kind, event.occurrence)


def owner_corrected(record: ClaimRecord, event: OwnerCorrected) -> None:
    """Mails that were not delivered are sent to the corrected address, so the customer counts as reachable."""
    record.note("owner_corrected", "The owner's particulars were corrected.", actor=event.actor)
    if event.mail_address:
        record.unflag(Attention.UNREACHABLE)
