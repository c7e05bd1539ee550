"""Workflows, a part: a payment of a plan that the gateway refused is shown to people in the Temporal UI."""

from temporalio import workflow

from domain.kinds import Attention
from messages.payments import PaymentRefused
from messages.search import CLAIM_ATTENTION


def report_refused_payment(what: str, refusal: PaymentRefused) -> None:
    """The gateway refused to do `what`, which was due."""
    workflow.upsert_search_attributes([CLAIM_ATTENTION.value_set([Attention.PAYMENT_REFUSED.value])])
    workflow.set_current_details(f"The gateway refused to {what}. The payment's state there: {refusal.state}.")
