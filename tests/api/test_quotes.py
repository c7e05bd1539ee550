"""Quotes over HTTP: what a claim would cost, for how long, and whether it would be accepted."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer

from domain.kinds import ClaimState
from domain.money import Money
from tests.api.conftest import OWNER, SERIAL, ApiHarness, express, lost, problem


async def quote(harness: ApiHarness, **changes: Any) -> dict[str, Any]:
    body = {"service": "care_express", "tier": "premium", "serial_number": SERIAL, "replace_battery": True} | changes
    response = await harness.http.post("/v1/quotes", json=body)
    assert response.status_code == 200, response.text
    quoted: dict[str, Any] = response.json()
    return quoted


async def test_a_quote_shows_the_settlement_page(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    assert quoted["default_charge"] == quoted["hold"]
    assert quoted["latest_arrival_example"] > "2026-11-30"
    assert quoted["expires_at"] == "2026-11-23T10:30:00Z"
    assert quoted["terms_version"]
    standard = await quote(harness, tier="standard")
    assert (standard["hold"], standard["return_window_days"], standard["default_charge"]) == (None, None, None)


async def test_a_quote_is_good_for_thirty_minutes(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    harness.later(minutes=29)
    command = express(quote_id=quoted["id"])
    assert (await harness.http.post("/v1/claims", json=command)).status_code == 202
    assert harness.claim_commands.received[-1].quote.valid is True  # type: ignore[attr-defined]
    assert harness.claim_commands.received[-1].quote.fee.amount == quoted["fee"]["amount"]  # type: ignore[attr-defined]


async def expired(harness: ApiHarness, **changes: Any) -> None:
    response = await harness.http.post("/v1/claims", json=express(**changes))
    refused = problem(response, 422, "claim_refused")
    assert [reason["code"] for reason in refused["reasons"]] == ["quote_expired"]


async def test_an_expired_quote_is_not_honoured(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    harness.later(minutes=30)
    await expired(harness, quote_id=quoted["id"])


async def test_a_quote_is_for_one_device_tier_and_battery(harness: ApiHarness) -> None:
    await harness.covered()
    await harness.covered("OTHERS")
    quoted = await quote(harness)
    for changes in ({"tier": "standard"}, {"replace_battery": False}, {"serial_number": "OTHERS"}):
        await expired(harness, quote_id=quoted["id"], **changes)


async def test_a_forged_quote_is_not_honoured(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    payload, _, signature = quoted["id"].rpartition(".")
    forged = URLSafeSerializer("another secret", salt="aftercare.quote.1").dumps({"fee": 1})
    for made_up in (f"{payload}A.{signature}", payload, "x", forged, "é", "\x00"):
        await expired(harness, quote_id=made_up)


@pytest.mark.parametrize("forged", [True, False])
async def test_a_retry_under_the_same_key_honours_no_bad_quote_either(harness: ApiHarness, forged: bool) -> None:
    """The first refusal was not stored: the process died. The command informs the claim that the quote is bad."""
    await harness.covered()
    command = express(quote_id="made-up" if forged else (await quote(harness))["id"])
    harness.later(minutes=30)
    for _ in range(2):
        response = await harness.http.post("/v1/claims", json=command, headers={"Idempotency-Key": "k"})
        refused = problem(response, 422, "claim_refused")
        assert [reason["code"] for reason in refused["reasons"]] == ["quote_expired"]
        await harness.forget_responses()
    (submission,) = harness.claim_commands.received
    assert submission.quote.valid is False  # type: ignore[attr-defined]


async def test_a_quote_for_a_good_claim_is_eligible(harness: ApiHarness) -> None:
    await harness.covered()
    quoted = await quote(harness)
    assert (quoted["eligible"], quoted["reasons"]) == (True, [])
    assert (await harness.http.post("/v1/claims", json=express())).status_code == 202


async def nothing(harness: ApiHarness) -> None:
    """A covered device, and no more."""
    await harness.covered()


async def without_plan(harness: ApiHarness) -> None:
    await harness.covered(plan=False)


async def unbound(harness: ApiHarness) -> None:
    await harness.covered(bound=False)


async def with_an_open_claim(harness: ApiHarness) -> None:
    await harness.claimed()


async def with_a_debt(harness: ApiHarness) -> None:
    made = await harness.claimed()
    claim = await harness.app.state.services.queries.claim(made["id"])
    owed = replace(claim, state=ClaimState.CLOSED, amount_owed=Money(16400, "USD"))
    await harness.claim_commands.save(owed, "closed", "Closed.")


def crashed(cause: str = "collision", at: str = "2026-11-20T14:30:00Z") -> dict[str, Any]:
    return express(incident={"cause": cause, "occurred_at": at})


@pytest.mark.parametrize(
    ("situation", "body", "codes"),
    [
        (without_plan, express(), {"no_plan"}),
        (with_an_open_claim, express(), {"claim_already_open"}),
        (with_a_debt, express(), {"amount_owed"}),
        (nothing, crashed("theft"), {"device_stolen"}),
        (nothing, crashed("flyaway"), {"service_not_applicable"}),
        (nothing, crashed(at="2025-01-01T00:00:00Z"), {"incident_outside_coverage"}),
        (
            with_a_debt,
            crashed("theft", "2025-01-01T00:00:00Z"),
            {"device_stolen", "incident_outside_coverage", "amount_owed"},
        ),
        (unbound, lost(), {"not_bound"}),
        (
            nothing,
            lost(incident={"occurred_at": "2026-10-01T00:00:00Z"}),
            {"report_too_late", "incident_outside_coverage"},
        ),
        (without_plan, lost(), {"no_plan"}),
    ],
)
async def test_a_quote_has_every_reason_for_which_the_claim_is_refused(
    harness: ApiHarness, situation: Callable[[ApiHarness], Awaitable[None]], body: dict[str, Any], codes: set[str]
) -> None:
    await situation(harness)
    asked = {name: body[name] for name in ("service", "tier", "serial_number", "incident") if name in body}
    quoted = (await harness.http.post("/v1/quotes", json=asked)).json()
    refused = problem(await harness.http.post("/v1/claims", json=body), 422, "claim_refused")
    assert quoted["eligible"] is False
    assert quoted["reasons"] == refused["reasons"]
    assert codes <= {reason["code"] for reason in quoted["reasons"]}
    assert quoted["fee"]["amount"] > 0


async def test_a_flyaway_is_quoted_by_its_fee_alone(harness: ApiHarness) -> None:
    await harness.covered()
    response = await harness.http.post("/v1/quotes", json={"service": "flyaway", "serial_number": SERIAL})
    assert response.json()["hold"] is None
    assert response.json()["fee"]["amount"] > 0


@pytest.mark.parametrize(
    ("model", "region", "body", "code"),
    [
        ("osmo-action-4", "US", {"service": "flyaway"}, "flyaway_not_supported"),
        ("mavic-3", "AU", {"service": "care_express", "tier": "premium"}, "premium_unavailable_in_region"),
    ],
)
async def test_what_is_not_offered_has_no_quote(
    harness: ApiHarness, model: str, region: str, body: dict[str, str], code: str
) -> None:
    catalogue = await harness.app.state.services.queries.catalogue()
    offered = next(r for r in catalogue.regions if r.code == region)
    if code == "premium_unavailable_in_region" and offered.premium:
        region = next(r.code for r in catalogue.regions if not r.premium)
    device = {"owner": OWNER} | {"serial_number": "QUOTE1", "model": model, "region": region}
    assert (await harness.http.post("/v1/devices", json=device)).status_code == 201
    refused = problem(
        await harness.http.post("/v1/quotes", json=body | {"serial_number": "QUOTE1"}), 422, "claim_refused"
    )
    assert {reason["code"] for reason in refused["reasons"]} == {code, "no_plan"}


async def test_a_quote_for_an_unknown_device_is_not_found(harness: ApiHarness) -> None:
    body = {"service": "flyaway", "serial_number": "NOBODY"}
    problem(await harness.http.post("/v1/quotes", json=body), 404, "not_found")
