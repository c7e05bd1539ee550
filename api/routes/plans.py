"""API: buying cover. The purchase is a workflow, since it moves money; here it is asked for and answered."""

from fastapi import APIRouter

from api.answers.devices import PlanView
from api.auth import AnyRole
from api.bodies.devices import PlanBody
from api.idempotency import Key
from api.problems import Code, Problem, not_found
from api.reference import writes
from api.routes.devices import SerialInPath
from api.services import Here
from domain.reasons import Reason
from messages.registry import BuyPlan, PlanBought, PlanRefused

router = APIRouter(tags=["Devices"])


@router.post(
    "/devices/{serial}/plans",
    status_code=201,
    summary="Buy a plan",
    responses=writes(Code.NOT_FOUND, Code.PLAN_REFUSED, Code.PAYMENT_DECLINED),
)
async def buy(body: PlanBody, serial: SerialInPath, here: Here, caller: AnyRole, key: Key) -> PlanView:
    """The first plan of a device (R-PUR-3..5). Charged at once; refused with every reason."""
    standing = await here.views.standing(serial)
    reasons = await here.views.plan_refusals(body.term, body.region, serial, here.now())
    if standing is None or reasons is None:
        raise not_found(f"device {serial}")
    if reasons and not key.again:  # a retry asks the purchase itself: it may be what made the plan
        raise _refused(reasons)
    ask = BuyPlan(
        plan_id=key.id("pln"),
        serial_number=serial,
        kind=body.term,
        region=body.region,
        payment_method=body.payment_method,
        actor=caller.role,
    )
    answer = await here.door.buy_plan(ask, f"Plan {body.term} · SN {standing.serial_number}")
    if isinstance(answer, PlanBought):
        return PlanView.of(answer)
    if isinstance(answer, PlanRefused):
        raise _refused(list(answer.reasons))
    raise Problem(Code.PAYMENT_DECLINED, f"The card was declined ({answer.code}). Nothing was charged.")


def _refused(reasons: list[Reason]) -> Problem:
    return Problem(Code.PLAN_REFUSED, " ".join(reason.message for reason in reasons), reasons=reasons)
