"""The evidence pack over HTTP: who may read it, what was agreed to with its text, and what is not there."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import update

from domain.claim import Inspection
from domain.kinds import Component
from store.tables import ConsentRow
from store.terms import terms_text
from tests.api.conftest import NOW, REPLACEMENT, SERIAL, Office, broken, config, problem

USD = "USD"


async def pack(office: Office, claim: dict[str, Any]) -> dict[str, Any]:
    answer = await office.http.get(f"/v1/claims/{claim['id']}/evidence", headers={"Authorization": "Bearer fi"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_it_says_what_was_agreed_to_with_the_text_and_the_amounts(office: Office) -> None:
    """R-EXP-4, edge case 59."""
    claim = await office.shipped()
    consent = (await pack(office, claim))["consent"]
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


async def test_the_due_date_is_in_the_customers_zone(office: Office) -> None:
    claim = await office.shipped()
    found = await pack(office, claim)
    assert found["time_zone"] == "America/Los_Angeles"
    (due,) = [date for date in found["dates"] if date["what"] == "due"]
    assert due["at"] == claim["return"]["due_at"]
    assert due["text"].endswith("23:59:59 America/Los_Angeles")
    assert [date["at"] for date in found["dates"]] == sorted(date["at"] for date in found["dates"])
    assert (found["serial_number"], found["replacement_serial_number"]) == (SERIAL, REPLACEMENT)


async def test_the_inspection_stands_beside_what_was_expected(office: Office) -> None:
    claim = await office.shipped()
    stored = await office.app.state.services.views.claim(claim["id"])
    parts = (Component.AIRCRAFT, Component.PROPELLERS, Component.BATTERY)
    seen = Inspection(NOW, "OTHER-1", False, parts, "Stones in a box.", ("label.jpg", "box.jpg"))
    returning = replace(stored.returning, expected=(*parts, Component.GIMBAL_CAMERA))
    judged = replace(stored, inspection=seen, returning=returning)
    await office.door.save(judged, "inspected", "Inspected.", "warehouse")
    found = await pack(office, claim)
    assert found["inspection"] == {
        "at": "2026-11-23T10:00:00Z",
        "serial_number_expected": SERIAL,
        "serial_number_found": "OTHER-1",
        "genuine": False,
        "components_expected": ["aircraft", "propellers", "battery", "gimbal_camera"],
        "components_present": ["aircraft", "propellers", "battery"],
        "components_missing": ["gimbal_camera"],
        "notes": "Stones in a box.",
        "photos": ["label.jpg", "box.jpg"],
    }
    assert "inspected" in [date["what"] for date in found["dates"]]


async def test_a_version_whose_text_is_not_kept_is_said_to_be_so(office: Office) -> None:
    claim = await office.claimed()
    async with office.database.writing() as session:
        await session.exec(update(ConsentRow).values(terms_version="1999-01"))
    consent = (await pack(office, claim))["consent"]
    assert (consent["terms_version"], consent["terms_text"]) == ("1999-01", None)
    assert consent["note"] == "The text of this version is not kept in this release."


async def test_a_repair_asks_for_no_consent(office: Office) -> None:
    await office.covered()
    claim = (await office.http.post("/v1/claims", json=broken())).json()
    found = await pack(office, claim)
    assert found["consent"] is None
    assert found["inspection"] is None
    assert (found["notices"], found["scans"], found["arrivals"]) == ([], [], [])
    assert [date["what"] for date in found["dates"]] == ["opened"]


async def test_finance_and_staff_alone_read_it(office: Office) -> None:
    claim = await office.claimed()
    for key, status in (("fi", 200), ("st", 200), ("dev", 200), ("cs", 403), ("wh", 403)):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await office.http.get(f"/v1/claims/{claim['id']}/evidence", headers=headers)
        assert answer.status_code == status, key


@pytest.mark.parametrize("claim_id", ["clm_mfrggzdfmztwq2lk", "pln_mfrggzdfmztwq2lk", "x"])
async def test_an_unknown_claim_has_none(office: Office, claim_id: str) -> None:
    problem(await office.http.get(f"/v1/claims/{claim_id}/evidence"), 404, "not_found")


def test_the_terms_in_force_have_a_text_with_everything_the_settlement_page_promises() -> None:
    """R-EXP-4: nobody raises the version without its text."""
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
