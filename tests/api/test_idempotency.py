"""Idempotency-Keys: the first response again, another body refused, a lost response found by its ids."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from messages.claims import CancelClaim
from store.database import Database
from store.idempotency_keys import IdempotencyKeyReused, IdempotencyKeys, OpenRequest, StoredResponse
from store.reads.claim_counts import open_claims
from store.tables.http_requests import HttpRequestRow
from tests.api.conftest import NOW, OWNER, SERIAL, ApiHarness, express, problem

KEY = {"Idempotency-Key": "order 66"}


async def test_the_same_key_and_body_get_the_first_response_again(harness: ApiHarness) -> None:
    await harness.covered()
    first = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    again = await harness.http.post("/v1/claims", json=dict(reversed(express().items())), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(harness.claim_commands.received) == 1


async def test_the_same_key_with_another_body_is_refused(harness: ApiHarness) -> None:
    await harness.covered()
    await harness.http.post("/v1/claims", json=express(), headers=KEY)
    other = await harness.http.post("/v1/claims", json=express(tier="standard"), headers=KEY)
    problem(other, 422, "idempotency_key_reused")


async def test_a_refusal_is_stored_under_its_key(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    url = f"/v1/claims/{claim['id']}/cancel"
    first = problem(await harness.http.post(url, headers=KEY), 409, "action_not_allowed")
    commands_before = len(harness.claim_commands.received)
    assert problem(await harness.http.post(url, headers=KEY), 409, "action_not_allowed") == first
    assert len(harness.claim_commands.received) == commands_before


async def test_a_key_belongs_to_one_caller_and_one_path(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    body = {"reason": "mind"}
    assert (await harness.http.post(f"/v1/claims/{claim['id']}/cancel", json=body, headers=KEY)).is_success
    commands_before = len(harness.claim_commands.received)
    for path in ("waiver", "found"):
        response = await harness.http.post(f"/v1/claims/{claim['id']}/{path}", json=body, headers=KEY)
        assert "another path" in problem(response, 422, "idempotency_key_reused")["detail"]
    device = {"serial_number": "OTHER1", "model": "mavic-3", "region": "US", "owner": OWNER}
    problem(await harness.http.post("/v1/devices", json=device, headers=KEY), 422, "idempotency_key_reused")
    assert len(harness.claim_commands.received) == commands_before
    other = KEY | {"Authorization": "Bearer cs"}
    assert (await harness.http.post("/v1/devices", json=device, headers=other)).status_code == 201


async def test_a_key_is_refused_on_another_path_while_its_response_is_missing(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    harness.claim_commands.idle = True
    problem(await harness.http.post(f"/v1/claims/{claim['id']}/cancel", headers=KEY), 503, "unavailable")
    response = await harness.http.post(f"/v1/claims/{claim['id']}/found", headers=KEY)
    problem(response, 422, "idempotency_key_reused")


async def test_a_response_is_kept_for_a_day_and_its_key_for_a_month(harness: ApiHarness) -> None:
    body = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
    assert (await harness.http.post("/v1/devices", json=body, headers=KEY)).status_code == 201
    keys = IdempotencyKeys(harness.database)
    await keys.forget_bodies(NOW)
    assert (await harness.http.post("/v1/devices", json=body, headers=KEY)).headers["idempotency-replayed"]
    await keys.forget_bodies(NOW + timedelta(seconds=1))
    async with harness.database.snapshot() as session:
        (row,) = (await session.exec(select(HttpRequestRow))).all()
    assert "@" not in row.model_dump_json()
    commands_before = len(harness.claim_commands.received)
    response = await harness.http.post("/v1/devices", json=body, headers=KEY)
    assert "answered with 201" in problem(response, 422, "idempotency_key_reused")["detail"]
    assert len(harness.claim_commands.received) == commands_before


async def test_an_invalid_request_leaves_its_key_free(harness: ApiHarness) -> None:
    await harness.covered()
    problem(await harness.http.post("/v1/claims", json=express(tier="gold"), headers=KEY), 422, "invalid_request")
    assert (await harness.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202


async def test_an_unknown_device_leaves_its_key_free(harness: ApiHarness) -> None:
    problem(await harness.http.post("/v1/claims", json=express(), headers=KEY), 404, "not_found")
    await harness.covered()
    assert (await harness.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202


async def test_an_outage_is_not_stored_and_the_retry_finds_the_result(harness: ApiHarness) -> None:
    await harness.covered()
    harness.claim_commands.away = True
    problem(await harness.http.post("/v1/claims", json=express(), headers=KEY), 503, "unavailable")
    harness.claim_commands.away = False
    assert (await harness.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202
    other = await harness.http.post("/v1/claims", json=express(tier="standard"), headers=KEY)
    problem(other, 422, "idempotency_key_reused")


async def test_a_retry_after_a_lost_response_is_not_refused_as_a_second_claim(harness: ApiHarness) -> None:
    await harness.covered()
    first = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    await harness.forget_responses()
    again = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert harness.claim_commands.keys[0] == harness.claim_commands.keys[1]


async def test_a_registration_whose_response_was_lost_returns_the_same_device(harness: ApiHarness) -> None:
    """Its moment is the first try's: the registry takes the same command twice and another one not at all."""
    body = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
    first = await harness.http.post("/v1/devices", json=body, headers=KEY)
    assert first.status_code == 201
    await harness.forget_responses()
    harness.later(minutes=5)
    again = await harness.http.post("/v1/devices", json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    problem(await harness.http.post("/v1/devices", json=body, headers={"Idempotency-Key": "another"}), 409, "conflict")


async def test_a_binding_whose_response_was_lost_is_made_once(harness: ApiHarness) -> None:
    url, body = f"/v1/devices/{await harness.covered(bound=False)}/bindings", {"remote_controller": "RC1"}
    first = await harness.http.post(url, json=body, headers=KEY)
    await harness.forget_responses()
    harness.later(minutes=5)
    again = await harness.http.post(url, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_purchase_whose_response_was_lost_is_found_again(harness: ApiHarness) -> None:
    await harness.covered(plan=False, days=1)
    url, body = f"/v1/devices/{SERIAL}/plans", {"term": "1y", "payment_method": "pm_card_visa"}
    first = await harness.http.post(url, json=body, headers=KEY)
    assert first.status_code == 201
    await harness.forget_responses()
    again = await harness.http.post(url, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_claim_whose_workflow_has_ended_is_read_from_the_database(harness: ApiHarness) -> None:
    await harness.covered()
    first = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    await harness.forget_responses()
    harness.claim_commands.ended.add(first.json()["id"])
    again = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_an_undecided_claim_is_returned_again_once_it_is_decided(harness: ApiHarness) -> None:
    await harness.covered()
    harness.claim_commands.idle = True
    first = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    assert (first.status_code, first.json()["state"]) == (202, "submitted")
    assert (await harness.http.post("/v1/claims", json=express(), headers=KEY)).json() == first.json()
    harness.claim_commands.idle = False
    judged = await harness.http.post("/v1/claims", json=express(), headers=KEY)
    assert (judged.json()["id"], judged.json()["state"]) == (first.json()["id"], "awaiting_dispatch")
    assert (await harness.http.post("/v1/claims", json=express(), headers=KEY)).headers["idempotency-replayed"]


async def test_an_unknown_path_is_not_stored(harness: ApiHarness) -> None:
    for path in ("/v1/claims/%00/cancel", "/v1/devices/" + "x" * 400 + "/plans", "/v1/%C2%85"):
        body = {"term": "1y", "payment_method": "pm_card_visa"} if path.endswith("plans") else {}
        problem(await harness.http.post(path, json=body, headers=KEY), 404, "not_found")


async def test_two_at_once_under_one_key_make_one_claim(harness: ApiHarness) -> None:
    await harness.covered()
    responses = await asyncio.gather(*(harness.http.post("/v1/claims", json=express(), headers=KEY) for _ in range(6)))
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 1


async def test_the_update_carries_an_id_made_of_the_key(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    url = f"/v1/claims/{claim['id']}/cancel"
    harness.claim_commands.idle = True
    problem(await harness.http.post(url, headers=KEY), 503, "unavailable")
    problem(await harness.http.post(url, headers=KEY), 503, "unavailable")
    assert isinstance(harness.claim_commands.received[-1], CancelClaim)
    assert harness.claim_commands.keys[-1] == harness.claim_commands.keys[-2]


@pytest.mark.parametrize("key", ["", " ", "x" * 201, " leading", "tab\there", "caf\xe9"])
async def test_a_key_is_1_to_200_printable_characters(harness: ApiHarness, key: str) -> None:
    response = await harness.http.post("/v1/quotes", json={}, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    problem(response, 422, "invalid_request")


async def test_keys_are_forgotten_after_their_time(database: Database) -> None:
    keys = IdempotencyKeys(database)
    later = NOW + timedelta(minutes=5)
    assert await keys.begin("scope", "key", "a", NOW) == OpenRequest(NOW, repeated=False)
    assert await keys.begin("scope", "key", "a", later) == OpenRequest(NOW, repeated=True)
    with pytest.raises(IdempotencyKeyReused):
        await keys.begin("scope", "key", "b", NOW)
    response = StoredResponse(202, {"location": "/v1/claims/1"}, "{}")
    await keys.store_response("scope", "key", response)
    await keys.store_response("scope", "key", StoredResponse(500, {}, ""))
    await keys.delete("scope", "key")
    await keys.delete_before(NOW)
    assert await keys.begin("scope", "key", "a", NOW) == response
    await keys.delete_before(NOW.replace(year=2027))
    assert await keys.begin("scope", "key", "b", later) == OpenRequest(later, repeated=False)


async def test_of_many_concurrent_requests_one_is_first(database: Database) -> None:
    keys = IdempotencyKeys(database)
    begun = await asyncio.gather(*(keys.begin("scope", "key", "a", NOW) for _ in range(8)))
    assert sorted(begin == OpenRequest(NOW, repeated=True) for begin in begun) == [False] + [True] * 7


async def test_open_claims_are_counted_on_both_engines(database: Database) -> None:
    async with database.snapshot() as session:
        counts = await open_claims(session)
    assert set(counts.values()) == {0}
