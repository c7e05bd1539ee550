"""Workflow part: a plan's payment. A refusal is a result, also of a mistake of ours: the caller says what follows."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from domain.kinds import Attention
from messages.payments import OUR_MISTAKES, PaymentRefused
from messages.search import CLAIM_ATTENTION
from workflows.parts.activity_calls import ActivityCalls, RequestT, ResultT, Self_


async def send(
    calls: ActivityCalls, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
) -> ResultT | PaymentRefused:
    """The gateway's response, however long it takes. A non-retryable error is returned as PaymentRefused."""
    try:
        return await calls.external(method, request, summary)
    except ActivityError as error:
        cause = error.cause
        return PaymentRefused(state=(cause.type if isinstance(cause, ApplicationError) else None) or "failed")


def report_refused_payment(what: str, refusal: PaymentRefused) -> None:
    """Flag the workflow: the gateway refused to do `what`, which was due, or it is our mistake that it could not."""
    ours = refusal.state in OUR_MISTAKES
    attention = Attention.PAYMENT_MISCONFIGURED if ours else Attention.PAYMENT_REFUSED
    workflow.upsert_search_attributes([CLAIM_ATTENTION.value_set([attention.value])])
    workflow.set_current_details(f"The gateway refused to {what}. The payment's state there: {refusal.state}.")
