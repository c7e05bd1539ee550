"""People read days in the zone of the device's region, with the zone, wherever the API tells them of a moment."""

from dataclasses import replace
from datetime import UTC, datetime

from api.claim_commands import CommandRejected
from domain.dates import utc_text
from domain.kinds import ReasonCode
from domain.reasons import Reason
from tests.api.conftest import ApiHarness, problem

INSTANT = datetime(2026, 12, 13, 7, 59, 59, tzinfo=UTC)
IN_UTC, LOCAL = utc_text(INSTANT), "2026-12-12 23:59:59 America/Los_Angeles"


async def told(harness: ApiHarness) -> str:
    """A claim with a moment in each of its texts, as a workflow writes them. Returns its path."""
    made = await harness.claimed()
    claim = await harness.app.state.services.queries.claim(made["id"])
    reason = Reason(ReasonCode.NOT_RECEIVED, "R-RET-6", f"Nothing came by {IN_UTC}.")
    await harness.claim_commands.save(
        replace(claim, wait_reason=f"for the original until {IN_UTC}", reasons=(reason,)),
        "reminder",
        f"Reminder: the return is due {IN_UTC}.",
    )
    path: str = made["links"]["self"]
    return path


async def test_a_claim_says_until_when_it_waits_in_local_time(harness: ApiHarness) -> None:
    path = await told(harness)
    for claim in ((await harness.http.get(path)).json(), (await harness.http.get("/v1/claims")).json()["items"][0]):
        assert claim["time_zone"] == "America/Los_Angeles"
        assert claim["wait_reason"] == f"for the original until {LOCAL}"
        assert claim["reasons"][0]["message"] == f"Nothing came by {LOCAL}."


async def test_the_timeline_and_its_stream_are_in_local_time(harness: ApiHarness) -> None:
    path = await told(harness)
    event = (await harness.http.get(f"{path}/events")).json()["items"][-1]
    assert event["title"] == f"Reminder: the return is due {LOCAL}."
    assert (event["at"], event["local_time"]) == ("2026-11-23T10:00:00Z", "2026-11-23 02:00:00 America/Los_Angeles")
    await harness.http.post(f"{path}/cancel")
    stream = (await harness.http.get(f"{path}/events", headers={"Accept": "text/event-stream"})).text
    assert LOCAL in stream
    assert IN_UTC not in stream


async def test_the_evidence_is_in_local_time(harness: ApiHarness) -> None:
    path = await told(harness)
    evidence = (await harness.http.get(f"{path}/evidence")).json()
    line = evidence["timeline"][-1]
    assert (line["title"], line["text"][:10]) == (f"Reminder: the return is due {LOCAL}.", "2026-11-23")
    assert IN_UTC not in str(evidence)


async def test_a_refusal_of_the_claim_is_in_local_time(harness: ApiHarness) -> None:
    path = await told(harness)

    async def refuse(*_: object) -> None:
        raise CommandRejected("action_not_allowed", f"The hold ends {IN_UTC}.", "R-RET-5", ())

    harness.claim_commands.decide = refuse  # type: ignore[method-assign, assignment]
    refused = problem(await harness.http.post(f"{path}/cancel"), 409, "action_not_allowed")
    assert refused["detail"] == f"The hold ends {LOCAL}."


async def test_a_device_says_when_it_was_activated_in_local_time(harness: ApiHarness) -> None:
    serial = await harness.covered()
    body = {"activated_at": "2026-11-01T00:00:00Z"}
    conflict = problem(await harness.http.post(f"/v1/devices/{serial}/activation", json=body), 409, "conflict")
    assert "2026-10-24 03:00:00 America/Los_Angeles" in conflict["detail"]


async def test_a_claim_of_an_earlier_release_has_the_zone_of_its_window(harness: ApiHarness) -> None:
    shipped = await harness.shipped()
    claim = await harness.app.state.services.queries.claim(shipped["id"])
    old = replace(claim, time_zone="")
    assert old.local_zone == "America/Los_Angeles"
    assert replace(old, returning=None).local_zone == "UTC"
