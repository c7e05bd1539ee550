"""API: what a sender of webhooks is told."""

from api.answers.base import View
from api.examples import shows
from store.webhooks import WebhookState


class WebhookView(View):
    """What became of the event, now or when it was first sent.

    `delivered`: its claim has it. `finished`: its claim is closed. `parked`: nobody works on such a claim, people will
    look. `ignored`: nobody waits for such an event.
    """

    model_config = shows({"state": "delivered"})

    state: WebhookState
