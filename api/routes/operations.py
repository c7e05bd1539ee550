"""API: liveness, readiness and metrics. They need no key, since load balancers have none."""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.metrics import Metrics
from api.openapi import Responses
from api.openapi_examples import with_example
from api.responses.base import View
from api.services import Services, ServicesDep
from store.reads.claim_counts import open_claims
from store.reads.reconciliation import last_counts

log = logging.getLogger("aftercare.api")
router = APIRouter(tags=["Operations"])


class AliveView(View):
    model_config = with_example({"status": "ok"})

    status: str


class ReadyView(View):
    """Whether the database and Temporal answer."""

    model_config = with_example({"database": True, "temporal": True})

    database: bool
    temporal: bool


_NOT_READY: Responses = {
    503: {
        "description": "Something does not answer",
        "model": ReadyView,
        "content": {"application/json": {"example": {"database": True, "temporal": False}}},
    }
}
_METRICS: Responses = {
    200: {
        "description": "Prometheus' text format",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": 'aftercare_open_claims{state="awaiting_return"} 3'}
        },
    }
}


@router.get("/healthz", summary="Liveness")
async def healthz() -> AliveView:
    """Answers whatever the database and Temporal do."""
    return AliveView(status="ok")


@router.get("/readyz", summary="Can the API do its work", response_model=ReadyView, responses=_NOT_READY)
async def readyz(services: ServicesDep) -> JSONResponse:
    """503 while the database or Temporal does not answer; reads go on without Temporal."""
    ready = ReadyView(database=await _database_ready(services), temporal=await services.claim_commands.ready())
    return JSONResponse(ready.model_dump(), 200 if ready.database and ready.temporal else 503)


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=_METRICS)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Requests by route and status, their latency, open claims by state, what the last reconciliation found."""
    app_metrics: Metrics = request.app.state.metrics
    try:
        async with services.database.snapshot() as session:
            text = app_metrics.render(await open_claims(session), await last_counts(session))
    except (SQLAlchemyError, OSError):
        text = app_metrics.render(None)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _database_ready(services: Services) -> bool:
    try:
        await services.database.ready()
    except (SQLAlchemyError, OSError) as error:
        log.warning("the database does not answer: %s", error)
        return False
    return True
