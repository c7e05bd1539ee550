"""The evidence pack over HTTP: who may read it, the consent with its text, and missing data."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import update

from domain.claim import Inspection
from domain.kinds import Component
from store.tables.claims import ConsentRow
from store.terms import terms_text
from tests.api.conftest import NOW, REPLACEMENT, SERIAL, ApiHarness, broken, config, problem

USD = "USD"


async def pack(harness: ApiHarness, claim: dict[str, Any]) -> dict[str, Any]:
    response = await harness.http.get(f"/v1/claims/{claim['id']}/evidence", headers={"Authorization": "Bearer fi"})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_the_consent_has_the_text_and_the_amounts(harness: ApiHarness) -> None:
    """R-EXP-4, edge case 59."""
    claim = await harness.shipped()
    consent = (await pack(harness, claim))["consent"]
    text = consent.pop("terms_text")
    assert text == terms_text("2026-01")
    assert consent == {
        "terms_version": "2026-01",
        "note": None,
        "accepted_at": "2026-11-23T10:00:00Z",
        "accepted_by": "system",
        "quote_id": None,
        "fee": {"amount": 15900, "currency": USD},
        "hold": {"amount": 164000, "currency": USD},
        "default_charge": {"amount": 164000, "currency": USD},
        "return_window_days": 14,
    }


async def test_the_due_date_is_in_the_customers_zone(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    found = await pack(harness, claim)
    assert found["time_zone"] == "America/Los_Angeles"
    (due,) = [date for date in found["dates"] if date["what"] == "due"]
    assert due["at"] == claim["return"]["due_at"]
    assert due["text"].endswith("23:59:59 America/Los_Angeles")
    assert [date["at"] for date in found["dates"]] == sorted(date["at"] for date in found["dates"])
    assert (found["serial_number"], found["replacement_serial_number"]) == (SERIAL, REPLACEMENT)


async def test_the_inspection_stands_beside_what_was_expected(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    stored = await harness.app.state.services.queries.claim(claim["id"])
    parts = (Component.AIRCRAFT, Component.PROPELLERS, Component.BATTERY)
    seen = Inspection(NOW, "OTHER-1", False, parts, "Stones in a box.", ("label.jpg", "box.jpg"))
    returning = replace(stored.returning, expected=(*parts, Component.GIMBAL_CAMERA))
    judged = replace(stored, inspection=seen, returning=returning)
    await harness.claim_commands.save(judged, "inspected", "Inspected.", "warehouse")
    found = await pack(harness, claim)
    assert found["inspection"] == {
        "at": "2026-11-23T10:00:00Z",
        "serial_number_expected": SERIAL,
        "serial_number_found": "OTHER-1",
        "genuine": False,
        "components_expected": ["aircraft", "propellers", "battery", "gimbal_camera"],
        "components_present": ["aircraft", "propellers", "battery"],
        "components_missing": ["gimbal_camera"],
        "components_not_genuine": [],
        "notes": "Stones in a box.",
        "photos": ["label.jpg", "box.jpg"],
    }
    assert "inspected" in [date["what"] for date in found["dates"]]


async def test_a_terms_version_without_a_stored_text_is_reported(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    async with harness.database.transaction() as session:
        await session.exec(update(ConsentRow).values(terms_version="1999-01"))
    consent = (await pack(harness, claim))["consent"]
    assert (consent["terms_version"], consent["terms_text"]) == ("1999-01", None)
    assert consent["note"] == "The text of this version is not kept in this release."


async def test_a_repair_needs_no_consent(harness: ApiHarness) -> None:
    await harness.covered()
    claim = (await harness.http.post("/v1/claims", json=broken())).json()
    found = await pack(harness, claim)
    assert found["consent"] is None
    assert found["inspection"] is None
    assert (found["notices"], found["scans"], found["arrivals"]) == ([], [], [])
    assert [date["what"] for date in found["dates"]] == ["opened"]


async def test_finance_and_staff_alone_read_it(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    for key, status in (("fi", 200), ("st", 200), ("dev", 200), ("cs", 403), ("wh", 403)):
        headers = {"Authorization": f"Bearer {key}"}
        response = await harness.http.get(f"/v1/claims/{claim['id']}/evidence", headers=headers)
        assert response.status_code == status, key


@pytest.mark.parametrize("claim_id", ["clm_mfrggzdfmztwq2lk", "pln_mfrggzdfmztwq2lk", "x"])
async def test_an_unknown_claim_has_none(harness: ApiHarness, claim_id: str) -> None:
    problem(await harness.http.get(f"/v1/claims/{claim_id}/evidence"), 404, "not_found")


def test_the_terms_in_force_have_a_text_with_everything_the_settlement_page_promises() -> None:
    """R-EXP-4: a new version needs its text."""
    text = terms_text(config("sqlite:///nowhere.db").terms_version)
    assert text is not None
    plain = " ".join(text.replace("**", "").split())
    for promise in (
        "Fee and hold appear separately",
        "It starts on the day the replacement leaves our warehouse",
        "The amount is the default charge shown on the settlement page",
        "You allow us to keep your card",
        "your card may show both",
    ):
        assert promise in plain, promise


def test_a_versions_name_is_no_path() -> None:
    assert terms_text("../terms/2026-01") is None
    assert terms_text("") is None
