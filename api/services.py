"""API: what the routes work with, built once per application and handed to each by a dependency."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, Security

from api.answers.claims import ClaimView
from api.auth import Allowed
from api.config import ApiConfig
from api.door import Door
from api.problems import not_found
from api.quotes import QuoteSigner
from domain.claim import Claim
from store.database import Database
from store.views import Views
from store.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Services:
    """`now` is the API's own clock, to the second; a claim's clock is asked through the door."""

    config: ApiConfig
    database: Database
    views: Views
    webhooks: Webhooks
    door: Door
    quotes: QuoteSigner
    now: Callable[[], datetime]

    def view(self, claim: Claim) -> ClaimView:
        """The claim as it is answered."""
        ui, namespace = self.config.temporal_ui_url.rstrip("/"), self.config.namespace
        return ClaimView.of(claim, f"{ui}/namespaces/{namespace}/workflows")

    async def known(self, claim_id: str) -> Claim | None:
        """The claim as the record has it, or as it was submitted when nobody has judged it yet."""
        return await self.views.claim(claim_id) or await self.door.claim(claim_id)

    async def claim(self, claim_id: str) -> Claim:
        """As `known`. 404 when there is none."""
        known = await self.known(claim_id)
        if known is None:
            raise not_found(f"claim {claim_id}")
        return known


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


class _ForAll(Allowed):
    """The services for whoever has a key: for a route that need not know whose, one dependency instead of two."""

    async def __call__(self, request: Request) -> Services:  # type: ignore[override]
        self.admitted(request)
        return await _services(request)


Here = Annotated[Services, Depends(_services)]
HereForAll = Annotated[Services, Security(_ForAll())]
