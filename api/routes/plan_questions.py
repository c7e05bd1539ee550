"""API: plans whose purchase staff must decide upon, because of what was told after it (R-PUR-6)."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Staff
from api.idempotency import Key
from api.openapi import read_problems, write_problems
from api.problems import Code, not_found
from api.requests.base import SerialInPath
from api.requests.devices import PlanDecisionBody
from api.responses.plans import PlanDecided, PlanQuestion, PlanQuestionList, RefundView
from api.routes.claims import Cursor
from api.routes.devices import status_page
from api.routes.plans import PlanInPath, refusal
from api.services import ServicesDep
from messages.entitlements import ApprovePlan, PlanEnded, RefundPlan

router = APIRouter(tags=["Cover"])


class PlanQuestionQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.get(
    "/plan-questions", summary="List the plans that staff must decide upon", responses=read_problems(Code.FORBIDDEN)
)
async def plan_questions(
    services: ServicesDep, caller: Staff, query: Annotated[PlanQuestionQuery, Query()]
) -> PlanQuestionList:
    """The longest waiting first. Each covers nothing until its `decision`."""
    page = await services.queries.plan_questions(query.limit, query.cursor)
    return PlanQuestionList(items=[PlanQuestion.of(plan) for plan in page.items], next_cursor=page.next_cursor)


@router.post(
    "/devices/{serial}/plans/{plan_id}/decision",
    summary="Decide upon a plan in question",
    responses=write_problems(Code.NOT_FOUND, Code.CONFLICT, Code.FORBIDDEN),
)
async def decide(
    body: PlanDecisionBody, serial: SerialInPath, plan_id: PlanInPath, services: ServicesDep, caller: Staff, key: Key
) -> PlanDecided:
    """Approved, it covers from its purchase on; rejected, it ends and its price is refunded (R-PUR-6).

    `refund` says whether the gateway refused that refund: then staff refund the price there.
    """
    if body.approve:
        approve = ApprovePlan(serial_number=serial, plan_id=plan_id, reason=body.reason, actor=caller.actor, at=key.at)
        serial_number = await services.claim_commands.execute(approve, key.id("cmd"))
        return PlanDecided.of_page(await status_page(services, serial_number))
    snapshot = await services.queries.snapshot(serial)
    if snapshot is None:
        raise not_found(f"device {serial}")
    reject = RefundPlan(
        refund_id=key.id("rfd"), plan_id=plan_id, serial_number=serial, actor=caller.actor, rejected=body.reason
    )
    summary = f"Rejection of {plan_id} · SN {snapshot.serial_number}"
    result = await services.claim_commands.refund_plan(reject, summary)
    if isinstance(result, PlanEnded):
        return PlanDecided.of_page(await status_page(services, serial), RefundView.of(result))
    raise refusal(Code.REFUND_REFUSED, result.reasons)
