"""API: the report of the daily reconciliation, which a schedule or `aftercare reconcile` runs."""

from fastapi import APIRouter

from api.auth import Finance
from api.openapi import read_problems
from api.problems import Code, not_found
from api.responses.reconciliation import ReconciliationView
from api.services import ServicesDep
from store.reads.reconciliation import last_report

router = APIRouter(tags=["Finance"])


@router.get(
    "/reconciliations/latest",
    summary="Show the last reconciliation",
    responses=read_problems(Code.FORBIDDEN, Code.NOT_FOUND),
)
async def latest(services: ServicesDep, caller: Finance) -> ReconciliationView:
    """What differed between gateway, ledger, claims and processes; not found before the first one is finished."""
    async with services.database.snapshot() as session:
        report = await last_report(session)
    if report is None:
        raise not_found("reconciliation yet")
    return ReconciliationView.of(report)
