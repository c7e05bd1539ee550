"""Renewals over HTTP: in time, late with a gap, pending, and refused."""

from messages.registry import BuyPlan
from tests.api.conftest import ApiHarness, problem
from tests.api.cover import CARD, DEVICE, KEY, codes, planted


async def test_a_running_plan_can_be_renewed_without_a_gap(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await planted(harness, "2026-01-10")
    response = (await harness.http.get(f"{DEVICE}/renewal")).json()
    assert (response["eligible"], response["reasons"], response["gap"], response["gap_note"]) == (True, [], False, None)
    assert (response["last_day"], response["starts_on"], response["ends_on"]) == (
        "2027-01-25",
        "2027-01-11",
        "2028-01-10",
    )
    renewed = await harness.http.post(f"{DEVICE}/renewals", json=CARD)
    assert renewed.status_code == 201
    plan = renewed.json()
    assert (plan["term"], plan["starts_on"], plan["ends_on"], plan["gap"]) == ("1y", "2027-01-11", "2028-01-10", False)
    assert plan["price"] == response["price"]
    command = harness.claim_commands.received[-1]
    assert isinstance(command, BuyPlan)
    assert (command.renewal, command.region, command.actor) == (True, None, "admin")


async def test_a_late_renewal_reports_the_gap_in_the_cover(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await planted(harness, "2025-11-15")
    response = (await harness.http.get(f"{DEVICE}/renewal")).json()
    assert (response["eligible"], response["gap"], response["starts_on"]) == (True, True, "2026-11-23")
    assert response["gap_note"] == (
        "Cover ended on 2026-11-15 and begins again when the renewal is bought; what happens in between is not covered."
    )
    renewed = (await harness.http.post(f"{DEVICE}/renewals", json=CARD)).json()
    assert (renewed["starts_on"], renewed["gap"]) == ("2026-11-23", True)


async def test_the_fifteenth_day_still_renews_and_the_sixteenth_does_not(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await planted(harness, "2025-11-08")
    harness.later(hours=21, minutes=59, seconds=59)  # 23:59:59 in Los Angeles
    assert (await harness.http.get(f"{DEVICE}/renewal")).json()["last_day"] == "2026-11-23"
    assert (await harness.http.get(f"{DEVICE}/renewal")).json()["eligible"] is True
    harness.later(seconds=1)
    late = (await harness.http.get(f"{DEVICE}/renewal")).json()
    assert (late["eligible"], codes(late), late["gap_note"]) == (False, ["renewal_window_closed"], None)
    refused = problem(await harness.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert codes(refused) == ["renewal_window_closed"]


async def test_a_pending_renewal_blocks_another_one_with_every_reason(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await planted(harness, "2026-01-10", "2y")
    first = await harness.http.post(f"{DEVICE}/renewals", json=CARD, headers=KEY)
    assert first.status_code == 201
    refused = problem(await harness.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert codes(refused) == ["maximum_term_reached", "renewal_pending"]
    again = await harness.http.post(f"{DEVICE}/renewals", json=CARD, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_the_discontinued_extension_counts_in_the_history(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    await planted(harness, "2025-02-01")
    device = await planted(harness, "2026-02-02", "refresh_plus")
    assert [period["term"] for period in device["care"]["periods"]] == ["1y", "refresh_plus"]
    assert (await harness.http.get(f"{DEVICE}/renewal")).json()["eligible"] is True
    await harness.http.post(f"{DEVICE}/renewals", json=CARD)
    assert "maximum_term_reached" in codes((await harness.http.get(f"{DEVICE}/renewal")).json())


async def test_without_a_plan_there_is_nothing_to_renew(harness: ApiHarness) -> None:
    await harness.covered(plan=False)
    response = (await harness.http.get(f"{DEVICE}/renewal")).json()
    assert (response["eligible"], codes(response), response["last_day"]) == (False, ["no_plan"], None)
    refused = problem(await harness.http.post(f"{DEVICE}/renewals", json=CARD), 422, "renewal_refused")
    assert refused["detail"] == "There is no plan to renew."
