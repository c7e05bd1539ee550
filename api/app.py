"""API: the FastAPI application, built from an ApiConfig. Reads no environment variables."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Scope

from api import docs_page, error_handlers, openapi
from api.audit import AuditMiddleware
from api.auth import ApiKeys
from api.authentication import AuthenticationMiddleware
from api.body_limit import BodyLimitMiddleware
from api.claim_commands import ClaimCommands
from api.config import ApiConfig
from api.event_reports import EventReports
from api.event_stream import EventStreams
from api.idempotency import IdempotencyMiddleware
from api.key_guard import KeyGuard
from api.metrics import Metrics, MetricsMiddleware
from api.quote_signer import QuoteSigner
from api.rate_limit import RateLimits
from api.request_id import RequestIdMiddleware
from api.requests.base import now as wall_clock
from api.routes import (
    audit,
    catalogue,
    claim_actions,
    claims,
    development,
    devices,
    keys,
    operations,
    owners,
    parcels,
    plan_questions,
    plans,
    quotes,
    reconciliations,
    repair_actions,
    shipping,
    unclaimed_parcels,
    webhooks,
)
from api.services import Services
from api.stored_keys import KnownKeys
from api.temporal_client import TemporalClaimCommands
from store.api_keys import StoredApiKeys
from store.audit_trail import AuditTrail
from store.database import Database
from store.idempotency_keys import IdempotencyKeys
from store.migrate import newest
from store.readiness import Readiness
from store.reads.queries import Queries
from store.reported_events import ReportedEvents
from store.webhook_events import WebhookEvents

log = logging.getLogger("aftercare.api")

IDEMPOTENCY_KEY_RETENTION = timedelta(days=30)
RESPONSE_RETENTION = timedelta(days=1)
"""The bodies of stored responses name people. A client that retries does so within the day."""
WEBHOOK_EVENT_RETENTION = timedelta(days=90)
_CLEANUP_INTERVAL = timedelta(hours=1)


def create_app(
    config: ApiConfig, *, claim_commands: ClaimCommands | None = None, now: Callable[[], datetime] = wall_clock
) -> FastAPI:
    """The application. Reads work without Temporal; the connection is made while it already serves.

    Args:
        claim_commands: replaces Temporal in tests.
        now: replaces the clock in tests.
    """
    database = Database(config.database_url)
    idempotency_keys, metrics, queries = IdempotencyKeys(database), Metrics(), Queries(database)
    commands = claim_commands or TemporalClaimCommands(
        config.temporal_client, config.task_queue, movable_clocks=config.development
    )
    services = Services(
        config=config,
        database=database,
        readiness=Readiness(database, newest()),
        queries=queries,
        streams=EventStreams(queries),
        webhooks=WebhookEvents(database),
        api_keys=StoredApiKeys(database),
        audit=AuditTrail(database),
        claim_commands=commands,
        reports=EventReports(ReportedEvents(database), commands, queries, now),
        quotes=QuoteSigner(config.secret),
        now=now,
    )

    known_keys = KnownKeys(ApiKeys(config.keys), services.api_keys, now)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await services.claim_commands.open()
        background = [
            asyncio.create_task(_delete_expired(idempotency_keys, services.webhooks, now)),
            asyncio.create_task(services.reports.retry_for_ever()),
        ]
        try:
            async with known_keys.writing_uses():
                yield
        finally:
            for task in background:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await services.streams.stop()
            await services.claim_commands.close()
            await database.close()

    app = FastAPI(
        title="Aftercare",
        version=_version(),
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/openapi.json" if "docs" in config.open_pages else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # A span a request where the process has a tracer provider (decision 0060), and nothing else: FastAPI's log
        # records would hold messages of errors.
        telemetry={
            "auto_configure": False,
            "exclude": _is_probe,
            "logs": False,
            "metrics": False,
            "operation_spans": False,
        },
    )
    app.state.services, app.state.metrics = services, metrics
    for router in version_1_routers(config.development):
        app.include_router(router, prefix="/v1")
    operations_routers = [operations.router]
    if "metrics" in config.open_pages:
        operations_routers.append(operations.metrics_router)
    for router in operations_routers:
        app.include_router(router)
        app.include_router(router, prefix="/v1", include_in_schema=False)
    if "docs" in config.open_pages:
        docs_page.install(app)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    error_handlers.install(app)
    limits = RateLimits(config.requests_per_key, config.requests_per_address)
    # The middleware added last runs first.
    app.add_middleware(IdempotencyMiddleware, idempotency_keys=idempotency_keys, now=now)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(AuditMiddleware, trail=services.audit, now=now)
    app.add_middleware(AuthenticationMiddleware, keys=known_keys, guard=KeyGuard(), limits=limits)
    app.add_middleware(MetricsMiddleware, metrics=metrics)
    app.add_middleware(RequestIdMiddleware)
    return app


def _is_probe(scope: Scope) -> bool:
    """Whether it is a request of a load balancer or of Prometheus, which nobody traces."""
    return str(scope["path"]).removeprefix("/v1") in {"/healthz", "/readyz", "/metrics"}


def version_1_routers(in_development: bool) -> list[APIRouter]:
    """The routers below `/v1`."""
    # Included directly: a router inside a router would be matched twice for every request.
    # Routers are matched in this order, so the most requested ones come first.
    routers = [devices.router, claims.router, claim_actions.router, parcels.router, shipping.router, catalogue.router]
    routers += [quotes.router, plans.router, plan_questions.router, repair_actions.router, reconciliations.router]
    routers += [owners.router, unclaimed_parcels.router, keys.router, audit.router, webhooks.router]
    return [*routers, development.router] if in_development else routers


async def _delete_expired(
    idempotency_keys: IdempotencyKeys, webhooks: WebhookEvents, now: Callable[[], datetime]
) -> None:
    """Delete Idempotency-Keys and webhook event ids after their retention: they are for retries only."""
    while True:
        try:
            await idempotency_keys.forget_bodies(now() - RESPONSE_RETENTION)
            await idempotency_keys.delete_before(now() - IDEMPOTENCY_KEY_RETENTION)
            await webhooks.delete_before(now() - WEBHOOK_EVENT_RETENTION)
        except (SQLAlchemyError, OSError) as error:
            log.warning("expired keys and events could not be deleted: %s", error)
        await asyncio.sleep(_CLEANUP_INTERVAL.total_seconds())


def _version() -> str:
    try:
        return version("aftercare")
    except PackageNotFoundError:  # run from a checkout without an installation
        return "0"
