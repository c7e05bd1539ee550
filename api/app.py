"""API: the application, put together. Built from an ApiConfig; reads no environment and imports no composition root."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, FastAPI
from sqlalchemy.exc import SQLAlchemyError

from api import errors, page, reference
from api.auth import Keys
from api.bodies.base import now as wall_clock
from api.client import TemporalDoor
from api.config import ApiConfig
from api.door import Door
from api.idempotency import Idempotency
from api.limits import BodyLimit
from api.metrics import Counting, Metrics
from api.quotes import QuoteSigner
from api.routes import (
    catalogue,
    claim_actions,
    claims,
    development,
    devices,
    operations,
    plans,
    quotes,
    reconciliations,
    shipping,
    webhooks,
)
from api.services import Services
from store.database import Database
from store.requests import Requests
from store.views import Views
from store.webhooks import Webhooks

log = logging.getLogger("aftercare.api")

KEYS_KEPT_FOR = timedelta(days=30)
WEBHOOKS_KEPT_FOR = timedelta(days=90)
_TIDY_EVERY = timedelta(hours=6)


def create_app(config: ApiConfig, *, door: Door | None = None, now: Callable[[], datetime] = wall_clock) -> FastAPI:
    """The application. It answers reads whatever Temporal does; the connection is made while it already serves.

    Args:
        door: something else than the real Temporal, for tests.
        now: the API's own clock, for tests.
    """
    database = Database(config.database_url)
    requests, keys, metrics = Requests(database), Keys(config.keys), Metrics()
    services = Services(
        config=config,
        database=database,
        views=Views(database),
        webhooks=Webhooks(database),
        door=door or TemporalDoor(config.temporal_client, config.task_queue, movable_clocks=config.development),
        quotes=QuoteSigner(config.secret),
        now=now,
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await services.door.open()
        tidying = asyncio.create_task(_forget_what_is_old(requests, services.webhooks, now))
        try:
            yield
        finally:
            tidying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await tidying
            await services.door.close()
            await database.close()

    app = FastAPI(
        title="Aftercare",
        version=_version(),
        description=reference.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services, app.state.keys, app.state.metrics = services, keys, metrics
    for room in _rooms(config.development):
        app.include_router(room, prefix="/v1")
    app.include_router(operations.router)
    app.include_router(operations.router, prefix="/v1", include_in_schema=False)
    page.install(app)
    app.openapi = lambda: reference.document(app)  # type: ignore[method-assign]
    errors.install(app)
    # The last one added is the first one asked.
    app.add_middleware(Idempotency, requests=requests, keys=keys, now=now)
    app.add_middleware(BodyLimit)
    app.add_middleware(Counting, metrics=metrics)
    return app


def _rooms(development_too: bool) -> list[APIRouter]:
    # Straight into the application: each router around a router is asked twice for every request.
    # The rooms are tried in this order: what is asked most stands first.
    rooms = [devices.router, claims.router, claim_actions.router, shipping.router, catalogue.router, quotes.router]
    rooms += [plans.router, reconciliations.router, webhooks.router]
    return [*rooms, development.router] if development_too else rooms


async def _forget_what_is_old(requests: Requests, webhooks: Webhooks, now: Callable[[], datetime]) -> None:
    """Idempotency-Keys and ids of events are for retries: after their time nobody repeats himself any more."""
    while True:
        try:
            await requests.forget_before(now() - KEYS_KEPT_FOR)
            await webhooks.forget_before(now() - WEBHOOKS_KEPT_FOR)
        except (SQLAlchemyError, OSError) as error:
            log.warning("old keys and events could not be forgotten: %s", error)
        await asyncio.sleep(_TIDY_EVERY.total_seconds())


def _version() -> str:
    try:
        return version("aftercare")
    except PackageNotFoundError:  # run from a checkout that nobody installed
        return "0"
