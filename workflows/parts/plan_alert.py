"""Workflow part: shows a plan's payment that the gateway refused in the Temporal UI."""

from temporalio import workflow

from domain.kinds import Attention
from messages.payments import PaymentRefused
from messages.search import CLAIM_ATTENTION


def report_refused_payment(what: str, refusal: PaymentRefused) -> None:
    """Flag the workflow: the gateway refused to do `what`, which was due."""
    workflow.upsert_search_attributes([CLAIM_ATTENTION.value_set([Attention.PAYMENT_REFUSED.value])])
    workflow.set_current_details(f"The gateway refused to {what}. The payment's state there: {refusal.state}.")
