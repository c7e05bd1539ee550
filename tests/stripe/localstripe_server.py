"""localstripe on this machine alone: `python -m tests.stripe.localstripe_server PORT`. Prints a line when it listens.

Its own command binds every interface and reads a pickle out of /tmp: here it binds loopback and keeps nothing. What it
does not know of Stripe and our requests cannot do without is taught below, and nothing else: its mistakes stay.
"""

import sys
from typing import Any

from aiohttp import web
from localstripe import resources
from localstripe.resources import PaymentIntent, extra_apis, store

TAUGHT = (
    "automatic_payment_methods of an intent (left out)",
    "metadata of a capture",
    "amount_received and cancellation_reason of an intent",
    "intents of one customer, newest first",
)

_create, _capture = PaymentIntent._api_create, PaymentIntent._api_capture


def create(automatic_payment_methods: object = None, **sent: Any) -> Any:
    return _create(**sent)


def capture(id: str, amount_to_capture: object = None, metadata: dict[str, str] | None = None) -> Any:
    intent = _capture(id, amount_to_capture=amount_to_capture)
    intent.amount_received = intent.amount if amount_to_capture is None else int(str(amount_to_capture))
    intent.metadata = intent.metadata | (metadata or {})
    return intent


def list_all(url: str, customer: str | None = None, limit: object = None, starting_after: str | None = None) -> Any:
    page = resources.List(url, limit=limit, starting_after=starting_after)
    intents = [thing for key, thing in store.items() if key.startswith("payment_intent:")]
    page._list = [intent for intent in reversed(intents) if customer is None or intent.customer == customer]
    return page


def received(intent: Any) -> int:
    captured = vars(intent).get("_received", 0)
    return int(intent.amount) if intent.status == "succeeded" and not captured else int(captured)


def receive(intent: Any, amount: int) -> None:
    intent._received = amount


def serve(port: int) -> None:
    store.dump_to_disk = lambda: None
    PaymentIntent._api_create = create
    PaymentIntent._api_list_all = list_all
    PaymentIntent.amount_received = property(received, receive)
    PaymentIntent.cancellation_reason = None
    extra_apis[:] = [
        (method, url, capture if url == "/v1/payment_intents/{id}/capture" else function)
        for method, url, function in extra_apis
    ]
    # Its routes are made when it is imported, from what stands above.
    from localstripe.server import app

    web.run_app(app, host="127.0.0.1", port=port, print=lambda *_: print("listening", flush=True))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
