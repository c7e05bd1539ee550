"""Whole claims over HTTP: real Temporal, real worker, real database, weeks in milliseconds."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from tests.server import start_temporal
from tests.system.conftest import Deployment, opened
from tests.system.service_desk import ALL_BACK, ServiceDesk, moment, new_serial

FEE, HOLD, PROPELLERS, LOST, PLAN = 15900, 164000, 1200, 73900, 23900
FEE_ALONE = {"card": -FEE, "service_fees": FEE}


def refused(response: httpx2.Response, status: int, code: str) -> dict[str, object]:
    body: dict[str, object] = response.json()
    assert (response.status_code, body["code"]) == (status, code), response.text
    return body


async def test_a_good_return_on_either_engine(deployment_on_each_engine: Deployment) -> None:
    """R-INS-2, R-EXP-6."""
    desk = deployment_on_each_engine.desk
    async with deployment_on_each_engine.worker():
        claim = await desk.shipped()
        assert await desk.money(claim) == FEE_ALONE | {"holds_open": HOLD, "holds_placed": -HOLD}
        await desk.forward(claim, days=5)
        scan = {"carrier": "UPS", "tracking_number": "1Z998"}
        await desk.post_ok(f"/claims/{claim['id']}/return-scan", scan)
        now = await desk.forward(claim, hours=30)
        assert now["return"]["scanned_at"]
        now = await desk.returned(claim)
        assert (now["state"], now["outcome"]) == ("closed", "hold_released")
        assert await desk.money(claim) == FEE_ALONE
        uses = {"total": 2, "used": 1, "reserved": 0, "left": 1}
        assert await desk.uses(claim["serial_number"]) == uses
        await desk.until(claim, lambda _: len(deployment_on_each_engine.mails(claim["id"])) == 5)
        assert deployment_on_each_engine.mails(claim["id"]) == [
            "arrived.1",
            "rebind.1",
            "released.1",
            "settlement.1",
            "shipped.1",
        ]


async def test_nothing_returned_is_charged_and_a_late_return_refunded(desk: ServiceDesk) -> None:
    """R-RET-6, R-RET-10."""
    claim = await desk.shipped()
    now = await desk.forward(claim, until="due")
    assert now["state"] == "defaulted"
    assert await desk.money(claim) == {"card": -FEE - HOLD, "service_fees": FEE, "default_charges": HOLD}
    await desk.forward(claim, days=4)
    now = await desk.returned(claim)
    assert now["outcome"] == "late_return_refunded"
    assert await desk.money(claim) == FEE_ALONE
    reminders = [kind for kind in await desk.kinds(claim) if kind == "reminder"]
    assert len(reminders) == 3


async def test_a_default_that_nobody_disputes_stands(desk: ServiceDesk) -> None:
    claim = await desk.shipped()
    await desk.forward(claim, until="due")
    now = await desk.forward(claim, until="due")
    assert (now["state"], now["outcome"]) == ("closed", "default_charged")
    await desk.forward(claim, days=31)
    response = await desk.post(f"/claims/{claim['id']}/waiver", {"reason": "too late"})
    assert refused(response, 409, "action_not_allowed")["allowed_actions"] == []


async def test_missing_propellers_cost_their_difference(desk: ServiceDesk) -> None:
    """R-CMP-1."""
    claim = await desk.shipped()
    now = await desk.returned(claim, components=ALL_BACK[:2])
    assert now["state"] == "awaiting_parts"
    now = await desk.post_ok(f"/claims/{claim['id']}/parts-choice", {"choice": "pay"})
    assert now["outcome"] == "parts_charged"
    assert await desk.money(claim) == FEE_ALONE | {"card": -FEE - PROPELLERS, "parts_charges": PROPELLERS}


async def test_standard_ships_when_the_unit_has_passed(desk: ServiceDesk) -> None:
    """R-EXP-2."""
    claim = await desk.claimed(tier="standard")
    assert claim["state"] == "awaiting_item"
    assert (await desk.returned(claim))["state"] == "awaiting_dispatch"
    now = await desk.dispatched(claim)
    assert now["outcome"] == "replaced"
    assert await desk.money(claim) == FEE_ALONE


async def test_a_flyaway_is_approved_paid_and_shipped(desk: ServiceDesk) -> None:
    """R-FLY-4."""
    serial = await desk.covered()
    claim = await desk.post_ok("/claims", desk.lost(serial))
    assert claim["state"] == "awaiting_decision"
    await desk.post_ok(f"/claims/{claim['id']}/decision", {"approve": True, "reason": "ends over the sea"})
    now = await desk.dispatched(claim)
    assert now["outcome"] == "replaced"
    assert await desk.money(claim) == {"card": -LOST, "flyaway_fees": LOST}
    assert (await desk.get(f"/devices/{serial}"))["status"] == "lost"


async def test_a_plan_is_bought_once(desk: ServiceDesk) -> None:
    """R-PUR-4."""
    serial = new_serial()
    owner = {"name": "Ada", "email": "ada@example.com"}
    activated = moment(datetime.now(UTC) - timedelta(hours=2))
    device = {"serial_number": serial, "model": "mavic-3", "region": "US", "owner": owner, "activated_at": activated}
    await desk.post_ok("/devices", device)
    wish = {"term": "1y", "payment_method": "pm_card_visa"}
    declined = await desk.post(f"/devices/{serial}/plans", wish | {"payment_method": "pm_card_chargeDeclined"})
    refused(declined, 402, "payment_declined")
    plan = await desk.post_ok(f"/devices/{serial}/plans", wish, key=f"plan-{serial}")
    assert plan["price"]["amount"] == PLAN
    assert await desk.post_ok(f"/devices/{serial}/plans", wish, key=f"plan-{serial}") == plan
    refused(await desk.post(f"/devices/{serial}/plans", wish), 422, "plan_refused")
    assert (await desk.get(f"/devices/{serial}"))["care"]["replacements"]["left"] == 2


async def test_the_registry_answers_repeats_alike_and_conflicts_with_409(desk: ServiceDesk) -> None:
    serial = new_serial()
    device = {"serial_number": serial, "model": "mavic-3", "region": "US"}
    device_of_ada = device | {"owner": {"name": "Ada", "email": "ada@example.com"}}
    first = await desk.post_ok("/devices", device_of_ada, key=f"dev-{serial}")
    assert await desk.post_ok("/devices", device_of_ada, key=f"dev-{serial}") == first
    other = device | {"owner": {"name": "Bob", "email": "bob@example.com"}}
    refused(await desk.post("/devices", other), 409, "conflict")
    refused(await desk.post(f"/devices/{new_serial()}/bindings", {"remote_controller": "RC1"}), 404, "not_found")
    await desk.post_ok(f"/devices/{serial}/activation", {})
    await desk.post_ok(f"/devices/{serial}/bindings", {"remote_controller": "RC1"})
    assert (await desk.http.delete(f"/v1/devices/{serial}/bindings/current")).status_code == 204
    assert (await desk.get(f"/devices/{serial}"))["binding"] is None


async def test_a_repeated_decision_is_one_decision(desk: ServiceDesk) -> None:
    claim = await desk.claimed()
    first = await desk.dispatched(claim, key="ship-it")
    body = {"replacement_serial_number": first["replacement_serial_number"], "carrier": "UPS", "tracking_number": "1Z"}
    assert (await desk.post_ok(f"/claims/{claim['id']}/dispatch", body, key="ship-it"))["id"] == claim["id"]
    assert (await desk.kinds(claim)).count("replacement_dispatched") == 1
    problem = refused(await desk.post(f"/claims/{claim['id']}/cancel"), 409, "action_not_allowed")
    assert problem["rule"] == "R-EXP-9"
    assert "waiver" in str(problem["allowed_actions"])


async def test_a_declined_card_closes_the_claim_and_reserves_nothing(desk: ServiceDesk) -> None:
    """R-EXP-6."""
    serial = await desk.covered()
    response = await desk.post("/claims", desk.claim_body(serial, payment_method="pm_card_chargeDeclined"))
    problem = refused(response, 402, "payment_declined")
    assert await desk.money({"id": problem["claim_id"]}) == {}
    assert (await desk.uses(serial))["left"] == 2


async def test_a_cancel_before_dispatch_costs_nothing(desk: ServiceDesk) -> None:
    """R-EXP-9."""
    claim = await desk.claimed()
    now = await desk.post_ok(f"/claims/{claim['id']}/cancel", {"reason": "found a spare"})
    assert now["outcome"] == "cancelled"
    assert await desk.money(claim) == {}
    assert (await desk.uses(claim["serial_number"]))["left"] == 2


async def test_an_event_stream_tells_a_claim_to_its_end(desk: ServiceDesk) -> None:
    claim = await desk.claimed()
    address, headers = f"/v1/claims/{claim['id']}/events", {"Accept": "text/event-stream"}
    following = asyncio.create_task(desk.http.get(address, headers=headers))
    await desk.dispatched(claim)
    await desk.forward(claim, days=2)
    await desk.returned(claim)
    async with asyncio.timeout(20):
        told = await following
    assert told.headers["content-type"].startswith("text/event-stream")
    names = [line.removeprefix("event: ") for line in told.text.splitlines() if line.startswith("event: ")]
    assert names == await desk.kinds(claim)
    assert names[-1] == "closed"


async def test_a_claim_made_while_nobody_works_is_decided_once_somebody_does(deployment: Deployment) -> None:
    desk = deployment.desk
    async with deployment.worker():
        serial = await desk.covered()
    body = desk.claim_body(serial)
    response = await desk.post("/claims", body, key="patience")
    assert (response.status_code, response.json()["state"]) == (202, "submitted")
    claim = response.json()
    assert (await desk.claim(claim))["state"] == "submitted"
    async with deployment.worker():
        now = await desk.until(claim, lambda now: now["state"] == "awaiting_dispatch")
        again = await desk.post_ok("/claims", body, key="patience")
        assert (again["id"], again["state"]) == (now["id"], "awaiting_dispatch")
        assert (await desk.money(claim))["service_fees"] == FEE


async def test_without_temporal_reads_answer_and_decisions_do_not(sqlite_url: str, tmp_path: Path) -> None:
    server = await start_temporal()
    async with opened(sqlite_url, server, tmp_path) as deployment:
        desk = deployment.desk
        async with deployment.worker():
            claim = await desk.claimed()
            assert (await desk.http.get("/readyz")).status_code == 200
        await server.shutdown()
        assert (await desk.claim(claim))["state"] == "awaiting_dispatch"
        assert await desk.kinds(claim)
        responses = await asyncio.gather(
            desk.post(f"/claims/{claim['id']}/cancel", {"reason": "?"}),
            desk.post("/claims", desk.claim_body(claim["serial_number"])),
            desk.http.get("/readyz"),
        )
    assert responses[0].status_code == 503
    assert responses[1].status_code == 422  # the record itself refuses: a case is open
    assert (responses[2].status_code, responses[2].json()) == (503, {"database": True, "temporal": False})
