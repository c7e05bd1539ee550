"""API: the response to a webhook."""

from api.openapi_examples import with_example
from api.responses.base import View
from store.tables.webhook_events import WebhookState


class WebhookView(View):
    """The state of the event, from this delivery or the first one.

    `delivered`: its claim received it, or it is stored and its claim is told soon. `finished`: its claim is closed.
    `parked`: no such claim is running, operators will look at it. `ignored`: events of this type have no effect.
    """

    model_config = with_example({"state": "delivered"})

    state: WebhookState
