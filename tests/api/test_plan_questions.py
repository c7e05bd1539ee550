"""Plans that staff must decide upon, over HTTP (R-PUR-6)."""

from typing import Any

from messages.entitlements import RefundPlan
from tests.api.conftest import OWNER, SERIAL, ApiHarness, express, problem
from tests.api.cover import DEVICE, PLAN, codes

STAFF = {"Authorization": "Bearer st"}
REJECT = {"approve": False, "reason": "Flown for weeks before."}


async def in_question(harness: ApiHarness) -> str:
    """The id of a plan of a device that was activated sixty days before the purchase, and said not to be."""
    device = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
    assert (await harness.http.post("/v1/devices", json=device)).status_code == 201
    plan = await harness.http.post(f"{DEVICE}/plans", json=PLAN)
    assert plan.status_code == 201, plan.text
    told = await harness.http.post(f"{DEVICE}/activation", json={"activated_at": "2026-09-24T10:00:00Z"})
    assert told.status_code == 201
    assert told.json()["care"]["active"] is False
    plan_id: str = plan.json()["id"]
    return plan_id


async def listed(harness: ApiHarness) -> list[dict[str, Any]]:
    response = await harness.http.get("/v1/plan-questions", headers=STAFF)
    assert response.status_code == 200
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_a_claim_on_a_plan_in_question_is_refused_and_staff_see_the_plan(harness: ApiHarness) -> None:
    plan_id = await in_question(harness)
    refused = problem(await harness.http.post("/v1/claims", json=express()), 422, "claim_refused")
    assert "activation_before_window" in codes(refused)
    assert (await harness.http.get(DEVICE)).json()["care"]["periods"] == [
        {"term": "1y", "starts_on": None, "ends_on": None, "question": "activation_before_window"}
    ]
    assert await listed(harness) == [
        {
            "plan_id": plan_id,
            "term": "1y",
            "question": "activation_before_window",
            "serial_number": SERIAL,
            "model": "mavic-3",
            "region": "US",
            "purchased_at": "2026-11-23T10:00:00Z",
            "activated_at": "2026-09-24T10:00:00Z",
        }
    ]


async def test_staff_let_the_plan_count_from_its_purchase(harness: ApiHarness) -> None:
    plan_id = await in_question(harness)
    decision = {"approve": True, "reason": "The shop's receipt shows it was new."}
    key = {"Idempotency-Key": "decide"}
    for _ in range(2):
        decided = await harness.http.post(f"{DEVICE}/plans/{plan_id}/decision", json=decision, headers=STAFF | key)
        assert decided.status_code == 200, decided.text
        assert decided.json()["care"]["periods"][0] == {
            "term": "1y",
            "starts_on": "2026-11-23",
            "ends_on": "2027-11-23",
            "question": None,
        }
    assert await listed(harness) == []
    harness.later(minutes=1)
    again = await harness.http.post(f"{DEVICE}/plans/{plan_id}/decision", json=decision, headers=STAFF)
    problem(again, 409, "conflict")


async def test_staff_reject_the_plan_and_it_is_refunded(harness: ApiHarness) -> None:
    plan_id = await in_question(harness)
    harness.later(days=40)
    decided = await harness.http.post(f"{DEVICE}/plans/{plan_id}/decision", json=REJECT, headers=STAFF)
    assert decided.status_code == 200, decided.text
    assert decided.json()["care"]["periods"] == []
    assert (decided.json()["refund"]["refunded"]["amount"], decided.json()["refund"]["refund_refused"]) == (
        23900,
        False,
    )
    command = harness.claim_commands.received[-1]
    assert isinstance(command, RefundPlan)
    assert (command.plan_id, command.rejected, command.actor) == (plan_id, REJECT["reason"], "staff")
    assert await listed(harness) == []


async def test_a_rejected_plan_says_that_its_refund_was_refused_and_is_listed_so(harness: ApiHarness) -> None:
    plan_id = await in_question(harness)
    harness.claim_commands.refuses_refunds = True
    for _ in range(2):
        headers = STAFF | {"Idempotency-Key": "reject"}
        decided = await harness.http.post(f"{DEVICE}/plans/{plan_id}/decision", json=REJECT, headers=headers)
        refund = decided.json()["refund"]
        assert (refund["plan_id"], refund["refunded"]["amount"], refund["refund_refused"]) == (plan_id, 0, True)
    (plan,) = (await harness.http.get(f"{DEVICE}/plans")).json()["items"]
    assert (plan["id"], plan["refund_refused"]) == (plan_id, True)


async def test_only_staff_decide_with_a_reason(harness: ApiHarness) -> None:
    plan_id = await in_question(harness)
    path = f"{DEVICE}/plans/{plan_id}/decision"
    for key in ("cs", "wh"):
        headers = {"Authorization": f"Bearer {key}"}
        problem(await harness.http.post(path, json=REJECT, headers=headers), 403, "forbidden")
        problem(await harness.http.get("/v1/plan-questions", headers=headers), 403, "forbidden")
    problem(await harness.http.post(path, json={"approve": True}, headers=STAFF), 422, "invalid_request")
    other = f"{DEVICE}/plans/pln_mfrggzdfmztwq2lk/decision"
    problem(await harness.http.post(other, json=REJECT | {"approve": True}, headers=STAFF), 404, "not_found")
    problem(await harness.http.post(f"{DEVICE}/plans/x/decision", json=REJECT, headers=STAFF), 404, "not_found")
