"""A device that staff move to another region, over HTTP (R-XFR-3)."""

from tests.api.conftest import ApiHarness, express, problem
from tests.api.cover import DEVICE, codes

MOVE = {"region": "EU", "reason": "Moved to Berlin; registration shown."}
STAFF = {"Authorization": "Bearer st"}
BERLIN = {
    "name": "Ada Byron",
    "line1": "Unter den Linden 6",
    "city": "Berlin",
    "postal_code": "10117",
    "country": "DE",
}


async def test_staff_move_a_device_and_its_cover_is_delivered_there(harness: ApiHarness) -> None:
    await harness.covered()
    abroad = express(ship_to=BERLIN)
    refused = problem(await harness.http.post("/v1/claims", json=abroad), 422, "claim_refused")
    assert codes(refused) == ["delivery_outside_region"]
    for _ in range(2):
        headers = STAFF | {"Idempotency-Key": "move"}
        moved = await harness.http.post(f"{DEVICE}/region", json=MOVE, headers=headers)
        assert moved.status_code == 200, moved.text
    page = moved.json()
    assert (page["region"], page["care"]["active"]) == ("EU", True)
    assert page["region_moves"] == [
        {
            "at": "2026-11-23T10:00:00Z",
            "actor": "staff",
            "from_region": "US",
            "to_region": "EU",
            "reason": MOVE["reason"],
        }
    ]
    claim = await harness.http.post("/v1/claims", json=abroad)
    assert claim.status_code == 202, claim.text
    assert (claim.json()["region"], claim.json()["fee"]["currency"]) == ("EU", "EUR")


async def test_a_move_is_refused_with_its_reason(harness: ApiHarness) -> None:
    await harness.claimed()
    refused = await harness.http.post(f"{DEVICE}/region", json=MOVE, headers=STAFF)
    assert "is open; it must be closed before" in problem(refused, 409, "conflict")["detail"]
    unknown = await harness.http.post(f"{DEVICE}/region", json=MOVE | {"region": "XX"}, headers=STAFF)
    assert "There is no region XX" in problem(unknown, 422, "invalid_request")["errors"][0]["message"]
    reasonless = await harness.http.post(f"{DEVICE}/region", json={"region": "EU"}, headers=STAFF)
    problem(reasonless, 422, "invalid_request")


async def test_a_quote_from_before_the_move_is_refused(harness: ApiHarness) -> None:
    await harness.covered()
    wanted = {"service": "care_express", "tier": "premium", "serial_number": express()["serial_number"]}
    quote = (await harness.http.post("/v1/quotes", json=wanted)).json()
    assert (await harness.http.post(f"{DEVICE}/region", json=MOVE, headers=STAFF)).status_code == 200
    claim = express(ship_to=BERLIN, quote_id=quote["id"])
    assert codes(problem(await harness.http.post("/v1/claims", json=claim), 422, "claim_refused")) == ["quote_expired"]
