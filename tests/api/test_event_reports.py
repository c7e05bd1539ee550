"""Events are facts: each is taken in every state, stored before its claim is told, and told until the claim has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.claim_commands import EventNotTaken
from domain.reported_events import HOURLY_LIMITS, EventKind
from messages.claims import ParcelArrived, ParcelScanned
from tests.api.conftest import ApiHarness, problem

SCANS = HOURLY_LIMITS[EventKind.RETURN_SCAN]


def told(harness: ApiHarness) -> list[ParcelScanned | ParcelArrived]:
    return [event for event in harness.claim_commands.received if isinstance(event, ParcelScanned | ParcelArrived)]


async def scan(harness: ApiHarness, claim: dict[str, Any], number: str = "1Z", **body: Any) -> dict[str, Any]:
    url = f"/v1/claims/{claim['id']}/return-scan"
    response = await harness.http.post(url, json={"carrier": "UPS", "tracking_number": number} | body)
    assert response.status_code == 202, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def arrive(harness: ApiHarness, claim: dict[str, Any]) -> dict[str, Any]:
    response = await harness.http.post(f"/v1/claims/{claim['id']}/arrival")
    assert response.status_code == 202, response.text
    shown: dict[str, Any] = response.json()
    return shown


async def seen(harness: ApiHarness, claim: dict[str, Any]) -> list[str]:
    attention: list[str] = (await harness.http.get(f"/v1/claims/{claim['id']}")).json()["attention"]
    return attention


@contextmanager
def deaf(harness: ApiHarness) -> Iterator[None]:
    """Temporal lets no claim have an event."""

    async def refused(claim_id: str, event: object) -> None:
        raise EventNotTaken("exceeded workflow execution limit for signal events")

    real, harness.claim_commands.send_event = harness.claim_commands.send_event, refused  # type: ignore[method-assign]
    yield
    harness.claim_commands.send_event = real  # type: ignore[method-assign]


async def retry(harness: ApiHarness, **later: int) -> None:
    harness.later(**later)
    await harness.app.state.services.reports.retry()


async def test_repeated_scans_of_one_parcel_count_once(harness: ApiHarness) -> None:
    """R-RET-4: only an earlier moment says something new."""
    harness.later(days=-2)
    claim = await harness.shipped()
    harness.later(days=2)
    await scan(harness, claim, "1Z 998", scanned_at="2026-11-23T09:00:00Z")
    await scan(harness, claim, "1z-998", scanned_at="2026-11-23T09:00:00Z")
    await scan(harness, claim, "1Z998")
    assert len(told(harness)) == 1
    await scan(harness, claim, "1Z998", scanned_at="2026-11-22T09:00:00Z")
    await scan(harness, claim, "1Z999")
    assert len(told(harness)) == 3
    assert await seen(harness, claim) == []


async def test_scans_beyond_the_limit_of_an_hour_wait_and_delay_no_arrival(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    for number in range(SCANS + 3):
        await scan(harness, claim, f"1Z{number}")
    assert len(told(harness)) == SCANS
    assert await seen(harness, claim) == ["event_waiting"]
    await arrive(harness, claim)
    assert len(told(harness)) == SCANS + 1
    await retry(harness, minutes=59)
    assert len(told(harness)) == SCANS + 1
    await retry(harness, minutes=2)
    assert len(told(harness)) == SCANS + 4
    assert await seen(harness, claim) == []


async def test_a_claim_that_takes_no_more_signals_is_told_later(harness: ApiHarness) -> None:
    """No 500: the arrival is kept, shown and told as soon as the claim hears again."""
    claim = await harness.shipped()
    with deaf(harness):
        assert (await arrive(harness, claim))["attention"] == ["event_waiting"]
        listed = (await harness.http.get("/v1/claims", params={"attention": "event_waiting"})).json()["items"]
        assert [item["id"] for item in listed] == [claim["id"]]
        assert "aftercare_waiting_events 1.0" in (await harness.http.get("/metrics")).text
        await retry(harness, minutes=2)
        assert await seen(harness, claim) == ["event_waiting"]
    await retry(harness, hours=1)
    assert [type(event) for event in told(harness)] == [ParcelArrived]
    assert await seen(harness, claim) == []
    await retry(harness, hours=2)
    assert len(told(harness)) == 1


async def test_the_flag_stays_while_the_claim_is_saved(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    with deaf(harness):
        await arrive(harness, claim)
    stored = await harness.app.state.services.queries.claim(claim["id"])
    await harness.claim_commands.save(replace(stored, attention=()), "note", "Saved.")
    assert stored.attention == ("event_waiting",)
    assert await seen(harness, claim) == ["event_waiting"]


async def test_an_event_of_a_terminated_claim_waits_for_its_reset(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    harness.claim_commands.ended.add(claim["id"])
    assert (await arrive(harness, claim))["attention"] == ["event_waiting"]
    harness.claim_commands.ended.clear()
    await retry(harness, minutes=2)
    assert len(told(harness)) == 1
    assert await seen(harness, claim) == []


@pytest.mark.parametrize("path", ["return-scan", "arrival"])
async def test_an_event_after_the_end_of_a_claim_is_taken(harness: ApiHarness, path: str) -> None:
    """A parcel that is here becomes somebody's task."""
    claim = await harness.claimed()
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    shown = await (scan(harness, claim) if path == "return-scan" else arrive(harness, claim))
    assert shown["attention"] == (["unclaimed_arrival"] if path == "arrival" else [])
    timeline = (await harness.http.get(f"/v1/claims/{claim['id']}/events")).json()["items"]
    assert timeline[-1]["kind"] == {"return-scan": "return_scanned", "arrival": "parcel_arrived"}[path]
    assert "after the end of the case" in timeline[-1]["title"]


async def test_an_event_of_an_unknown_claim_is_kept_nowhere(harness: ApiHarness) -> None:
    problem(await harness.http.post("/v1/claims/clm_aaaaaaaaaaaaaaaa/arrival"), 404, "not_found")
    assert await harness.app.state.services.reports._events.due(harness.now() + timedelta(days=1)) == []
