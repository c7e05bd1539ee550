"""Whole claims over HTTP: real Temporal, real worker, real database, weeks in milliseconds."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2

from tests.server import start_temporal
from tests.system.claims_api import ALL_BACK, ClaimsApi, moment, new_serial
from tests.system.conftest import Deployment, opened

FEE, HOLD, PROPELLERS, LOST, PLAN = 15900, 164000, 1200, 73900, 23900
FEE_ALONE = {"card": -FEE, "service_fees": FEE}


def refused(response: httpx2.Response, status: int, code: str) -> dict[str, object]:
    body: dict[str, object] = response.json()
    assert (response.status_code, body["code"]) == (status, code), response.text
    return body


async def test_a_good_return_on_either_engine(deployment_on_each_engine: Deployment) -> None:
    """R-INS-2, R-EXP-6."""
    claims_api = deployment_on_each_engine.claims_api
    async with deployment_on_each_engine.worker():
        claim = await claims_api.shipped()
        assert await claims_api.money(claim) == FEE_ALONE | {"holds_open": HOLD, "holds_placed": -HOLD}
        await claims_api.forward(claim, days=5)
        scan = {"carrier": "UPS", "tracking_number": "1Z998"}
        await claims_api.post_ok(f"/claims/{claim['id']}/return-scan", scan)
        now = await claims_api.forward(claim, hours=30)
        assert now["return"]["scanned_at"]
        now = await claims_api.returned(claim)
        assert (now["state"], now["outcome"]) == ("closed", "hold_released")
        assert await claims_api.money(claim) == FEE_ALONE
        uses = {"total": 2, "used": 1, "reserved": 0, "left": 1}
        assert await claims_api.uses(claim["serial_number"]) == uses
        await claims_api.until(claim, lambda _: len(deployment_on_each_engine.mails(claim["id"])) == 5)
        assert deployment_on_each_engine.mails(claim["id"]) == [
            "arrived.1",
            "rebind.1",
            "released.1",
            "settlement.1",
            "shipped.1",
        ]


async def test_nothing_returned_is_charged_and_a_late_return_refunded(claims_api: ClaimsApi) -> None:
    """R-RET-6, R-RET-10."""
    claim = await claims_api.shipped()
    now = await claims_api.forward(claim, until="due")
    assert now["state"] == "defaulted"
    assert await claims_api.money(claim) == {"card": -FEE - HOLD, "service_fees": FEE, "default_charges": HOLD}
    await claims_api.forward(claim, days=4)
    now = await claims_api.returned(claim)
    assert now["outcome"] == "late_return_refunded"
    assert await claims_api.money(claim) == FEE_ALONE
    reminders = [kind for kind in await claims_api.kinds(claim) if kind == "reminder"]
    assert len(reminders) == 3


async def test_an_undisputed_default_is_final(claims_api: ClaimsApi) -> None:
    claim = await claims_api.shipped()
    await claims_api.forward(claim, until="due")
    now = await claims_api.forward(claim, until="due")
    assert (now["state"], now["outcome"]) == ("closed", "default_charged")
    await claims_api.forward(claim, days=31)
    response = await claims_api.post(f"/claims/{claim['id']}/waiver", {"reason": "too late"})
    assert refused(response, 409, "action_not_allowed")["allowed_actions"] == []


async def test_missing_propellers_cost_their_difference(claims_api: ClaimsApi) -> None:
    """R-CMP-1."""
    claim = await claims_api.shipped()
    now = await claims_api.returned(claim, components=ALL_BACK[:2])
    assert now["state"] == "awaiting_parts"
    now = await claims_api.post_ok(f"/claims/{claim['id']}/parts-choice", {"choice": "pay"})
    assert now["outcome"] == "parts_charged"
    assert await claims_api.money(claim) == FEE_ALONE | {"card": -FEE - PROPELLERS, "parts_charges": PROPELLERS}


async def test_standard_ships_when_the_unit_has_passed(claims_api: ClaimsApi) -> None:
    """R-EXP-2."""
    claim = await claims_api.claimed(tier="standard")
    assert claim["state"] == "awaiting_item"
    assert (await claims_api.returned(claim))["state"] == "awaiting_dispatch"
    now = await claims_api.dispatched(claim)
    assert now["outcome"] == "replaced"
    assert await claims_api.money(claim) == FEE_ALONE


async def test_a_flyaway_is_approved_paid_and_shipped(claims_api: ClaimsApi) -> None:
    """R-FLY-4."""
    serial = await claims_api.covered()
    claim = await claims_api.post_ok("/claims", claims_api.lost(serial))
    assert claim["state"] == "awaiting_decision"
    await claims_api.post_ok(f"/claims/{claim['id']}/decision", {"approve": True, "reason": "ends over the sea"})
    now = await claims_api.dispatched(claim)
    assert now["outcome"] == "replaced"
    assert await claims_api.money(claim) == {"card": -LOST, "flyaway_fees": LOST}
    assert (await claims_api.get(f"/devices/{serial}"))["status"] == "lost"


async def test_a_plan_is_bought_once(claims_api: ClaimsApi) -> None:
    """R-PUR-4."""
    serial = new_serial()
    owner = {"name": "Ada", "email": "ada@example.com"}
    activated = moment(datetime.now(UTC) - timedelta(hours=2))
    device = {"serial_number": serial, "model": "mavic-3", "region": "US", "owner": owner, "activated_at": activated}
    await claims_api.post_ok("/devices", device)
    wish = {"term": "1y", "payment_method": "pm_card_visa"}
    declined = await claims_api.post(f"/devices/{serial}/plans", wish | {"payment_method": "pm_card_chargeDeclined"})
    refused(declined, 402, "payment_declined")
    plan = await claims_api.post_ok(f"/devices/{serial}/plans", wish, key=f"plan-{serial}")
    assert plan["price"]["amount"] == PLAN
    assert await claims_api.post_ok(f"/devices/{serial}/plans", wish, key=f"plan-{serial}") == plan
    refused(await claims_api.post(f"/devices/{serial}/plans", wish), 422, "plan_refused")
    assert (await claims_api.get(f"/devices/{serial}"))["care"]["replacements"]["left"] == 2


async def test_the_registry_returns_the_same_for_repeats_and_409_for_conflicts(claims_api: ClaimsApi) -> None:
    serial = new_serial()
    device = {"serial_number": serial, "model": "mavic-3", "region": "US"}
    device_of_ada = device | {"owner": {"name": "Ada", "email": "ada@example.com"}}
    first = await claims_api.post_ok("/devices", device_of_ada, key=f"dev-{serial}")
    assert await claims_api.post_ok("/devices", device_of_ada, key=f"dev-{serial}") == first
    other = device | {"owner": {"name": "Bob", "email": "bob@example.com"}}
    refused(await claims_api.post("/devices", other), 409, "conflict")
    refused(await claims_api.post(f"/devices/{new_serial()}/bindings", {"remote_controller": "RC1"}), 404, "not_found")
    await claims_api.post_ok(f"/devices/{serial}/activation", {})
    await claims_api.post_ok(f"/devices/{serial}/bindings", {"remote_controller": "RC1"})
    assert (await claims_api.http.delete(f"/v1/devices/{serial}/bindings/current")).status_code == 204
    assert (await claims_api.get(f"/devices/{serial}"))["binding"] is None


async def test_a_repeated_decision_is_one_decision(claims_api: ClaimsApi) -> None:
    claim = await claims_api.claimed()
    first = await claims_api.dispatched(claim, key="ship-it")
    body = {"replacement_serial_number": first["replacement_serial_number"], "carrier": "UPS", "tracking_number": "1Z"}
    assert (await claims_api.post_ok(f"/claims/{claim['id']}/dispatch", body, key="ship-it"))["id"] == claim["id"]
    assert (await claims_api.kinds(claim)).count("replacement_dispatched") == 1
    problem = refused(await claims_api.post(f"/claims/{claim['id']}/cancel"), 409, "action_not_allowed")
    assert problem["rule"] == "R-EXP-9"
    assert "waiver" in str(problem["allowed_actions"])


async def test_a_declined_card_closes_the_claim_and_reserves_nothing(claims_api: ClaimsApi) -> None:
    """R-EXP-6."""
    serial = await claims_api.covered()
    response = await claims_api.post("/claims", claims_api.claim_body(serial, payment_method="pm_card_chargeDeclined"))
    problem = refused(response, 402, "payment_declined")
    assert await claims_api.money({"id": problem["claim_id"]}) == {}
    assert (await claims_api.uses(serial))["left"] == 2


async def test_a_cancel_before_dispatch_costs_nothing(claims_api: ClaimsApi) -> None:
    """R-EXP-9."""
    claim = await claims_api.claimed()
    now = await claims_api.post_ok(f"/claims/{claim['id']}/cancel", {"reason": "found a spare"})
    assert now["outcome"] == "cancelled"
    assert await claims_api.money(claim) == {}
    assert (await claims_api.uses(claim["serial_number"]))["left"] == 2


async def test_an_event_stream_follows_a_claim_to_its_end(claims_api: ClaimsApi) -> None:
    claim = await claims_api.claimed()
    address, headers = f"/v1/claims/{claim['id']}/events", {"Accept": "text/event-stream"}
    following = asyncio.create_task(claims_api.http.get(address, headers=headers))
    await claims_api.dispatched(claim)
    await claims_api.forward(claim, days=2)
    await claims_api.returned(claim)
    async with asyncio.timeout(20):
        stream = await following
    assert stream.headers["content-type"].startswith("text/event-stream")
    names = [line.removeprefix("event: ") for line in stream.text.splitlines() if line.startswith("event: ")]
    assert names == await claims_api.kinds(claim)
    assert names[-1] == "closed"


async def test_a_claim_made_without_a_worker_is_decided_once_one_runs(deployment: Deployment) -> None:
    claims_api = deployment.claims_api
    async with deployment.worker():
        serial = await claims_api.covered()
    body = claims_api.claim_body(serial)
    response = await claims_api.post("/claims", body, key="patience")
    assert (response.status_code, response.json()["state"]) == (202, "submitted")
    claim = response.json()
    assert (await claims_api.claim(claim))["state"] == "submitted"
    async with deployment.worker():
        now = await claims_api.until(claim, lambda now: now["state"] == "awaiting_dispatch")
        again = await claims_api.post_ok("/claims", body, key="patience")
        assert (again["id"], again["state"]) == (now["id"], "awaiting_dispatch")
        assert (await claims_api.money(claim))["service_fees"] == FEE


async def test_without_temporal_reads_succeed_and_decisions_are_503(sqlite_url: str, tmp_path: Path) -> None:
    server = await start_temporal()
    async with opened(sqlite_url, server, tmp_path) as deployment:
        claims_api = deployment.claims_api
        async with deployment.worker():
            claim = await claims_api.claimed()
            assert (await claims_api.http.get("/readyz")).status_code == 200
        await server.shutdown()
        assert (await claims_api.claim(claim))["state"] == "awaiting_dispatch"
        assert await claims_api.kinds(claim)
        responses = await asyncio.gather(
            claims_api.post(f"/claims/{claim['id']}/cancel", {"reason": "?"}),
            claims_api.post("/claims", claims_api.claim_body(claim["serial_number"])),
            claims_api.http.get("/readyz"),
        )
    assert responses[0].status_code == 503
    assert responses[1].status_code == 422  # the record itself refuses: a case is open
    ready = responses[2].json()
    assert (responses[2].status_code, ready["database"], ready["temporal"]) == (503, True, False)
