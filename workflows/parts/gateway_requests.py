"""Workflow part: requests to the payment gateway, one step at a time; a missing response flags the claim."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from domain.kinds import Attention
from messages.payments import (
    OUR_MISTAKES,
    AuthorizeHold,
    ChargeCard,
    HeldAndCharged,
    HoldAndCharge,
    PaymentDeclined,
    PaymentRefused,
)
from workflows.parts.activity_calls import ActivityCalls, RequestT, ResultT, Self_
from workflows.parts.claim_record import ClaimRecord

WATCHDOG = timedelta(minutes=15)
"""How long a request is retried before the claim is flagged `capture_unknown`. The retries then continue."""


class GatewayRequests:
    """`step` is a lock, held from the first request of a payment step to its last response."""

    def __init__(self, record: ClaimRecord, calls: ActivityCalls) -> None:
        self._record = record
        self._calls = calls
        self.step = asyncio.Lock()

    @property
    def in_flight(self) -> bool:
        return self.step.locked()

    async def send(
        self, method: MethodAsyncSingleParam[Self_, RequestT, ResultT], request: RequestT, summary: str
    ) -> ResultT | PaymentRefused:
        """The gateway's response, however long it takes. A non-retryable error is returned as PaymentRefused."""
        sent = asyncio.ensure_future(self._calls.external(method, request, summary))
        try:
            await workflow.wait_condition(sent.done, timeout=WATCHDOG, timeout_summary=f"watchdog: {summary}")
        except TimeoutError:
            await self._response_missing(summary)
        response: ResultT | PaymentRefused
        try:
            response = await sent
        except ActivityError as error:
            cause = error.cause
            response = PaymentRefused(state=(cause.type if isinstance(cause, ApplicationError) else None) or "failed")
        self._response_received(summary)
        if isinstance(request, AuthorizeHold | ChargeCard | HoldAndCharge) and self._record.created:
            self._record.change(decline_code=_decline_code(response))
        return response

    def report_refusal(self, what: str, refusal: PaymentRefused) -> None:
        """Flag the claim: the gateway refused to do `what`, which was due; or the request itself is a mistake of ours,
        which no retry and no other card puts right."""
        if refusal.state in OUR_MISTAKES and workflow.patched("our-mistakes-have-a-flag"):
            self._record.flag(Attention.PAYMENT_MISCONFIGURED)
            self._record.note("payment_misconfigured", f"It is our mistake that we could not {what}.", refusal.state)
            return
        self._record.flag(Attention.PAYMENT_REFUSED)
        self._record.note(
            "payment_refused", f"The gateway refused to {what}.", f"The payment's state there: {refusal.state}."
        )

    async def _response_missing(self, summary: str) -> None:
        if self._record.created:
            self._record.flag(Attention.CAPTURE_UNKNOWN)
            self._record.note(
                "answer_unknown", f"No answer yet: {summary}. The request is repeated until there is one."
            )
            await self._record.save()

    def _response_received(self, summary: str) -> None:
        if self._record.created and Attention.CAPTURE_UNKNOWN in self._record.claim.attention:
            self._record.unflag(Attention.CAPTURE_UNKNOWN)
            self._record.note("answer_known", f"Answered: {summary}.")


def _decline_code(response: object) -> str | None:
    """The gateway's code when the response, or a part of it, is a decline."""
    parts = (response.hold, response.fee) if isinstance(response, HeldAndCharged) else (response,)
    return next((part.code for part in parts if isinstance(part, PaymentDeclined)), None)
