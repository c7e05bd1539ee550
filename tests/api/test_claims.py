"""Claims over HTTP: made, refused, declined, waiting, read and listed."""

from datetime import timedelta

import pytest

from messages.claims import SubmitCareExpress
from tests.api.conftest import NOW, SERIAL, ApiHarness, express, lost, problem
from tests.fakes.claim_decisions import DECLINE_CODES


async def test_an_accepted_claim_is_202_with_its_location(harness: ApiHarness) -> None:
    await harness.covered()
    response = await harness.http.post("/v1/claims", json=express())
    assert response.status_code == 202
    claim = response.json()
    assert response.headers["location"] == f"/v1/claims/{claim['id']}"
    assert claim["state"] == "awaiting_dispatch"
    assert claim["allowed_actions"] == ["dispatch", "cancel", "ship_to"]
    assert claim["amount_owed"] == {"amount": 0, "currency": "USD"}
    assert claim["opened_at"] == "2026-11-23T10:00:00Z"
    assert claim["workflow_id"] == claim["id"]
    assert claim["links"]["temporal"].endswith(f"/namespaces/default/workflows/{claim['id']}")
    assert (await harness.http.get(response.headers["location"])).json() == claim


async def test_the_command_carries_the_actor_and_the_terms_version(harness: ApiHarness) -> None:
    await harness.covered()
    await harness.http.post("/v1/claims", json=express(), headers={"Authorization": "Bearer cs"})
    (command,) = harness.claim_commands.received
    assert isinstance(command, SubmitCareExpress)
    assert command.actor == "customer_service"
    assert command.terms_version


async def test_serial_numbers_are_returned_as_given_and_compared_without_spaces_and_hyphens(
    harness: ApiHarness,
) -> None:
    """R-INS-5."""
    await harness.covered("AC-test 001")
    claim = (await harness.http.post("/v1/claims", json=express(serial_number="ac test-001"))).json()
    assert claim["serial_number"] == "AC-test 001"
    assert claim["links"]["device"] == "/v1/devices/ACTEST001"
    assert (await harness.http.get(claim["links"]["device"])).json()["open_claim_id"] == claim["id"]
    url = f"/v1/claims/{claim['id']}/dispatch"
    problem(await harness.http.post(url, json={"replacement_serial_number": "AC-TEST-001"}), 422, "refused")
    shipped = (await harness.http.post(url, json={"replacement_serial_number": " ac-Rep 002 "})).json()
    assert shipped["replacement_serial_number"] == "ac-Rep 002"
    found = await harness.http.get("/v1/claims", params={"serial_number": "ac–test001"})
    assert [item["serial_number"] for item in found.json()["items"]] == ["AC-test 001"]


async def test_a_refusal_lists_every_reason(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    body = express(accepted_terms=False, incident={"cause": "theft", "occurred_at": "2026-11-20T14:30:00Z"})
    refused = problem(await harness.http.post("/v1/claims", json=body), 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == ["terms_not_accepted", "device_stolen", "no_plan"]
    assert all(reason["rule"].startswith("R-") and reason["message"] for reason in refused["reasons"])
    assert harness.claim_commands.received == []


@pytest.mark.parametrize(("cause", "code"), [("theft", "device_stolen"), ("flyaway", "service_not_applicable")])
async def test_causes_that_are_not_covered_are_refused_by_the_rules(harness: ApiHarness, cause: str, code: str) -> None:
    await harness.covered()
    body = express(incident={"cause": cause, "occurred_at": "2026-11-20T14:30:00Z"})
    refused = problem(await harness.http.post("/v1/claims", json=body), 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == [code]


async def test_a_second_claim_names_the_open_one(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    refused = problem(await harness.http.post("/v1/claims", json=express()), 422, "claim_refused")
    assert claim["id"] in refused["reasons"][0]["message"]


@pytest.mark.parametrize(("payment_method", "code"), DECLINE_CODES.items())
async def test_a_declined_card_is_402_with_the_closed_claim_and_the_gateways_reason(
    harness: ApiHarness, payment_method: str, code: str
) -> None:
    await harness.covered()
    response = await harness.http.post("/v1/claims", json=express(payment_method=payment_method))
    declined = problem(response, 402, "payment_declined")
    assert declined["decline_code"] == code
    assert code in declined["detail"]
    closed = (await harness.http.get(f"/v1/claims/{declined['claim_id']}")).json()
    assert (closed["outcome"], closed["decline_code"]) == ("payment_declined", code)
    assert closed["allowed_actions"] == []


async def test_a_claim_made_without_a_worker_is_read_as_submitted(harness: ApiHarness) -> None:
    await harness.covered()
    harness.claim_commands.idle = True
    response = await harness.http.post("/v1/claims", json=express())
    claim = response.json()
    assert (response.status_code, claim["state"]) == (202, "submitted")
    assert claim["fee"]["amount"] > 0
    read = await harness.http.get(response.headers["location"])
    assert read.json() == claim
    events = await harness.http.get(claim["links"]["events"])
    assert events.json() == {"items": [], "next_cursor": None}
    problem(await harness.http.post(f"/v1/claims/{claim['id']}/cancel"), 503, "unavailable")


async def test_a_flyaway_waits_for_a_decision(harness: ApiHarness) -> None:
    await harness.covered()
    claim = (await harness.http.post("/v1/claims", json=lost())).json()
    assert (claim["service"], claim["tier"], claim["state"]) == ("flyaway", None, "awaiting_decision")
    assert claim["incident"]["cause"] == "flyaway"


async def test_an_unknown_service_is_rejected(harness: ApiHarness) -> None:
    body = {"service": "teleport", "serial_number": SERIAL}
    invalid = problem(await harness.http.post("/v1/claims", json=body), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["service"]


async def test_an_unknown_device_is_not_found(harness: ApiHarness) -> None:
    problem(await harness.http.post("/v1/claims", json=express()), 404, "not_found")
    problem(await harness.http.post("/v1/claims", json=lost(serial_number="NOBODY")), 404, "not_found")


async def test_ids_of_other_workflows_are_no_claims(harness: ApiHarness) -> None:
    for path in ("/v1/claims/pln_aaaaaaaaaaaaaaaa", "/v1/claims/clm_%00", "/v1/claims/" + "x" * 3000):
        problem(await harness.http.get(path), 404, "not_found")
        problem(await harness.http.post(f"{path}/cancel"), 404, "not_found")
    assert harness.claim_commands.received == []


async def test_the_list_goes_newest_first_page_by_page(harness: ApiHarness) -> None:
    made = []
    for number in range(5):
        serial = await harness.covered(f"LISTED{number}")
        made.append((await harness.http.post("/v1/claims", json=express(serial_number=serial))).json()["id"])
        harness.later(minutes=1)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = (
            await harness.http.get("/v1/claims", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        ).json()
        seen += [claim["id"] for claim in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_filters_of_the_list_all_hold(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    matching = {
        "state": "awaiting_return",
        "service": "care_express",
        "serial_number": "1581-F45T-7228-D00A",
        "region": "US",
        "due_before": (NOW + timedelta(days=20)).isoformat().replace("+00:00", "Z"),
    }
    found = await harness.http.get("/v1/claims", params=matching)
    assert [item["id"] for item in found.json()["items"]] == [claim["id"]]
    for name, value in (("state", "closed"), ("attention", "hold_at_risk"), ("due_before", "2026-11-24T00:00:00Z")):
        missing = await harness.http.get("/v1/claims", params=matching | {name: value})
        assert missing.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "state=lost",
        "colour=red",
        "due_before=yesterday",
        "due_before=2026-11-24T00:00:00",
        "cursor=%00",
        "cursor=abc",
        "cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwgImNsbSJd",
        "cursor=" + "A" * 500,
        "region=%27",
    ],
)
async def test_a_bad_query_names_its_parameter(harness: ApiHarness, query: str) -> None:
    invalid = problem(await harness.http.get(f"/v1/claims?{query}"), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [query.partition("=")[0]]


async def test_finance_reads_the_ledger_of_a_claim(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    ledger = await harness.http.get(f"/v1/claims/{claim['id']}/ledger", headers={"Authorization": "Bearer fi"})
    assert ledger.json() == {"entries": [], "balances": {}}
    problem(await harness.http.get("/v1/claims/clm_aaaaaaaaaaaaaaaa/ledger"), 404, "not_found")


async def test_reads_work_while_temporal_is_unavailable(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    harness.claim_commands.away = True
    assert (await harness.http.get(f"/v1/claims/{claim['id']}")).status_code == 200
    assert (await harness.http.get("/v1/claims")).status_code == 200
    assert (await harness.http.get("/healthz")).status_code == 200
    ready = await harness.http.get("/readyz")
    assert (ready.status_code, ready.json()["database"], ready.json()["temporal"]) == (503, True, False)
    response = await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) > 0
