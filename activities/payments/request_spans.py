"""Activities: the span of a payment request: what is sent to the gateway, from its sending to its response."""

from collections.abc import Awaitable
from typing import TypeVar

from opentelemetry.trace import SpanKind, get_tracer

from activities.payments.gateway import Payment
from activities.payments.steps import HoldResponse

ResponseT = TypeVar("ResponseT")


async def traced(operation: str, key: str, request: Awaitable[ResponseT]) -> ResponseT:
    """The response of `request`, in a span of its own where the process has a tracer provider."""
    attributes = {"aftercare.operation": operation, "aftercare.payment_key": key}
    with get_tracer("aftercare").start_as_current_span(
        f"gateway {operation}", kind=SpanKind.CLIENT, attributes=attributes
    ) as span:
        response = await request
        span.set_attribute("aftercare.outcome", _outcome(response))
        return response


def _outcome(response: object) -> str:
    """The payment's state, or the type of what came instead of one."""
    answer = response.hold if isinstance(response, HoldResponse) else response
    return answer.status if isinstance(answer, Payment) else type(answer).__name__
