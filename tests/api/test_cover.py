"""Cover over HTTP: purchase within its window, refund, no changes; owners, maintenance codes and reminders."""

from typing import Any

import pytest

from messages.entitlements import IssueMaintenanceCode, RefundPlan
from messages.renewals import Reminder, RemindRegion
from tests.api.conftest import OWNER, SERIAL, ApiHarness, express, problem
from tests.api.cover import CARD, DEVICE, KEY, NOBODY, PLAN, bought, codes, planted
from tests.fakes.claim_decisions import DECLINE_CODES


async def test_a_plan_is_returned_with_its_price_and_days(harness: ApiHarness) -> None:
    plan = await bought(harness)
    assert set(plan) == {"id", "term", "starts_on", "ends_on", "price", "purchased_at", "gap"}
    assert (plan["price"]["currency"], plan["gap"]) == ("USD", False)
    assert plan["purchased_at"] == "2026-11-23T10:00:00Z"
    assert (await harness.http.get(DEVICE)).json()["care"]["active"] is True
    assert harness.claim_commands.summaries == [f"Plan 1y · SN {SERIAL}"]


async def test_a_second_plan_is_refused_with_every_reason(harness: ApiHarness) -> None:
    await harness.covered()
    refused = problem(await harness.http.post(f"{DEVICE}/plans", json=PLAN | {"region": "EU"}), 422, "plan_refused")
    assert codes(refused) == ["purchase_window_closed", "region_mismatch", "plan_exists"]


@pytest.mark.parametrize(("payment_method", "code"), DECLINE_CODES.items())
async def test_a_declined_card_buys_and_renews_nothing(harness: ApiHarness, payment_method: str, code: str) -> None:
    await harness.covered(plan=False, days=1)
    card = {"payment_method": payment_method}
    declined = problem(await harness.http.post(f"{DEVICE}/plans", json=PLAN | card), 402, "payment_declined")
    assert declined["decline_code"] == code
    await planted(harness, "2026-11-22")
    declined = problem(await harness.http.post(f"{DEVICE}/renewals", json=card), 402, "payment_declined")
    assert declined["decline_code"] == code


async def test_an_approved_verification_opens_the_window_for_72_hours(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    refused = problem(await harness.http.post(f"{DEVICE}/plans", json=PLAN), 422, "plan_refused")
    assert codes(refused) == ["purchase_window_closed"]
    approved = await harness.http.post(f"{DEVICE}/verification", headers={"Authorization": "Bearer st"})
    assert approved.status_code == 201
    assert approved.json() == {
        "serial_number": SERIAL,
        "approved_at": "2026-11-23T10:00:00Z",
        "buy_until": "2026-11-26T10:00:00Z",
    }
    harness.later(hours=72)
    assert (await harness.http.post(f"{DEVICE}/plans", json=PLAN)).status_code == 201


async def test_an_approval_lapses_and_a_later_one_stays_in_force(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await harness.http.post(f"{DEVICE}/verification")
    earlier = await harness.http.post(f"{DEVICE}/verification", json={"approved_at": "2026-11-20T10:00:00Z"})
    assert earlier.json()["approved_at"] == "2026-11-23T10:00:00Z"
    harness.later(hours=72, seconds=1)
    refused = problem(await harness.http.post(f"{DEVICE}/plans", json=PLAN), 422, "plan_refused")
    assert codes(refused) == ["verification_lapsed"]


async def test_an_approval_in_the_future_is_rejected(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    response = await harness.http.post(f"{DEVICE}/verification", json={"approved_at": "2026-11-24T10:00:00Z"})
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["approved_at"]


async def test_a_plan_is_given_back_in_full_once(harness: ApiHarness) -> None:
    plan = await bought(harness)
    harness.later(days=3)
    url = f"{DEVICE}/plans/{plan['id']}/refund"
    response = await harness.http.post(url, headers=KEY)
    assert response.status_code == 200
    expected = {"plan_id": plan["id"], "refunded": plan["price"], "ended_at": "2026-11-26T10:00:00Z"}
    expected |= {"refund_refused": False}
    assert response.json() == expected
    command = harness.claim_commands.received[-1]
    assert isinstance(command, RefundPlan)
    assert command.refund_id.startswith("rfd_")
    assert (await harness.http.get(DEVICE)).json()["care"]["active"] is False
    problem(await harness.http.post(url), 422, "refund_refused")
    assert (await harness.http.post(url, headers=KEY)).json() == expected


async def test_a_refund_that_the_gateway_refused_is_not_reported_as_made(harness: ApiHarness) -> None:
    plan = await bought(harness)
    harness.claim_commands.refuses_refunds = True
    response = await harness.http.post(f"{DEVICE}/plans/{plan['id']}/refund", headers=KEY)
    assert (response.json()["refunded"]["amount"], response.json()["refund_refused"]) == (0, True)


async def test_the_plans_of_a_device_are_listed_with_their_ids(harness: ApiHarness) -> None:
    plan = await bought(harness)
    listed = {name: value for name, value in plan.items() if name != "gap"}
    listed |= {"region": "US", "ended_at": None, "refund_refused": False, "question": None}
    response = await harness.http.get(f"{DEVICE}/plans")
    assert response.json() == {"items": [listed], "next_cursor": None}
    harness.later(days=3)
    assert (await harness.http.post(f"{DEVICE}/plans/{response.json()['items'][0]['id']}/refund")).status_code == 200
    given_back = listed | {"ended_at": "2026-11-26T10:00:00Z"}
    assert (await harness.http.get(f"{DEVICE}/plans")).json()["items"] == [given_back]
    problem(await harness.http.get("/v1/devices/NOBODY/plans"), 404, "not_found")


async def test_cover_that_was_not_sold_here_is_listed_without_a_price(harness: ApiHarness) -> None:
    await harness.covered()
    (plan,) = (await harness.http.get(f"{DEVICE}/plans")).json()["items"]
    assert (plan["price"], plan["starts_on"]) == (None, "2026-10-24")


async def test_a_plan_is_not_given_back_after_14_days_nor_with_a_claim_open(harness: ApiHarness) -> None:
    plan = await bought(harness)
    incident = {"cause": "collision", "occurred_at": "2026-11-23T10:00:00Z"}
    assert (await harness.http.post("/v1/claims", json=express(incident=incident))).status_code == 202
    harness.later(days=15)
    refused = problem(await harness.http.post(f"{DEVICE}/plans/{plan['id']}/refund"), 422, "refund_refused")
    assert codes(refused) == ["refund_window_closed", "claim_already_open"]


@pytest.mark.parametrize("plan_id", ["pln_aaaaaaaaaaaaaaaa", "clm_aaaaaaaaaaaaaaaa", "%00", "pln_%27", "x" * 300])
async def test_an_unknown_plan_is_not_found(harness: ApiHarness, plan_id: str) -> None:
    await harness.covered()
    problem(await harness.http.post(f"{DEVICE}/plans/{plan_id}/refund"), 404, "not_found")


async def test_a_maintenance_code_is_issued_once_and_again_for_the_same_key(harness: ApiHarness) -> None:
    await harness.covered()
    issued = await harness.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)
    assert issued.status_code == 201
    code = issued.json()
    assert code["code"].startswith("MNT-")
    assert len(code["code"]) == 12
    assert code["code"] == code["code"].upper()
    assert code["expires_on"] == "2027-10-24"
    harness.claim_commands.away = True
    assert (await harness.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)).json() == code
    harness.claim_commands.away = False
    refused = problem(await harness.http.post(f"{DEVICE}/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_code_issued"]


async def test_a_lost_maintenance_code_is_the_same_code_again(harness: ApiHarness) -> None:
    await harness.covered()
    first = await harness.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)
    (command,) = harness.claim_commands.received
    assert isinstance(command, IssueMaintenanceCode)
    assert command.code == first.json()["code"]
    await harness.forget_responses()
    assert (await harness.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)).json() == first.json()


async def test_maintenance_is_refused_with_every_reason(harness: ApiHarness) -> None:
    body = {"serial_number": "GRIP2001", "model": "osmo-action-4", "region": "US", "owner": OWNER}
    assert (await harness.http.post("/v1/devices", json=body)).status_code == 201
    refused = problem(await harness.http.post("/v1/devices/GRIP2001/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_not_offered", "no_plan"]
    await harness.covered(plan=False)
    await planted(harness, "2025-01-01", "2y")
    refused = problem(await harness.http.post(f"{DEVICE}/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_period_over"]


async def test_another_owner_keeps_the_cover_and_loses_the_binding(harness: ApiHarness) -> None:
    await harness.covered()
    new = {"name": "Grace", "email": "grace@example.com"}
    response = await harness.http.post(f"{DEVICE}/owner", json=new, headers={"Authorization": "Bearer cs"})
    assert response.status_code == 200
    device = response.json()
    assert device["owner"] == new | {"phone": None, "language": None}
    assert (device["binding"], device["care"]["active"]) == (None, True)


async def test_the_owner_does_not_change_while_a_claim_is_open(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    response = await harness.http.post(f"{DEVICE}/owner", json={"name": "Grace", "email": "grace@example.com"})
    assert claim["id"] in problem(response, 409, "conflict")["detail"]


@pytest.mark.parametrize("change", ["pause", "advance", "extension"])
@pytest.mark.parametrize("role", ["cs", "st", "dev"])
async def test_cover_cannot_be_changed_by_any_role(harness: ApiHarness, change: str, role: str) -> None:
    await harness.covered()
    headers = {"Authorization": f"Bearer {role}"} | KEY
    response = await harness.http.post(f"{DEVICE}/cover-changes", json={"change": change}, headers=headers)
    fixed = problem(response, 422, "cover_fixed")
    assert fixed["rule"] == "R-PLN-5"
    assert fixed["detail"] == (
        "Cover runs from 2026-10-24 to 2027-10-24 and cannot be paused, moved or lengthened. "
        "It can be renewed until 2027-11-08."
    )
    assert harness.claim_commands.received == []


async def test_reminders_are_rehearsed_in_every_region_under_ids_of_their_own(harness: ApiHarness) -> None:
    harness.claim_commands.reminders["US"] = (Reminder(serial_number=SERIAL, kind="renewal_30"),)
    for _ in range(2):
        response = await harness.http.post("/v1/dev/reminders/run", json={"as_of": "2027-09-24"})
        assert response.json() == {"sent": [{"serial_number": SERIAL, "kind": "renewal_30"}]}
    regions = [command.region for command in harness.claim_commands.received if isinstance(command, RemindRegion)]
    catalogue = await harness.app.state.services.queries.catalogue()
    assert regions == [region.code for region in catalogue.regions] * 2
    assert len(set(harness.claim_commands.keys)) == len(regions)


UNKNOWN: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "renewal", None),
    ("POST", "renewals", CARD),
    ("POST", "plans/pln_aaaaaaaaaaaaaaaa/refund", None),
    ("POST", "verification", None),
    ("POST", "maintenance-codes", None),
    ("POST", "owner", OWNER),
    ("POST", "cover-changes", {"change": "pause"}),
]


@pytest.mark.parametrize(("method", "path", "body"), UNKNOWN)
async def test_an_unknown_device_is_refused_everywhere(
    harness: ApiHarness, method: str, path: str, body: dict[str, Any] | None
) -> None:
    for device in (NOBODY, "/v1/devices/%00", "/v1/devices/" + "x" * 300):
        problem(await harness.http.request(method, f"{device}/{path}", json=body), 404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), UNKNOWN)
async def test_reads_of_cover_work_while_temporal_is_unavailable(
    harness: ApiHarness, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await harness.covered()
    harness.claim_commands.away = True
    response = await harness.http.request(method, f"{DEVICE}/{path}", json=body)
    if path in ("renewal", "cover-changes"):
        assert response.status_code in (200, 422)
    else:
        problem(response, 503, "unavailable")
        assert int(response.headers["retry-after"]) > 0
