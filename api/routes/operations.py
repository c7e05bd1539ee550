"""API: liveness, readiness and metrics. They need no key, since load balancers have none."""

import asyncio
import logging
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response

from api.metrics import Metrics, ProgrammeCounts
from api.openapi import Responses
from api.openapi_examples import with_example
from api.responses.base import View
from api.services import Services, ServicesDep
from messages.lanes import Lane
from store.reads.claim_counts import attention_counts, oldest_open_claims, open_claims
from store.reads.outbox import outbox_status
from store.reads.reconciliation import last_counts
from store.reported_events import count_waiting

log = logging.getLogger("aftercare.api")
router = APIRouter(tags=["Operations"])
metrics_router = APIRouter(tags=["Operations"])


class AliveView(View):
    model_config = with_example({"status": "ok"})

    status: str


class ReadyView(View):
    """Whether the API can do its work. `worker` alone does not make it unready: what is sent is kept for a worker."""

    model_config = with_example(
        {
            "database": True,
            "schema_version": True,
            "temporal": True,
            "worker": True,
            "lanes_without_worker": [],
            "stopping": False,
        }
    )

    database: bool = Field(description="The database answers and takes writes.")
    schema_version: bool = Field(description="Its tables are those of this release.")
    temporal: bool = Field(description="Temporal answers.")
    worker: bool = Field(description="A worker polled for claims within the last two minutes.")
    lanes_without_worker: list[str] = Field(
        description="The lanes (`workflows`, `money`, `mail`, `record`) that no worker polled: their work waits."
    )
    stopping: bool = Field(description="The process was asked to stop: send it no more requests.")


_NOT_READY: Responses = {
    503: {
        "description": "Something does not answer",
        "model": ReadyView,
        "content": {
            "application/json": {
                "example": {
                    "database": True,
                    "schema_version": True,
                    "temporal": False,
                    "worker": False,
                    "lanes_without_worker": ["workflows", "money", "mail", "record"],
                    "stopping": False,
                }
            }
        },
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
    """503 while the database or Temporal does not answer, the database has another schema, or the process stops.

    Reads go on without Temporal. Without a worker it is ready: claims and events are kept until there is one.
    """
    database, temporal, unserved = await asyncio.gather(
        services.readiness.check(services.now()),
        services.claim_commands.ready(),
        services.claim_commands.lanes_without_worker(),
    )
    if database.problem:
        log.warning("not ready: %s", database.problem)
    ready = ReadyView(
        database=database.answers,
        schema_version=database.schema,
        temporal=temporal,
        worker=Lane.WORKFLOWS not in unserved,
        lanes_without_worker=[lane.value for lane in unserved],
        stopping=services.shutdown.begun,
    )
    is_ready = database.answers and database.schema and temporal and not ready.stopping
    return JSONResponse(ready.model_dump(), 200 if is_ready else 503)


@metrics_router.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=_METRICS)
async def metrics(request: Request, services: ServicesDep) -> Response:
    """Requests and latency; open claims by state and age, attention, amounts, mails, findings of the reconciliation."""
    app_metrics: Metrics = request.app.state.metrics
    try:
        counts = await _programme_counts(services)
    except (SQLAlchemyError, OSError):
        counts = None
    return Response(app_metrics.render(counts), media_type=CONTENT_TYPE_LATEST)


async def _programme_counts(services: Services) -> ProgrammeCounts:
    async with services.database.snapshot() as session:
        counts = ProgrammeCounts(
            open_claims=await open_claims(session),
            oldest=await oldest_open_claims(session),
            attention=await attention_counts(session),
            reconciled=await last_counts(session),
            waiting_events=await count_waiting(session),
            money=await services.totals.read(session),
        )
    outbox = await outbox_status(services.database, sent=0)
    mails = {"waiting": outbox.waiting, "failing": outbox.failing, "given_up": outbox.given_up}
    return replace(counts, mails=mails)
