"""The audit trail over HTTP: every command, event and read of personal data has its actor's name."""

from typing import Any

import pytest
from sqlalchemy import text

from api.openapi_operations import OPERATION_IDS
from messages.claims import Dispatch
from store.database import execute
from store.tables.warehouse import DispatchRequestRow
from tests.api.conftest import NOW, REPLACEMENT, SERIAL, SHIP_TO, ApiHarness, express, problem

GOOD = {"serial_number": SERIAL, "genuine": True, "components": ["aircraft", "gimbal_camera", "propellers", "battery"]}


async def person(harness: ApiHarness, owner: str, role: str) -> dict[str, str]:
    """The headers of a new key."""
    made = await harness.http.post("/v1/keys", json={"owner": owner, "role": role})
    return {"Authorization": f"Bearer {made.json()['token']}"}


async def trail(harness: ApiHarness, **filters: str | int) -> list[dict[str, Any]]:
    """The entries that the filters choose, oldest first."""
    response = await harness.http.get("/v1/audit", params={"limit": 200, **filters})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found[::-1]


def acts(entries: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(each["actor"], each["action"], each["status"]) for each in entries]


async def test_the_audit_of_a_claim_has_a_name_at_each_step(harness: ApiHarness) -> None:
    await harness.covered()
    shop, depot = await person(harness, "Web shop", "customer_service"), await person(harness, "Bo Lind", "warehouse")
    ada = await person(harness, "Ada Marsh", "staff")
    made = await harness.http.post("/v1/claims", json=express(), headers=shop)
    claim_id, path = made.json()["id"], f"/v1/claims/{made.json()['id']}"
    shipped = {"replacement_serial_number": REPLACEMENT, "carrier": "UPS"}
    for headers, step, body in (
        (shop, "waiver", {"reason": "Please."}),
        (depot, "dispatch", shipped),
        (depot, "arrival", {}),
        (depot, "inspection", GOOD),
        (ada, "waiver", {"reason": "Lost by us."}),
    ):
        harness.later(minutes=1)
        await harness.http.post(f"{path}/{step}", json=body, headers=headers)
    await harness.http.get(path, headers=ada)
    entries = await trail(harness, claim_id=claim_id)
    assert acts(entries)[:5] == [
        ("Web shop", "submit_claim", 202),
        ("Web shop", "waive_charge", 403),
        ("Bo Lind", "report_dispatch", 200),
        ("Bo Lind", "report_arrival", 202),
        ("Bo Lind", "report_inspection", entries[4]["status"]),
    ]
    assert (entries[5]["actor"], entries[5]["action"], entries[5]["role"]) == ("Ada Marsh", "waive_charge", "staff")
    assert [each["claim_id"] for each in entries] == [claim_id] * len(entries)
    assert entries[0]["serial_number"] == SERIAL
    assert entries[2]["actor_id"].startswith("key_")
    told = next(each for each in harness.claim_commands.received if isinstance(each, Dispatch))
    assert told.actor == f"Bo Lind ({entries[2]['actor_id']})"


async def test_no_entry_has_personal_data(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    for path in (f"/v1/claims/{claim['id']}", f"/v1/devices/{SERIAL}", "/v1/devices?owner_email=ada@example.com"):
        await harness.http.get(path)
    await harness.http.patch(f"/v1/devices/{SERIAL}/owner", json={"name": "Ada Lovelace"})
    async with harness.database.snapshot() as session:
        stored = str((await execute(session, text("SELECT * FROM audit_entries"))).all())
    assert stored.count(SERIAL) > 2
    for secret in ("ada@example.com", "Lovelace", SHIP_TO["line1"], "pm_card_visa", "collision"):
        assert secret not in stored


async def test_reads_of_personal_data_are_entries_and_other_reads_are_none(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    before = len(await trail(harness))
    for path in ("/v1/products", "/v1/claims", f"/v1/claims/{claim['id']}/events", f"/v1/devices/{SERIAL}/plans"):
        assert (await harness.http.get(path)).status_code == 200
    assert len(await trail(harness)) == before
    path = f"/v1/devices/{SERIAL}"
    assert (await harness.http.get(path, headers={"Authorization": "Bearer fi"})).status_code == 200
    problem(await harness.http.get(path, headers={"Authorization": "Bearer wh"}), 403, "forbidden")
    assert len(await trail(harness)) == before
    async with harness.database.transaction() as session:
        to_ship = {"claim_id": claim["id"], "reference": "W1", "model": "mavic-3", "region": "US", "ship_to": SHIP_TO}
        session.add(DispatchRequestRow(**to_ship, with_battery=True, requested_at=NOW))
    for read in (path, f"/v1/claims/{claim['id']}", "/v1/devices?q=ada", "/v1/dispatch-requests"):
        assert (await harness.http.get(read)).status_code == 200
    entries = [(each["action"], each["claim_id"], each["serial_number"]) for each in (await trail(harness))[before:]]
    assert entries == [
        ("get_device", None, SERIAL),
        ("get_claim", claim["id"], None),
        ("list_devices", None, SERIAL),
        ("list_dispatch_requests", claim["id"], None),
    ]
    assert (await harness.http.get(f"/v1/claims/{claim['id']}/evidence")).status_code == 200
    assert (await trail(harness))[-1]["action"] == "get_claim_evidence"


async def test_the_same_read_within_ten_minutes_is_one_entry_for_each_caller(harness: ApiHarness) -> None:
    await harness.covered()

    async def read(key: str) -> int:
        await harness.http.get(f"/v1/devices/{SERIAL}", headers={"Authorization": f"Bearer {key}"})
        return len(await trail(harness, action="get_device"))

    assert [await read(key) for key in ("cs", "cs", "st")] == [1, 1, 2]
    harness.later(minutes=10)
    assert [await read(key) for key in ("cs", "cs")] == [3, 3]


async def test_a_repeated_command_leaves_an_entry_each_time(harness: ApiHarness) -> None:
    await harness.covered()
    headers = {"Idempotency-Key": "once", "X-Request-Id": "req-1"}
    for _ in range(2):
        made = await harness.http.post("/v1/claims", json=express(), headers=headers)
    entries = await trail(harness, action="submit_claim")
    assert [(each["status"], each["request_id"]) for each in entries] == [(202, "req-1")] * 2
    assert made.headers["idempotency-replayed"] == "true"


async def test_nobody_gets_an_answer_without_an_entry(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    async with harness.database.transaction() as session:
        await execute(session, text("ALTER TABLE audit_entries RENAME TO hidden"))
    problem(await harness.http.get(f"/v1/devices/{SERIAL}"), 503, "unavailable")
    assert (await harness.http.get("/v1/claims")).status_code == 200
    headers = {"Idempotency-Key": "again"}
    cancel = f"/v1/claims/{claim['id']}/cancel"
    problem(await harness.http.post(cancel, headers=headers), 503, "unavailable")
    async with harness.database.transaction() as session:
        await execute(session, text("ALTER TABLE hidden RENAME TO audit_entries"))
    repeated = await harness.http.post(cancel, headers=headers)
    assert (repeated.status_code, repeated.headers["idempotency-replayed"]) == (200, "true")
    assert acts(await trail(harness, claim_id=claim["id"]))[-1] == ("admin", "cancel_claim", 200)


async def test_who_is_unknown_leaves_no_entry(harness: ApiHarness) -> None:
    for path in ("/v1/claims", "/v1/webhooks/carriers/demo", "/v1/nothing"):
        response = await harness.http.post(path, json={}, headers={"Authorization": ""})
        assert response.status_code >= 400
    assert await trail(harness) == []


async def test_a_path_that_no_id_can_be_is_an_entry_without_it(harness: ApiHarness) -> None:
    for path in ("/v1/devices/%00%00/activation", "/v1/devices/caf%C3%A9/activation", f"/v1/claims/{'x' * 300}/cancel"):
        problem(await harness.http.post(path), 404, "not_found")
    assert [(each["claim_id"], each["serial_number"]) for each in await trail(harness)] == [(None, None)] * 3


async def test_a_command_that_failed_by_a_bug_of_ours_is_an_entry(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    harness.claim_commands.decide = None  # type: ignore[assignment,method-assign]
    response = await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    problem(response, 500, "internal_error")
    assert acts(await trail(harness, action="cancel_claim")) == [("admin", "cancel_claim", 500)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("claim_id=x", "claim_id"),
        ("since=now", "since"),
        ("cursor=x", "cursor"),
        ("action=Waive", "action"),
        ("x=1", "x"),
    ],
)
async def test_a_wrong_filter_is_named(harness: ApiHarness, query: str, field: str) -> None:
    response = await harness.http.get(f"/v1/audit?{query}")
    assert field in problem(response, 422, "invalid_request")["detail"]


async def test_entries_name_operations_of_the_document(harness: ApiHarness) -> None:
    await harness.shipped()
    assert {each["action"] for each in await trail(harness)} <= set(OPERATION_IDS.values())


async def test_a_quote_changes_nothing_and_leaves_no_entry(harness: ApiHarness) -> None:
    await harness.covered()
    body = {"service": "care_express", "tier": "premium", "serial_number": SERIAL}
    assert (await harness.http.post("/v1/quotes", json=body)).status_code == 200
    assert await trail(harness) == []
