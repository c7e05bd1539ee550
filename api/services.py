"""API: what the routes work with, built once per application and injected into each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Request, Security

from api.auth import RequireRole
from api.claim_commands import ClaimCommands
from api.config import ApiConfig
from api.event_reports import EventReports
from api.event_stream import EventStreams
from api.problems import not_found
from api.quote_signer import QuoteSigner
from api.responses.claims import ClaimView
from api.shutdown import Shutdown
from domain.claim import Claim
from store.api_keys import StoredApiKeys
from store.audit_trail import AuditTrail
from store.database import Database
from store.readiness import Readiness
from store.reads.ledger_totals import LedgerTotals
from store.reads.queries import Queries
from store.webhook_events import WebhookEvents


@dataclass(frozen=True, slots=True)
class Services:
    """`now` is the API's own clock, to the second; a claim's clock is read through `claim_commands`."""

    config: ApiConfig
    database: Database
    readiness: Readiness
    queries: Queries
    webhooks: WebhookEvents
    api_keys: StoredApiKeys
    audit: AuditTrail
    claim_commands: ClaimCommands
    reports: EventReports
    quotes: QuoteSigner
    now: Callable[[], datetime]
    streams: EventStreams
    totals: LedgerTotals = field(default_factory=LedgerTotals)
    shutdown: Shutdown = field(default_factory=Shutdown)

    def view(self, claim: Claim) -> ClaimView:
        """The claim as a response."""
        ui, namespace = self.config.temporal_ui_url.rstrip("/"), self.config.namespace
        return _claim_view(claim, f"{ui}/namespaces/{namespace}/workflows")

    async def find_claim(self, claim_id: str) -> Claim | None:
        """The claim from the database, or as it was submitted while its workflow has not decided yet."""
        return await self.queries.claim(claim_id) or await self.claim_commands.pending_claim(claim_id)

    async def get_claim(self, claim_id: str) -> Claim:
        """As `find_claim`. Raises Problem (404) when there is none."""
        claim = await self.find_claim(claim_id)
        if claim is None:
            raise not_found(f"claim {claim_id}")
        return claim


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


class _ServicesForAnyRole(RequireRole):
    """Checks the key and returns the services: one dependency instead of two where the caller does not matter."""

    async def __call__(self, request: Request) -> Services:  # type: ignore[override]
        self.authorize(request)
        return await _services(request)


ServicesDep = Annotated[Services, Depends(_services)]
AuthenticatedServices = Annotated[Services, Security(_ServicesForAnyRole())]


@lru_cache(maxsize=1024)
def _claim_view(claim: Claim, workflows_url: str) -> ClaimView:
    """Both are immutable, and lists that are polled show the same claims."""
    return ClaimView.of(claim, workflows_url)
