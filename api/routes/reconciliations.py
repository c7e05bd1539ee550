"""API: the report of the daily reconciliation. Making one is the schedule's, or `aftercare reconcile`'s."""

from fastapi import APIRouter

from api.answers.reconciliation import ReconciliationView
from api.auth import Finance
from api.problems import Code, not_found
from api.reference import reads
from api.services import Here
from store.reconciliation_view import last_report

router = APIRouter(tags=["Finance"])


@router.get(
    "/reconciliations/latest",
    summary="Show the last reconciliation",
    responses=reads(Code.FORBIDDEN, Code.NOT_FOUND),
)
async def latest(here: Here, caller: Finance) -> ReconciliationView:
    """What differed between gateway, ledger, claims and processes; not found before the first one is finished."""
    async with here.database.reading() as session:
        report = await last_report(session)
    if report is None:
        raise not_found("reconciliation yet")
    return ReconciliationView.of(report)
