"""API: who sends webhooks. No key is asked for: the signature over the raw body is the authority."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader

from api.problems import Code, Problem, not_found
from api.services import Services
from api.signatures import OURS, STRIPES, BadSignature, verify

CARRIER: Final = "carrier-"
"""What the name of a carrier's secret begins with. A gateway's is its own name."""
_FORM: Final = "`t=<unix seconds>,v1=<hex of HMAC-SHA256 over t, a full stop and the raw body>`, at most 5 minutes old."


@dataclass(frozen=True, slots=True)
class Sender:
    """`name` is what its secret is found by, `header` where its signature stands, `what` it is in words."""

    name: str
    header: str
    what: str


def sender_of(path: Mapping[str, str]) -> Sender:
    """Whom the path of a webhook names. A carrier cannot speak for a gateway, or the other way round."""
    if "carrier" in path:
        return Sender(f"{CARRIER}{path['carrier']}", OURS, f"carrier {path['carrier']}")
    gateway = path["gateway"]
    name = "" if gateway.startswith(CARRIER) else gateway
    return Sender(name, STRIPES if gateway == "stripe" else OURS, f"gateway {gateway}")


class SignedRoute(APIRoute):
    """Looks at the signature before anything else: a body that nobody signed is not even parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def verified(request: Request) -> Response:
            _verify(request)
            return await handle(request)

        return verified


def _verify(request: Request) -> None:
    here: Services = request.app.state.services
    sender = sender_of(request.path_params)
    secret = here.config.webhook_secrets.get(sender.name)
    if secret is None:
        raise not_found(f"{sender.what} that sends webhooks here")
    try:
        verify(request.headers.get(sender.header), request.state.body, secret, here.now())
    except BadSignature as bad:
        raise Problem(Code.BAD_SIGNATURE, f"The signature in {sender.header} {bad}.") from None


BY_STRIPE: Final = Security(APIKeyHeader(name=STRIPES, scheme_name=STRIPES, auto_error=False, description=_FORM))
BY_OURS: Final = Security(APIKeyHeader(name=OURS, scheme_name=OURS, auto_error=False, description=_FORM))
"""For the document alone: either is checked before a route's own dependencies are."""
