"""The correction of a claim's delivery address over HTTP."""

from typing import Any

import pytest

from messages.claims import CorrectAddress
from tests.api.conftest import SHIP_TO, ApiHarness, problem

NEW = SHIP_TO | {"line1": "13 Harbour Road"}


async def test_a_slip_of_the_delivery_address_is_corrected_until_dispatch(harness: ApiHarness) -> None:
    """R-CLM-12."""
    claim = await harness.claimed()
    url = f"/v1/claims/{claim['id']}/ship-to"
    answer = await harness.http.patch(url, json=NEW)
    assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_dispatch"), answer.text
    decision = harness.claim_commands.received[-1]
    assert isinstance(decision, CorrectAddress)
    assert (decision.actor, decision.ship_to.line1) == ("admin", "13 Harbour Road")
    body = {"replacement_serial_number": "1581F45T7228D00B"}
    await harness.http.post(f"/v1/claims/{claim['id']}/dispatch", json=body)
    refused = problem(await harness.http.patch(url, json=NEW), 409, "action_not_allowed")
    assert "ship_to" not in refused["allowed_actions"]


async def test_an_address_outside_the_region_of_the_cover_is_refused(harness: ApiHarness) -> None:
    """R-CLM-11."""
    claim = await harness.claimed()
    body = NEW | {"country": "DE", "postal_code": "10115"}
    refused = problem(await harness.http.patch(f"/v1/claims/{claim['id']}/ship-to", json=body), 422, "refused")
    assert ([reason["code"] for reason in refused["reasons"]], refused["rule"]) == (
        ["delivery_outside_region"],
        "R-CLM-11",
    )
    assert not any(isinstance(each, CorrectAddress) for each in harness.claim_commands.received)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"postal_code": "ABCDE"}, "postal_code"), ({"country": "ZZ"}, "country"), ({"city": None}, "city")],
)
async def test_a_wrong_address_is_refused_at_its_field(
    harness: ApiHarness, changes: dict[str, Any], field: str
) -> None:
    claim = await harness.claimed()
    response = await harness.http.patch(f"/v1/claims/{claim['id']}/ship-to", json=NEW | changes)
    assert field in [error["field"] for error in problem(response, 422, "invalid_request")["errors"]]


async def test_an_unknown_claim_has_no_address(harness: ApiHarness) -> None:
    response = await harness.http.patch("/v1/claims/clm_aaaaaaaaaaaaaaaa/ship-to", json=NEW)
    problem(response, 404, "not_found")
