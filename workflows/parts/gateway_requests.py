"""Workflows, a part: requests to the payment gateway: one step at a time, and people are told when no answer comes."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.types import MethodAsyncSingleParam

from domain.kinds import Attention
from messages.payments import PaymentRefused
from workflows.parts.activity_calls import ActivityCalls, RequestT, ResultT, Self_
from workflows.parts.claim_record import ClaimRecord

WATCHDOG = timedelta(minutes=15)
"""How long one request is retried before people are told that its answer is unknown. The retries then go on."""


class GatewayRequests:
    """`step` is held by whoever moves money, from the first request to the last answer of what belongs together."""

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
        """The gateway's answer, however long it takes. A mistake of ours is a refusal: it is never repeated."""
        sent = asyncio.ensure_future(self._calls.external(method, request, summary))
        try:
            await workflow.wait_condition(sent.done, timeout=WATCHDOG, timeout_summary=f"watchdog: {summary}")
        except TimeoutError:
            await self._answer_unknown(summary)
        answer: ResultT | PaymentRefused
        try:
            answer = await sent
        except ActivityError as error:
            cause = error.cause
            answer = PaymentRefused(state=(cause.type if isinstance(cause, ApplicationError) else None) or "failed")
        self._answer_known(summary)
        return answer

    def report_refusal(self, what: str, refusal: PaymentRefused) -> None:
        """People are told that the gateway refused to do `what`, which was due."""
        self._record.flag(Attention.PAYMENT_REFUSED)
        self._record.note(
            "payment_refused", f"The gateway refused to {what}.", f"The payment's state there: {refusal.state}."
        )

    async def _answer_unknown(self, summary: str) -> None:
        if self._record.begun:
            self._record.flag(Attention.CAPTURE_UNKNOWN)
            self._record.note(
                "answer_unknown", f"No answer yet: {summary}. The request is repeated until there is one."
            )
            await self._record.save()

    def _answer_known(self, summary: str) -> None:
        if self._record.begun and Attention.CAPTURE_UNKNOWN in self._record.claim.attention:
            self._record.unflag(Attention.CAPTURE_UNKNOWN)
            self._record.note("answer_known", f"Answered: {summary}.")
