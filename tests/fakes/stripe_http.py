"""A fake of Stripe's HTTP client: it records each request and returns prepared responses."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe


class SentRequest:
    """One request: `form` is its body or query, flat, as Stripe reads it."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> None:
        parts = urlsplit(url)
        self.line = f"{method.upper()} {parts.path}"
        self.key = headers.get("Idempotency-Key")
        self.form = dict(parse_qsl(body or parts.query))


class FakeStripe(stripe.HTTPClient):
    """Responses by request line: an object (200), `(status, object)`, or an exception; the last one is repeated.

    A request line without a response is a mistake in the test.
    """

    name = "fake"

    def __init__(self, responses: Mapping[str, Any]) -> None:
        super().__init__()
        self.sent: list[SentRequest] = []
        self._responses = {
            line: list(given) if isinstance(given, list) else [given] for line, given in responses.items()
        }

    @property
    def lines(self) -> list[str]:
        return [request.line for request in self.sent]

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        request = SentRequest(method, url, headers, post_data)
        self.sent.append(request)
        waiting = self._responses[request.line]
        response = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(response, BaseException):
            raise response
        status, content = response if isinstance(response, tuple) else (200, response)
        return json.dumps(content).encode(), status, {"Request-Id": "req_1"}


def an_intent(**other: Any) -> dict[str, Any]:
    """A hold of 1640 dollars as Stripe shows it, with its charge."""
    intent: dict[str, Any] = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "requires_capture",
        "amount": 164_000,
        "amount_received": 0,
        "currency": "usd",
        "capture_method": "manual",
        "created": 1_795_000_000,
        "cancellation_reason": None,
        "metadata": {"claim_id": "clm_a", "reference": "clm_a:authorize:0"},
        "latest_charge": a_charge(),
    }
    return intent | other


def a_charge(*refunds: dict[str, Any], **other: Any) -> dict[str, Any]:
    """The charge of a hold that can be captured until 2026-12-18 18:40 UTC."""
    charge: dict[str, Any] = {
        "id": "ch_1",
        "object": "charge",
        "status": "succeeded",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "capture_before": 1_797_619_200}},
        "refunds": a_list(*refunds),
    }
    return charge | other


def a_refund_of(amount: int, key: str = "", **other: Any) -> dict[str, Any]:
    refund: dict[str, Any] = {
        "id": f"re_{key or amount}",
        "object": "refund",
        "amount": amount,
        "currency": "usd",
        "status": "succeeded",
        "metadata": {"reference": key} if key else {},
    }
    return refund | other


def a_list(*data: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(data), "has_more": has_more, "url": "/v1/list"}


def an_error(status: int, kind: str = "invalid_request_error", **other: Any) -> tuple[int, dict[str, Any]]:
    return status, {"error": {"type": kind, "message": "no", **other}}


METHOD: dict[str, Any] = {
    "id": "pm_1",
    "object": "payment_method",
    "type": "card",
    "card": {"brand": "visa", "funding": "credit"},
    "customer": None,
}
CUSTOMER: dict[str, Any] = {"id": "cus_1", "object": "customer"}
