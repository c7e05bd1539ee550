"""Decisions and events over HTTP: what is sent to the claim, and the response to each of its results."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.requests.base import now as wall_clock
from api.temporal_client import SIGNAL_OF, TemporalClaimCommands
from domain.kinds import Action, Attention, ClaimState, HoldState
from messages import claims
from messages.claims import Inspect, ParcelArrived, ParcelScanned
from messages.mail import MAIL_FAILED
from tests.api.conftest import NOW, REPLACEMENT, SERIAL, ApiHarness, no_temporal, problem

DECISIONS: list[tuple[str, dict[str, Any] | None]] = [
    ("dispatch", {"replacement_serial_number": REPLACEMENT}),
    ("inspection", {"serial_number": SERIAL, "genuine": True, "components": ["aircraft"]}),
    ("extension", {"days": 5, "reason": "ill"}),
    ("waiver", {"reason": "our fault"}),
    ("decision", {"approve": True}),
    ("replacement-undo", {"reason": "keeps the original"}),
    ("replacement-resend", {"reason": "sends the original"}),
    ("parts-choice", {"choice": "pay"}),
    ("payment-method", {"payment_method": "pm_2"}),
    ("cancel", None),
    ("found", None),
    ("repair-choice", {"choice": "return"}),
    ("repair-quote-withdrawal", {"reason": "a digit too many"}),
    ("repair-stop", {"reason": "no such part"}),
    ("completion", None),
]
EVENTS: list[tuple[str, dict[str, Any] | None]] = [
    ("return-scan", {"carrier": "UPS", "tracking_number": "1Z"}),
    ("arrival", None),
]


async def test_a_decision_returns_the_updated_claim(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    assert claim["state"] == "awaiting_return"
    assert claim["replacement_serial_number"] == REPLACEMENT
    assert claim["return"]["due_at"] == claim["deadline"]
    assert "extension" in claim["allowed_actions"]


async def test_a_dispatch_that_no_hold_secures_is_409_hold_not_live_with_its_reason(harness: ApiHarness) -> None:
    """R-EXP-6."""
    made = await harness.claimed()
    claim = await harness.app.state.services.queries.claim(made["id"])
    assert claim is not None
    assert claim.hold is not None
    ended = replace(claim, hold=replace(claim.hold, state=HoldState.EXPIRED), state=ClaimState.AWAITING_PAYMENT)
    await harness.claim_commands.save(ended, "card_asked", "Another card is needed.")
    body = {"replacement_serial_number": REPLACEMENT}
    refused = problem(await harness.http.post(f"/v1/claims/{claim.id}/dispatch", json=body), 409, "hold_not_live")
    assert refused["allowed_actions"] == ["payment_method", "cancel", "ship_to"]
    assert [(reason["code"], reason["rule"]) for reason in refused["reasons"]] == [("hold_not_live", "R-EXP-6")]


async def test_staff_undo_a_replacement_that_came_back(harness: ApiHarness) -> None:
    """R-EXP-10."""
    made = await harness.shipped()
    claim = await harness.app.state.services.queries.claim(made["id"])
    assert claim is not None
    url, body = f"/v1/claims/{claim.id}/replacement-undo", {"reason": "keeps the original"}
    refused = problem(await harness.http.post(url, json=body), 409, "action_not_allowed")
    assert "replacement_undo" not in refused["allowed_actions"]
    came_back = replace(claim, state=ClaimState.AWAITING_CURE, attention=(Attention.REPLACEMENT_RETURNED,))
    await harness.claim_commands.save(came_back, "inspected", "The new unit came back.")
    shown = (await harness.http.get(f"/v1/claims/{claim.id}")).json()
    assert "replacement_undo" in shown["allowed_actions"]
    problem(await harness.http.post(url, json={}), 422, "invalid_request")
    undone = (await harness.http.post(url, json=body)).json()
    assert (undone["state"], undone["outcome"]) == ("closed", "cancelled")


async def test_staff_send_a_replacement_that_came_back_out_again(harness: ApiHarness) -> None:
    """R-EXP-10, and against a live hold alone (R-EXP-6)."""
    made = await harness.shipped()
    claim = await harness.app.state.services.queries.claim(made["id"])
    assert claim is not None
    assert claim.hold is not None
    url, body = f"/v1/claims/{claim.id}/replacement-resend", {"reason": "sends the original"}
    refused = problem(await harness.http.post(url, json=body), 409, "action_not_allowed")
    assert "replacement_resend" not in refused["allowed_actions"]
    came_back = replace(claim, state=ClaimState.AWAITING_CURE, attention=(Attention.REPLACEMENT_RETURNED,))
    unsecured = replace(came_back, hold=replace(claim.hold, state=HoldState.EXPIRED))
    await harness.claim_commands.save(unsecured, "inspected", "The new unit came back.")
    problem(await harness.http.post(url, json=body), 409, "hold_not_live")
    await harness.claim_commands.save(came_back, "hold_authorized", "A hold was placed.")
    shown = (await harness.http.get(f"/v1/claims/{claim.id}")).json()
    assert "replacement_resend" in shown["allowed_actions"]
    problem(await harness.http.post(url, json={}), 422, "invalid_request")
    for key in ("cs", "wh", "fi"):
        problem(await harness.http.post(url, json=body, headers={"Authorization": f"Bearer {key}"}), 403, "forbidden")
    sent = (await harness.http.post(url, json=body)).json()
    assert (sent["state"], sent["deadline"]) == ("awaiting_dispatch", None)


async def test_a_decision_not_allowed_in_the_state_is_409_with_the_allowed_ones(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    response = await harness.http.post(f"/v1/claims/{claim['id']}/cancel", json={"reason": "changed my mind"})
    refused = problem(response, 409, "action_not_allowed")
    assert refused["allowed_actions"] == claim["allowed_actions"]
    assert refused["rule"] == "R-CLM-2"


async def test_a_payment_in_flight_is_409_with_retry_after_and_is_not_stored_under_the_key(
    harness: ApiHarness,
) -> None:
    claim = await harness.shipped()
    url, key, body = f"/v1/claims/{claim['id']}/waiver", {"Idempotency-Key": "again"}, {"reason": "goodwill"}
    harness.claim_commands.paying.add(claim["id"])
    response = await harness.http.post(url, json=body, headers=key)
    refused = problem(response, 409, "payment_in_progress")
    assert refused["allowed_actions"] == claim["allowed_actions"]
    assert int(response.headers["Retry-After"]) > 0
    harness.claim_commands.paying.clear()
    assert (await harness.http.post(url, json=body, headers=key)).status_code == 200


@pytest.mark.parametrize(("path", "body"), DECISIONS)
async def test_a_closed_claim_accepts_no_decision(harness: ApiHarness, path: str, body: dict[str, Any] | None) -> None:
    claim = await harness.claimed()
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    response = await harness.http.post(f"/v1/claims/{claim['id']}/{path}", json=body)
    assert problem(response, 409, "action_not_allowed")["allowed_actions"] == []


@pytest.mark.parametrize(("path", "body"), [("dispatch", DECISIONS[0][1]), ("cancel", None)])
async def test_a_terminated_claim_is_referred_to_operations(
    harness: ApiHarness, path: str, body: dict[str, Any] | None
) -> None:
    """Its record is still open. After a reset of the workflow the same key succeeds."""
    claim = await harness.claimed()
    url, key = f"/v1/claims/{claim['id']}/{path}", {"Idempotency-Key": "again"}
    harness.claim_commands.ended.add(claim["id"])
    refused = problem(await harness.http.post(url, json=body, headers=key), 409, "action_not_allowed")
    assert "No process works on this claim any more" in refused["detail"]
    assert "closed as" not in refused["detail"]
    assert refused["allowed_actions"] == []
    harness.claim_commands.ended.clear()
    assert (await harness.http.post(url, json=body, headers=key)).status_code == 200


@pytest.mark.parametrize(("path", "body"), [*DECISIONS, *EVENTS])
async def test_an_unknown_claim_is_not_found(harness: ApiHarness, path: str, body: dict[str, Any] | None) -> None:
    problem(await harness.http.post(f"/v1/claims/clm_aaaaaaaaaaaaaaaa/{path}", json=body), 404, "not_found")


@pytest.mark.parametrize(("path", "body"), [*DECISIONS, *EVENTS])
async def test_no_decision_is_made_while_temporal_is_unavailable(
    harness: ApiHarness, path: str, body: dict[str, Any] | None
) -> None:
    claim = await harness.claimed()
    harness.claim_commands.away = True
    problem(await harness.http.post(f"/v1/claims/{claim['id']}/{path}", json=body), 503, "unavailable")


async def test_an_impossible_replacement_is_refused_with_its_rule(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    response = await harness.http.post(f"/v1/claims/{claim['id']}/dispatch", json={"replacement_serial_number": SERIAL})
    assert problem(response, 422, "refused")["rule"] == "R-CLM-9"


async def test_the_inspector_may_leave_the_serial_number_empty(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    body = {"serial_number": "", "genuine": True, "components": []}
    await harness.http.post(f"/v1/claims/{claim['id']}/inspection", json=body, headers={"Authorization": "Bearer wh"})
    inspect = harness.claim_commands.received[-1]
    assert isinstance(inspect, Inspect)
    assert (inspect.serial_number, inspect.actor) == ("", "warehouse")


async def test_an_event_without_a_time_is_dated_by_the_claims_clock(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    harness.claim_commands.lead = timedelta(days=3, microseconds=7)
    response = await harness.http.post(f"/v1/claims/{claim['id']}/arrival")
    assert response.status_code == 202
    assert response.json()["id"] == claim["id"]
    arrival = harness.claim_commands.received[-1]
    assert isinstance(arrival, ParcelArrived)
    assert arrival.arrived_at == NOW + timedelta(days=3)


async def test_a_scan_is_forwarded_with_its_exact_second(harness: ApiHarness) -> None:
    harness.later(days=-1)
    claim = await harness.shipped()
    harness.later(days=1)
    body = {"carrier": "UPS", "tracking_number": "1Z", "scanned_at": "2026-11-23T01:59:59.9-08:00"}
    await harness.http.post(f"/v1/claims/{claim['id']}/return-scan", json=body, headers={"Idempotency-Key": "scan-1"})
    scan = harness.claim_commands.received[-1]
    assert isinstance(scan, ParcelScanned)
    assert scan.scanned_at == NOW - timedelta(seconds=1)
    assert scan.event_id.startswith("evt_")


async def test_a_back_dated_arrival_needs_a_reason(harness: ApiHarness) -> None:
    harness.later(days=-1)
    claim = await harness.shipped()
    harness.later(days=1)
    url, body = f"/v1/claims/{claim['id']}/arrival", {"arrived_at": "2026-11-23T08:59:59Z"}
    invalid = problem(await harness.http.post(url, json=body), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == ["reason"]
    assert (await harness.http.post(url, json=body | {"reason": "found in the yard"})).status_code == 202
    assert (await harness.http.post(url, json={"arrived_at": "2026-11-23T09:00:00Z"})).status_code == 202


TIMED: list[tuple[str, str, dict[str, str]]] = [
    ("arrival", "arrived_at", {"reason": "late"}),
    ("return-scan", "scanned_at", {"carrier": "UPS", "tracking_number": "1Z"}),
]


@pytest.mark.parametrize(("path", "field", "rest"), TIMED)
async def test_an_event_before_the_claim_is_rejected(
    harness: ApiHarness, path: str, field: str, rest: dict[str, str]
) -> None:
    claim = await harness.shipped()
    harness.later(days=2)
    url = f"/v1/claims/{claim['id']}/{path}"
    response = await harness.http.post(url, json={field: "2026-11-23T09:59:59Z"} | rest)
    invalid = problem(response, 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [field]
    assert "opened at 2026-11-23T10:00:00Z" in invalid["detail"]
    assert (await harness.http.post(url, json={field: "2026-11-23T10:00:00Z"} | rest)).status_code == 202


@pytest.mark.parametrize(("path", "field", "rest"), TIMED)
async def test_an_event_in_the_future_is_rejected(
    harness: ApiHarness, path: str, field: str, rest: dict[str, str]
) -> None:
    claim = await harness.shipped()
    url = f"/v1/claims/{claim['id']}/{path}"
    response = await harness.http.post(url, json={field: "2026-11-23T10:05:01Z"} | rest)
    assert [error["field"] for error in problem(response, 422, "invalid_request")["errors"]] == [field]
    assert (await harness.http.post(url, json={field: "2026-11-23T10:05:00Z"} | rest)).status_code == 202


async def test_fast_forward_moves_the_clock_by_days_and_hours(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    url = f"/v1/dev/claims/{claim['id']}/fast-forward"
    assert (await harness.http.post(url, json={"days": 2})).json()["id"] == claim["id"]
    assert (await harness.http.post(url, json={"hours": 1.5})).status_code == 200
    assert harness.claim_commands.received[-2:] == [timedelta(days=2), timedelta(hours=1.5)]


async def test_until_due_goes_to_just_after_the_deadline(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    url = f"/v1/dev/claims/{claim['id']}/fast-forward"
    assert (await harness.http.post(url, json={"until": "due"})).status_code == 200
    due = harness.now() + harness.claim_commands.lead
    assert f"{due:%Y-%m-%dT%H:%M:%SZ}" > claim["return"]["due_at"]
    response = await harness.http.post(url, json={"until": "due"})
    assert problem(response, 409, "action_not_allowed")["allowed_actions"] == claim["allowed_actions"]


@pytest.mark.parametrize(
    "body",
    [{}, {"days": 1, "hours": 1}, {"days": 0}, {"days": -1}, {"days": 1e9}, {"until": "later"}, {"days": True}],
)
async def test_fast_forward_needs_exactly_one_positive_duration(harness: ApiHarness, body: dict[str, Any]) -> None:
    claim = await harness.shipped()
    problem(await harness.http.post(f"/v1/dev/claims/{claim['id']}/fast-forward", json=body), 422, "invalid_request")


async def test_a_server_without_movable_clocks_names_the_remedy(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    url, key = f"/v1/dev/claims/{claim['id']}/fast-forward", {"Idempotency-Key": "again"}
    harness.claim_commands.clocks_fixed = True
    response = await harness.http.post(url, json={"days": 1}, headers=key)
    assert "frontend.WorkflowTimeSkippingEnabled=true" in problem(response, 409, "conflict")["detail"]
    harness.claim_commands.clocks_fixed = False
    assert (await harness.http.post(url, json={"days": 1}, headers=key)).status_code == 200


async def test_a_fast_forward_that_timed_out_advises_to_read_the_claim(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    harness.claim_commands.away = True
    response = await harness.http.post(f"/v1/dev/claims/{claim['id']}/fast-forward", json={"days": 1})
    unavailable = problem(response, 503, "unavailable")
    assert "Read the claim before you ask again" in unavailable["detail"]
    assert "same Idempotency-Key" not in unavailable["detail"]


def test_a_claim_has_an_update_for_every_decision_and_a_signal_for_every_event() -> None:
    """Every process registers its handlers by these two tables."""
    assert set(claims.DECISIONS) == set(Action) - {Action.RETURN_SCAN, Action.ARRIVAL}
    assert {Action.RETURN_SCAN.value, Action.ARRIVAL.value, MAIL_FAILED} <= set(claims.SIGNALS)
    assert {SIGNAL_OF[event] for event in claims.SIGNALS.values()} == set(claims.SIGNALS)


async def test_in_production_a_claims_clock_is_the_wall_clock() -> None:
    claim_commands = TemporalClaimCommands(no_temporal, "aftercare")
    assert abs(await claim_commands.claim_time("clm_any") - wall_clock()) < timedelta(seconds=5)
