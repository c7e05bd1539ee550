"""API: authentication of webhooks. They carry no bearer key: the signature over the raw body identifies the sender."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader

from api.audit import sent_by
from api.problems import Code, Problem, not_found
from api.services import Services
from api.webhook_signatures import AFTERCARE_HEADER, STRIPE_HEADER, BadSignature, verify

CARRIER_PREFIX: Final = "carrier-"
"""Prefix of the name of a carrier's secret. A gateway's secret has the gateway's name."""
_HEADER_FORMAT: Final = (
    "`t=<unix seconds>,v1=<hex of HMAC-SHA256 over t, a full stop and the raw body>`, at most 5 minutes old."
)


@dataclass(frozen=True, slots=True)
class Sender:
    """`name` names its secret, `header` holds its signature, `description` is for messages."""

    name: str
    header: str
    description: str


def sender_of(path: Mapping[str, str]) -> Sender:
    """The sender that the path names. A carrier's secret is not valid for a gateway, nor the other way round."""
    if "carrier" in path:
        return Sender(f"{CARRIER_PREFIX}{path['carrier']}", AFTERCARE_HEADER, f"carrier {path['carrier']}")
    gateway = path["gateway"]
    name = "" if gateway.startswith(CARRIER_PREFIX) else gateway
    return Sender(name, STRIPE_HEADER if gateway == "stripe" else AFTERCARE_HEADER, f"gateway {gateway}")


class SignedRoute(APIRoute):
    """Verifies the signature first: a body without a valid one is not parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def verified(request: Request) -> Response:
            _verify(request)
            return await handle(request)

        return verified


def _verify(request: Request) -> None:
    services: Services = request.app.state.services
    sender = sender_of(request.path_params)
    secret = services.config.webhook_secrets.get(sender.name)
    if secret is None:
        raise not_found(f"{sender.description} that sends webhooks here")
    try:
        verify(request.headers.get(sender.header), request.state.body, secret, services.now())
    except BadSignature as bad:
        raise Problem(Code.BAD_SIGNATURE, f"The signature in {sender.header} {bad}.") from None
    sent_by(request, sender.name)


STRIPE_SIGNATURE: Final = Security(
    APIKeyHeader(name=STRIPE_HEADER, scheme_name=STRIPE_HEADER, auto_error=False, description=_HEADER_FORMAT)
)
AFTERCARE_SIGNATURE: Final = Security(
    APIKeyHeader(name=AFTERCARE_HEADER, scheme_name=AFTERCARE_HEADER, auto_error=False, description=_HEADER_FORMAT)
)
"""For the OpenAPI document alone: `SignedRoute` verifies before dependencies run."""
