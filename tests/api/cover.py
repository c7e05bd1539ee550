"""Requests for cover that several tests share."""

from typing import Any

from tests.api.conftest import SERIAL, ApiHarness

DEVICE = f"/v1/devices/{SERIAL}"
CARD = {"payment_method": "pm_card_visa"}
PLAN = {"term": "1y", **CARD}
KEY = {"Idempotency-Key": "cover 1"}
NOBODY = "/v1/devices/NOBODY"


async def bought(harness: ApiHarness) -> dict[str, Any]:
    """The plan of a device that was activated yesterday."""
    await harness.covered(plan=False, days=1)
    response = await harness.http.post(f"{DEVICE}/plans", json=PLAN)
    assert response.status_code == 201, response.text
    plan: dict[str, Any] = response.json()
    return plan


async def planted(harness: ApiHarness, starts_on: str, term: str = "1y") -> dict[str, Any]:
    body = {"term": term, "starts_on": starts_on}
    response = await harness.http.post(f"/v1/dev/devices/{SERIAL}/terms", json=body)
    assert response.status_code == 201, response.text
    device: dict[str, Any] = response.json()
    return device


def codes(refused: dict[str, Any]) -> list[str]:
    return [reason["code"] for reason in refused["reasons"]]
