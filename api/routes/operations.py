"""API: is it alive, is it ready, how is it doing. Open to everybody: load balancers have no keys."""

import logging

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.answers.base import View
from api.examples import shows
from api.metrics import Metrics
from api.reference import Responses
from api.services import Here, Services
from store.claim_counts import open_claims
from store.reconciliation_view import last_counts

log = logging.getLogger("aftercare.api")
router = APIRouter(tags=["Operations"])


class AliveView(View):
    model_config = shows({"status": "ok"})

    status: str


class ReadyView(View):
    """Whether the database and Temporal answer."""

    model_config = shows({"database": True, "temporal": True})

    database: bool
    temporal: bool


_NOT_READY: Responses = {
    503: {
        "description": "Something does not answer",
        "model": ReadyView,
        "content": {"application/json": {"example": {"database": True, "temporal": False}}},
    }
}
_PAGE: Responses = {
    200: {
        "description": "Prometheus' text format",
        "content": {
            "text/plain": {"schema": {"type": "string"}, "example": 'aftercare_open_claims{state="awaiting_return"} 3'}
        },
    }
}


@router.get("/healthz", summary="Is the API alive")
async def healthz() -> AliveView:
    """Answers whatever the database and Temporal do."""
    return AliveView(status="ok")


@router.get("/readyz", summary="Can the API do its work", response_model=ReadyView, responses=_NOT_READY)
async def readyz(here: Here) -> JSONResponse:
    """503 while the database or Temporal does not answer; reads go on without Temporal."""
    ready = ReadyView(database=await _database_answers(here), temporal=await here.door.ready())
    return JSONResponse(ready.model_dump(), 200 if ready.database and ready.temporal else 503)


@router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=_PAGE)
async def metrics(request: Request, here: Here) -> Response:
    """Requests by route and status, their latency, open claims by state, what the last reconciliation found."""
    counters: Metrics = request.app.state.metrics
    try:
        async with here.database.reading() as session:
            page = counters.page(await open_claims(session), await last_counts(session))
    except (SQLAlchemyError, OSError):
        page = counters.page(None)
    return Response(page, media_type=CONTENT_TYPE_LATEST)


async def _database_answers(here: Services) -> bool:
    try:
        await here.database.ready()
    except (SQLAlchemyError, OSError) as error:
        log.warning("the database does not answer: %s", error)
        return False
    return True
