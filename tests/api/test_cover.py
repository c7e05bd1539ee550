"""Cover over HTTP: bought within its window, renewed, given back, never moved; owners, codes and reminders."""

from typing import Any

import pytest

from messages.entitlements import IssueMaintenanceCode, RefundPlan
from messages.registry import BuyPlan
from messages.renewals import Reminder, RemindRegion
from tests.api.conftest import OWNER, SERIAL, Office, express, problem

DEVICE = f"/v1/devices/{SERIAL}"
CARD = {"payment_method": "pm_card_visa"}
DECLINED = {"payment_method": "pm_card_declined"}
PLAN = {"term": "1y", **CARD}
KEY = {"Idempotency-Key": "cover 1"}
NOBODY = "/v1/devices/NOBODY"


async def bought(office: Office) -> dict[str, Any]:
    """The plan of a device that was activated yesterday."""
    await office.covered(plan=False, days=1)
    answer = await office.http.post(f"{DEVICE}/plans", json=PLAN)
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


async def planted(office: Office, starts_on: str, term: str = "1y") -> dict[str, Any]:
    body = {"term": term, "starts_on": starts_on}
    answer = await office.http.post(f"/v1/dev/devices/{SERIAL}/terms", json=body)
    assert answer.status_code == 201, answer.text
    device: dict[str, Any] = answer.json()
    return device


def codes(refused: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in refused["reasons"]]


async def test_a_plan_is_answered_with_its_price_and_days(office: Office) -> None:
    plan = await bought(office)
    assert set(plan) == {"id", "term", "starts_on", "ends_on", "price", "purchased_at", "gap"}
    assert (plan["price"]["currency"], plan["gap"]) == ("USD", False)
    assert plan["purchased_at"] == "2026-11-23T10:00:00Z"
    assert (await office.http.get(DEVICE)).json()["care"]["active"] is True
    assert office.door.summaries == [f"Plan 1y · SN {SERIAL}"]


async def test_a_second_plan_is_refused_with_every_reason(office: Office) -> None:
    await office.covered()
    refused = problem(await office.http.post(f"{DEVICE}/plans", json=PLAN | {"region": "EU"}), 422, "plan_refused")
    assert codes(refused) == ["purchase_window_closed", "region_mismatch", "plan_exists"]


async def test_a_declined_card_buys_and_renews_nothing(office: Office) -> None:
    await office.covered(plan=False, days=1)
    problem(await office.http.post(f"{DEVICE}/plans", json=PLAN | DECLINED), 402, "payment_declined")
    await planted(office, "2026-11-22")
    problem(await office.http.post(f"{DEVICE}/renewals", json=DECLINED), 402, "payment_declined")


async def test_an_approved_verification_opens_the_window_for_72_hours(office: Office) -> None:
    await office.covered(plan=False)
    refused = problem(await office.http.post(f"{DEVICE}/plans", json=PLAN), 422, "plan_refused")
    assert codes(refused) == ["purchase_window_closed"]
    approved = await office.http.post(f"{DEVICE}/verification", headers={"Authorization": "Bearer st"})
    assert approved.status_code == 201
    assert approved.json() == {
        "serial_number": SERIAL,
        "approved_at": "2026-11-23T10:00:00Z",
        "buy_until": "2026-11-26T10:00:00Z",
    }
    office.later(hours=72)
    assert (await office.http.post(f"{DEVICE}/plans", json=PLAN)).status_code == 201


async def test_an_approval_lapses_and_a_later_one_stays_in_force(office: Office) -> None:
    await office.covered(plan=False)
    await office.http.post(f"{DEVICE}/verification")
    earlier = await office.http.post(f"{DEVICE}/verification", json={"approved_at": "2026-11-20T10:00:00Z"})
    assert earlier.json()["approved_at"] == "2026-11-23T10:00:00Z"
    office.later(hours=72, seconds=1)
    refused = problem(await office.http.post(f"{DEVICE}/plans", json=PLAN), 422, "plan_refused")
    assert codes(refused) == ["verification_lapsed"]


async def test_an_approval_lies_in_no_future(office: Office) -> None:
    await office.covered(plan=False)
    answer = await office.http.post(f"{DEVICE}/verification", json={"approved_at": "2026-11-24T10:00:00Z"})
    invalid = problem(answer, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["approved_at"]


async def test_a_running_plan_can_be_renewed_without_a_gap(office: Office) -> None:
    await office.covered(plan=False)
    await planted(office, "2026-01-10")
    answer = (await office.http.get(f"{DEVICE}/renewal")).json()
    assert (answer["eligible"], answer["reasons"], answer["gap"], answer["gap_note"]) == (True, [], False, None)
    assert (answer["last_day"], answer["starts_on"], answer["ends_on"]) == ("2027-01-25", "2027-01-11", "2028-01-11")
    renewed = await office.http.post(f"{DEVICE}/renewals", json=CARD)
    assert renewed.status_code == 201
    plan = renewed.json()
    assert (plan["term"], plan["starts_on"], plan["ends_on"], plan["gap"]) == ("1y", "2027-01-11", "2028-01-11", False)
    assert plan["price"] == answer["price"]
    ask = office.door.asked[-1]
    assert isinstance(ask, BuyPlan)
    assert (ask.renewal, ask.region, ask.actor) == (True, None, "admin")


async def test_a_late_renewal_says_that_the_days_between_are_not_covered(office: Office) -> None:
    await office.covered(plan=False)
    await planted(office, "2025-11-15")
    answer = (await office.http.get(f"{DEVICE}/renewal")).json()
    assert (answer["eligible"], answer["gap"], answer["starts_on"]) == (True, True, "2026-11-23")
    assert answer["gap_note"] == (
        "Cover ended on 2026-11-15 and begins again when the renewal is bought; what happens in between is not covered."
    )
    renewed = (await office.http.post(f"{DEVICE}/renewals", json=CARD)).json()
    assert (renewed["starts_on"], renewed["gap"]) == ("2026-11-23", True)


async def test_the_fifteenth_day_still_renews_and_the_sixteenth_does_not(office: Office) -> None:
    await office.covered(plan=False)
    await planted(office, "2025-11-08")
    office.later(hours=21, minutes=59, seconds=59)  # 23:59:59 in Los Angeles
    assert (await office.http.get(f"{DEVICE}/renewal")).json()["last_day"] == "2026-11-23"
    assert (await office.http.get(f"{DEVICE}/renewal")).json()["eligible"] is True
    office.later(seconds=1)
    late = (await office.http.get(f"{DEVICE}/renewal")).json()
    assert (late["eligible"], codes(late), late["gap_note"]) == (False, ["renewal_window_closed"], None)
    refused = problem(await office.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert codes(refused) == ["renewal_window_closed"]


async def test_a_pending_renewal_blocks_another_one_with_every_reason(office: Office) -> None:
    await office.covered(plan=False)
    await planted(office, "2026-01-10", "2y")
    first = await office.http.post(f"{DEVICE}/renewals", json=CARD, headers=KEY)
    assert first.status_code == 201
    refused = problem(await office.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert codes(refused) == ["maximum_term_reached", "renewal_pending"]
    again = await office.http.post(f"{DEVICE}/renewals", json=CARD, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_the_discontinued_extension_counts_in_the_history(office: Office) -> None:
    await office.covered(plan=False)
    await planted(office, "2025-02-01")
    device = await planted(office, "2026-02-02", "refresh_plus")
    assert [period["term"] for period in device["care"]["periods"]] == ["1y", "refresh_plus"]
    assert (await office.http.get(f"{DEVICE}/renewal")).json()["eligible"] is True
    await office.http.post(f"{DEVICE}/renewals", json=CARD)
    assert "maximum_term_reached" in codes((await office.http.get(f"{DEVICE}/renewal")).json())


async def test_without_a_plan_there_is_nothing_to_renew(office: Office) -> None:
    await office.covered(plan=False)
    answer = (await office.http.get(f"{DEVICE}/renewal")).json()
    assert (answer["eligible"], codes(answer), answer["last_day"]) == (False, ["no_plan"], None)
    refused = problem(await office.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert refused["detail"] == "There is no plan to renew."


async def test_a_plan_is_given_back_in_full_once(office: Office) -> None:
    plan = await bought(office)
    office.later(days=3)
    url = f"{DEVICE}/plans/{plan['id']}/refund"
    answer = await office.http.post(url, headers=KEY)
    assert answer.status_code == 200
    expected = {"plan_id": plan["id"], "refunded": plan["price"], "ended_at": "2026-11-26T10:00:00Z"}
    assert answer.json() == expected
    ask = office.door.asked[-1]
    assert isinstance(ask, RefundPlan)
    assert ask.refund_id.startswith("rfd_")
    assert (await office.http.get(DEVICE)).json()["care"]["active"] is False
    problem(await office.http.post(url), 422, "refund_refused")
    assert (await office.http.post(url, headers=KEY)).json() == expected


async def test_a_plan_is_not_given_back_after_14_days_nor_with_a_claim_open(office: Office) -> None:
    plan = await bought(office)
    incident = {"cause": "collision", "occurred_at": "2026-11-23T10:00:00Z"}
    assert (await office.http.post("/v1/claims", json=express(incident=incident))).status_code == 202
    office.later(days=15)
    refused = problem(await office.http.post(f"{DEVICE}/plans/{plan['id']}/refund"), 422, "refund_refused")
    assert codes(refused) == ["refund_window_closed", "claim_already_open"]


@pytest.mark.parametrize("plan_id", ["pln_aaaaaaaaaaaaaaaa", "clm_aaaaaaaaaaaaaaaa", "%00", "pln_%27", "x" * 300])
async def test_a_plan_nobody_bought_is_not_found(office: Office, plan_id: str) -> None:
    await office.covered()
    problem(await office.http.post(f"{DEVICE}/plans/{plan_id}/refund"), 404, "not_found")


async def test_a_maintenance_code_is_issued_once_and_again_for_the_same_key(office: Office) -> None:
    await office.covered()
    issued = await office.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)
    assert issued.status_code == 201
    code = issued.json()
    assert code["code"].startswith("MNT-")
    assert len(code["code"]) == 12
    assert code["code"] == code["code"].upper()
    assert code["expires_on"] == "2027-10-24"
    office.door.away = True
    assert (await office.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)).json() == code
    office.door.away = False
    refused = problem(await office.http.post(f"{DEVICE}/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_code_issued"]


async def test_a_lost_maintenance_code_is_the_same_code_again(office: Office) -> None:
    await office.covered()
    first = await office.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)
    (ask,) = office.door.asked
    assert isinstance(ask, IssueMaintenanceCode)
    assert ask.code == first.json()["code"]
    await office.forget_answers()
    assert (await office.http.post(f"{DEVICE}/maintenance-codes", headers=KEY)).json() == first.json()


async def test_maintenance_is_refused_with_every_reason(office: Office) -> None:
    body = {"serial_number": "GRIP1", "model": "osmo-action-4", "region": "US", "owner": OWNER}
    assert (await office.http.post("/v1/devices", json=body)).status_code == 201
    refused = problem(await office.http.post("/v1/devices/GRIP1/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_not_offered", "no_plan"]
    await office.covered(plan=False)
    await planted(office, "2025-01-01", "2y")
    refused = problem(await office.http.post(f"{DEVICE}/maintenance-codes"), 422, "maintenance_refused")
    assert codes(refused) == ["maintenance_period_over"]


async def test_another_owner_keeps_the_cover_and_loses_the_binding(office: Office) -> None:
    await office.covered()
    new = {"name": "Grace", "email": "grace@example.com"}
    answer = await office.http.post(f"{DEVICE}/owner", json=new, headers={"Authorization": "Bearer cs"})
    assert answer.status_code == 200
    device = answer.json()
    assert (device["owner"], device["binding"], device["care"]["active"]) == (new, None, True)


async def test_the_owner_does_not_change_while_a_claim_is_open(office: Office) -> None:
    claim = await office.claimed()
    answer = await office.http.post(f"{DEVICE}/owner", json={"name": "Grace", "email": "grace@example.com"})
    assert claim["id"] in problem(answer, 409, "conflict")["detail"]


@pytest.mark.parametrize("change", ["pause", "advance", "extension"])
@pytest.mark.parametrize("role", ["cs", "st", "dev"])
async def test_cover_is_fixed_for_everybody(office: Office, change: str, role: str) -> None:
    await office.covered()
    headers = {"Authorization": f"Bearer {role}"} | KEY
    answer = await office.http.post(f"{DEVICE}/cover-changes", json={"change": change}, headers=headers)
    fixed = problem(answer, 422, "cover_fixed")
    assert fixed["rule"] == "R-PLN-5"
    assert fixed["detail"] == (
        "Cover runs from 2026-10-24 to 2027-10-24 and cannot be paused, moved or lengthened. "
        "It can be renewed until 2027-11-08."
    )
    assert office.door.asked == []


async def test_reminders_are_rehearsed_in_every_region_under_ids_of_their_own(office: Office) -> None:
    office.door.reminders["US"] = (Reminder(serial_number=SERIAL, kind="renewal_30"),)
    for _ in range(2):
        answer = await office.http.post("/v1/dev/reminders/run", json={"as_of": "2027-09-24"})
        assert answer.json() == {"sent": [{"serial_number": SERIAL, "kind": "renewal_30"}]}
    regions = [ask.region for ask in office.door.asked if isinstance(ask, RemindRegion)]
    catalogue = await office.app.state.services.views.catalogue()
    assert regions == [region.code for region in catalogue.regions] * 2
    assert len(set(office.door.keys)) == len(regions)


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
async def test_nothing_is_done_for_a_device_nobody_knows(
    office: Office, method: str, path: str, body: dict[str, Any] | None
) -> None:
    for device in (NOBODY, "/v1/devices/%00", "/v1/devices/" + "x" * 300):
        problem(await office.http.request(method, f"{device}/{path}", json=body), 404, "not_found")


@pytest.mark.parametrize(("method", "path", "body"), UNKNOWN)
async def test_what_only_reads_goes_on_while_temporal_is_away(
    office: Office, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await office.covered()
    office.door.away = True
    answer = await office.http.request(method, f"{DEVICE}/{path}", json=body)
    if path in ("renewal", "cover-changes"):
        assert answer.status_code in (200, 422)
    else:
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
