"""Online repair and maintenance over HTTP: made, quoted for, chosen, paid and shipped back."""

from typing import Any

import pytest

from domain.kinds import RepairChoice
from domain.money import Money
from messages.claims import ChooseRepair, Complete, QuoteRepair, StopRepair, SubmitMaintenance, SubmitRepair
from tests.api.conftest import SERIAL, ApiHarness, broken, express, problem, worn
from tests.fakes.claim_decisions import DECLINE_CODES

OPEN = ["repair_choice", "repair_quote", "repair_quote_withdrawal", "ship_to"]
USD_215 = {"amount": 21500, "currency": "USD"}
WHY = {"reason": "a digit too many"}
QUOTE = {"findings": "Front arm broken.", "amount": USD_215, "warranty": False}


async def quoted(harness: ApiHarness, **changes: Any) -> dict[str, Any]:
    """A repair that waits for the customer's choice."""
    claim = await harness.inspecting()
    response = await harness.http.post(f"/v1/claims/{claim['id']}/repair-quote", json=QUOTE | changes)
    assert response.status_code == 200, response.text
    waiting: dict[str, Any] = response.json()
    return waiting


async def code(harness: ApiHarness) -> str:
    issued = await harness.http.post(f"/v1/devices/{SERIAL}/maintenance-codes")
    assert issued.status_code == 201, issued.text
    return str(issued.json()["code"])


async def test_an_online_repair_waits_for_the_unit(harness: ApiHarness) -> None:
    await harness.covered()
    response = await harness.http.post("/v1/claims", json=broken(), headers={"Authorization": "Bearer cs"})
    assert response.status_code == 202
    claim = response.json()
    assert (claim["service"], claim["tier"], claim["state"]) == ("online_repair", None, "awaiting_item")
    assert (claim["fee"], claim["hold"], claim["repair"]) == ({"amount": 0, "currency": "USD"}, None, None)
    assert claim["allowed_actions"] == ["return_scan", "arrival", "cancel", "ship_to"]
    command = harness.claim_commands.received[-1]
    assert isinstance(command, SubmitRepair)
    assert (command.actor, command.return_address.city, command.incident.description) == (
        "customer_service",
        "Portland",
        "Fell off a table.",
    )
    assert harness.claim_commands.summaries == [f"Online repair · Mavic 3 · SN {SERIAL} · collision"]


async def test_a_repair_needs_no_plan_and_a_theft_is_refused_all_the_same(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    stolen = broken(incident={"cause": "theft", "occurred_at": "2026-11-20T14:30:00Z", "description": "Gone."})
    refused = problem(await harness.http.post("/v1/claims", json=stolen), 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == ["device_stolen"]
    assert harness.claim_commands.received == []
    assert (await harness.http.post("/v1/claims", json=broken())).status_code == 202


async def test_one_case_is_open_at_a_time_whatever_its_service(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    refused = problem(await harness.http.post("/v1/claims", json=broken()), 422, "claim_refused")
    assert claim["id"] in refused["detail"]
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    assert (await harness.http.post("/v1/claims", json=broken())).status_code == 202
    problem(await harness.http.post("/v1/claims", json=express()), 422, "claim_refused")


async def test_a_maintenance_job_is_started_by_its_code_once(harness: ApiHarness) -> None:
    await harness.covered()
    given = await code(harness)
    response = await harness.http.post("/v1/claims", json=worn(given.lower()), headers={"Idempotency-Key": "job"})
    assert response.status_code == 202
    claim = response.json()
    assert (claim["service"], claim["incident"], claim["state"]) == ("maintenance", None, "awaiting_item")
    command = harness.claim_commands.received[-1]
    assert isinstance(command, SubmitMaintenance)
    assert harness.claim_commands.summaries == [f"Maintenance · Mavic 3 · SN {SERIAL}"]
    refused = problem(await harness.http.post("/v1/claims", json=worn(given)), 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == ["claim_already_open", "maintenance_code_invalid"]
    again = await harness.http.post("/v1/claims", json=worn(given.lower()), headers={"Idempotency-Key": "job"})
    assert again.json() == claim


async def test_a_maintenance_code_of_another_device_starts_nothing(harness: ApiHarness) -> None:
    await harness.covered()
    await harness.covered("OTHERS")
    given = await code(harness)
    for body in (worn(given, serial_number="OTHERS"), worn("MNT-AAAAAAAA")):
        refused = problem(await harness.http.post("/v1/claims", json=body), 422, "claim_refused")
        assert [reason["code"] for reason in refused["reasons"]] == ["maintenance_code_invalid"]


@pytest.mark.parametrize("idle", [True, False])
async def test_a_job_can_be_read_before_it_is_decided(harness: ApiHarness, idle: bool) -> None:
    await harness.covered()
    given = await code(harness)
    harness.claim_commands.idle = idle
    response = await harness.http.post("/v1/claims", json=worn(given))
    claim = response.json()
    assert claim["state"] == ("submitted" if idle else "awaiting_item")
    assert (await harness.http.get(response.headers["location"])).json() == claim


async def test_jobs_are_found_by_their_service(harness: ApiHarness) -> None:
    await harness.covered()
    made = (await harness.http.post("/v1/claims", json=broken())).json()
    found = (await harness.http.get("/v1/claims", params={"service": "online_repair"})).json()
    assert [claim["id"] for claim in found["items"]] == [made["id"]]


async def test_a_quote_shows_all_repair_options_together(harness: ApiHarness) -> None:
    claim = await quoted(harness)
    assert claim["state"] == "awaiting_choice"
    assert claim["allowed_actions"] == OPEN
    assert claim["repair"] == {
        "findings": "Front arm broken.",
        "amount": USD_215,
        "warranty": False,
        "replacement_fee": {"amount": 0, "currency": "USD"},
        "options": ["replacement", "paid_repair", "return"],
        "quoted_at": "2026-11-23T10:00:00Z",
        "pay_until": "2026-12-24T07:59:59Z",
        "version": 1,
        "chosen": None,
    }
    command = harness.claim_commands.received[-1]
    assert isinstance(command, QuoteRepair)
    assert command.amount == Money(21500, "USD")


async def test_a_quote_is_in_the_claims_currency(harness: ApiHarness) -> None:
    claim = await harness.inspecting()
    body = QUOTE | {"amount": USD_215 | {"currency": "EUR"}}
    response = await harness.http.post(f"/v1/claims/{claim['id']}/repair-quote", json=body)
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["amount.currency"]
    assert "USD" in invalid["detail"]
    assert not [command for command in harness.claim_commands.received if isinstance(command, QuoteRepair)]


async def test_a_warranty_that_has_ended_is_named_as_the_field_that_is_wrong(harness: ApiHarness) -> None:
    claim = await harness.inspecting()
    response = await harness.http.post(f"/v1/claims/{claim['id']}/repair-quote", json=QUOTE | {"warranty": True})
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["warranty"]
    assert "ended on" in invalid["detail"]


async def test_nothing_is_quoted_before_the_unit_is_there_nor_twice(harness: ApiHarness) -> None:
    await harness.covered()
    early = (await harness.http.post("/v1/claims", json=broken())).json()
    problem(await harness.http.post(f"/v1/claims/{early['id']}/repair-quote", json=QUOTE), 409, "action_not_allowed")
    await harness.http.post(f"/v1/claims/{early['id']}/cancel")
    problem(await harness.http.post(f"/v1/claims/{early['id']}/repair-quote", json=QUOTE), 409, "action_not_allowed")


async def test_a_quote_for_an_unknown_claim_is_not_found(harness: ApiHarness) -> None:
    problem(await harness.http.post("/v1/claims/clm_aaaaaaaaaaaaaaaa/repair-quote", json=QUOTE), 404, "not_found")


@pytest.mark.parametrize("choice", ["replacement", "paid_repair"])
async def test_what_costs_something_needs_a_payment_method(harness: ApiHarness, choice: str) -> None:
    claim = await quoted(harness)
    response = await harness.http.post(f"/v1/claims/{claim['id']}/repair-choice", json={"choice": choice})
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["payment_method"]
    assert not [command for command in harness.claim_commands.received if isinstance(command, ChooseRepair)]


async def test_a_paid_repair_is_chosen_and_completed(harness: ApiHarness) -> None:
    claim = await quoted(harness)
    body = {"choice": "paid_repair", "payment_method": "pm_card_visa"}
    chosen = (await harness.http.post(f"/v1/claims/{claim['id']}/repair-choice", json=body)).json()
    assert (chosen["state"], chosen["fee"], chosen["allowed_actions"]) == (
        "in_service",
        USD_215,
        ["repair_stop", "completion", "ship_to"],
    )
    shipped = {"repaired_serial_number": "1581F45T7228D00C", "tracking_number": "1Z997"}
    url = f"/v1/claims/{claim['id']}/completion"
    done = await harness.http.post(url, json=shipped, headers={"Authorization": "Bearer wh"})
    assert done.json()["outcome"] == "repaired"
    command = harness.claim_commands.received[-1]
    assert isinstance(command, Complete)
    assert (command.repaired_serial_number, command.tracking_number, command.actor) == (
        "1581F45T7228D00C",
        "1Z997",
        "warehouse",
    )


async def test_a_free_option_needs_no_card_and_must_be_available(harness: ApiHarness) -> None:
    claim = await quoted(harness)
    url = f"/v1/claims/{claim['id']}/repair-choice"
    refused = problem(await harness.http.post(url, json={"choice": "warranty_repair"}), 409, "action_not_allowed")
    assert (refused["rule"], refused["allowed_actions"]) == ("R-REP-1", OPEN)
    chosen = (await harness.http.post(url, json={"choice": "return"})).json()
    assert chosen["state"] == "in_service"
    command = harness.claim_commands.received[-1]
    assert isinstance(command, ChooseRepair)
    assert (command.choice, command.payment_method) == (RepairChoice.RETURN, None)


@pytest.mark.parametrize(("payment_method", "code"), DECLINE_CODES.items())
async def test_a_declined_card_leaves_the_choice_open(harness: ApiHarness, payment_method: str, code: str) -> None:
    claim = await quoted(harness)
    body = {"choice": "paid_repair", "payment_method": payment_method}
    declined = problem(
        await harness.http.post(f"/v1/claims/{claim['id']}/repair-choice", json=body), 402, "payment_declined"
    )
    assert (declined["claim_id"], declined["rule"], declined["decline_code"]) == (claim["id"], "R-REP-2", code)
    assert (await harness.http.get(f"/v1/claims/{claim['id']}")).json()["allowed_actions"] == OPEN


async def test_a_revised_quote_is_chosen_by_its_version(harness: ApiHarness) -> None:
    """R-REP-5."""
    claim = await quoted(harness)
    url = f"/v1/claims/{claim['id']}"
    revised = await harness.http.post(f"{url}/repair-quote", json=QUOTE | {"amount": USD_215 | {"amount": 9_800}})
    assert (revised.json()["repair"]["version"], revised.json()["repair"]["amount"]["amount"]) == (2, 9_800)
    body = {"choice": "paid_repair", "payment_method": "pm_card_visa"}
    for version in ({}, {"quote_version": 1}):
        refused = problem(
            await harness.http.post(f"{url}/repair-choice", json=body | version), 409, "action_not_allowed"
        )
        assert refused["rule"] == "R-REP-5"
    problem(await harness.http.post(f"{url}/repair-choice", json=body | {"quote_version": 0}), 422, "invalid_request")
    chosen = await harness.http.post(f"{url}/repair-choice", json=body | {"quote_version": 2})
    assert (chosen.status_code, chosen.json()["fee"]["amount"]) == (200, 9_800)


async def test_staff_withdraw_a_quote_and_stop_a_repair_with_a_reason(harness: ApiHarness) -> None:
    """R-REP-5, R-REP-7."""
    claim = await quoted(harness)
    url, staff = f"/v1/claims/{claim['id']}", {"Authorization": "Bearer st"}
    for action in ("repair-quote-withdrawal", "repair-stop"):
        problem(await harness.http.post(f"{url}/{action}", json={}, headers=staff), 422, "invalid_request")
        for key in ("cs", "wh"):
            other = {"Authorization": f"Bearer {key}"}
            problem(await harness.http.post(f"{url}/{action}", json=WHY, headers=other), 403, "forbidden")
    withdrawn = await harness.http.post(f"{url}/repair-quote-withdrawal", json=WHY, headers=staff)
    assert (withdrawn.json()["state"], withdrawn.json()["repair"]) == ("inspecting", None)
    assert (await harness.http.post(f"{url}/repair-quote", json=QUOTE, headers=staff)).status_code == 200
    body = {"choice": "paid_repair", "payment_method": "pm_card_visa"}
    assert (await harness.http.post(f"{url}/repair-choice", json=body)).status_code == 200
    stopped = await harness.http.post(f"{url}/repair-stop", json=WHY, headers=staff)
    assert (stopped.status_code, stopped.json()["outcome"]) == (200, "returned_unrepaired")
    assert harness.claim_commands.received[-1] == StopRepair(actor="staff", reason=WHY["reason"])


async def test_a_quote_and_its_approval_name_the_key_they_came_with(harness: ApiHarness) -> None:
    """R-REP-6: two persons of one role have two keys."""
    claim = await harness.inspecting()
    url = f"/v1/claims/{claim['id']}/repair-quote"
    for key in ("st", "dev"):
        await harness.http.post(url, json=QUOTE, headers={"Authorization": f"Bearer {key}"})
    quotes = [command for command in harness.claim_commands.received if isinstance(command, QuoteRepair)]
    assert len({command.by for command in quotes}) == 2
    assert all(command.by and command.by not in ("st", "dev") for command in quotes)
