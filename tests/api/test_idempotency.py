"""Idempotency-Keys: the first answer again, another body refused, a lost answer found by the ids made of the key."""

import asyncio
from datetime import timedelta

import pytest

from messages.claims import CancelClaim
from store.claim_counts import open_claims
from store.database import Database
from store.requests import Begun, KeptAnswer, KeyReused, Requests
from tests.api.conftest import NOW, OWNER, SERIAL, Office, express, problem

KEY = {"Idempotency-Key": "order 66"}


async def test_the_same_key_and_body_get_the_first_answer_again(office: Office) -> None:
    await office.covered()
    first = await office.http.post("/v1/claims", json=express(), headers=KEY)
    again = await office.http.post("/v1/claims", json=dict(reversed(express().items())), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(office.door.asked) == 1


async def test_the_same_key_with_another_body_is_refused(office: Office) -> None:
    await office.covered()
    await office.http.post("/v1/claims", json=express(), headers=KEY)
    other = await office.http.post("/v1/claims", json=express(tier="standard"), headers=KEY)
    problem(other, 422, "idempotency_key_reused")


async def test_a_refusal_is_an_answer_too(office: Office) -> None:
    claim = await office.shipped()
    url = f"/v1/claims/{claim['id']}/cancel"
    first = problem(await office.http.post(url, headers=KEY), 409, "action_not_allowed")
    asked = len(office.door.asked)
    assert problem(await office.http.post(url, headers=KEY), 409, "action_not_allowed") == first
    assert len(office.door.asked) == asked


async def test_a_key_belongs_to_one_caller_and_one_path(office: Office) -> None:
    for serial in ("ONE", "TWO"):
        body = {"serial_number": serial, "model": "mavic-3", "region": "US", "owner": OWNER}
        assert (await office.http.post("/v1/devices", json=body, headers={"Idempotency-Key": serial})).is_success
    bind = {"remote_controller": "RC"}
    for serial in ("ONE", "TWO"):
        assert (await office.http.post(f"/v1/devices/{serial}/bindings", json=bind, headers=KEY)).is_success
    other = KEY | {"Authorization": "Bearer cs"}
    office.later(minutes=1)
    answer = await office.http.post("/v1/devices/ONE/bindings", json={"remote_controller": "RC2"}, headers=other)
    assert answer.status_code == 201


async def test_an_invalid_request_leaves_its_key_free(office: Office) -> None:
    await office.covered()
    problem(await office.http.post("/v1/claims", json=express(tier="gold"), headers=KEY), 422, "invalid_request")
    assert (await office.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202


async def test_an_unknown_device_leaves_its_key_free(office: Office) -> None:
    problem(await office.http.post("/v1/claims", json=express(), headers=KEY), 404, "not_found")
    await office.covered()
    assert (await office.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202


async def test_an_outage_is_no_answer_and_the_retry_finds_what_happened(office: Office) -> None:
    await office.covered()
    office.door.away = True
    problem(await office.http.post("/v1/claims", json=express(), headers=KEY), 503, "unavailable")
    office.door.away = False
    assert (await office.http.post("/v1/claims", json=express(), headers=KEY)).status_code == 202
    other = await office.http.post("/v1/claims", json=express(tier="standard"), headers=KEY)
    problem(other, 422, "idempotency_key_reused")


async def test_a_lost_answer_is_found_again_and_not_refused_as_a_second_claim(office: Office) -> None:
    await office.covered()
    first = await office.http.post("/v1/claims", json=express(), headers=KEY)
    await office.forget_answers()
    again = await office.http.post("/v1/claims", json=express(), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert office.door.keys[0] == office.door.keys[1]


async def test_a_registration_whose_answer_was_lost_is_answered_as_it_was_made(office: Office) -> None:
    """Its moment is the first try's: the registry takes the same command twice and another one not at all."""
    body = {"serial_number": SERIAL, "model": "mavic-3", "region": "US", "owner": OWNER}
    first = await office.http.post("/v1/devices", json=body, headers=KEY)
    assert first.status_code == 201
    await office.forget_answers()
    office.later(minutes=5)
    again = await office.http.post("/v1/devices", json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())
    problem(await office.http.post("/v1/devices", json=body, headers={"Idempotency-Key": "another"}), 409, "conflict")


async def test_a_binding_whose_answer_was_lost_is_made_once(office: Office) -> None:
    url, body = f"/v1/devices/{await office.covered(bound=False)}/bindings", {"remote_controller": "RC1"}
    first = await office.http.post(url, json=body, headers=KEY)
    await office.forget_answers()
    office.later(minutes=5)
    again = await office.http.post(url, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_lost_answer_of_a_purchase_is_found_again(office: Office) -> None:
    await office.covered(plan=False, days=1)
    url, body = f"/v1/devices/{SERIAL}/plans", {"term": "1y", "payment_method": "pm_card_visa"}
    first = await office.http.post(url, json=body, headers=KEY)
    assert first.status_code == 201
    await office.forget_answers()
    again = await office.http.post(url, json=body, headers=KEY)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_claim_whose_workflow_has_ended_is_answered_from_the_record(office: Office) -> None:
    await office.covered()
    first = await office.http.post("/v1/claims", json=express(), headers=KEY)
    await office.forget_answers()
    office.door.ended.add(first.json()["id"])
    again = await office.http.post("/v1/claims", json=express(), headers=KEY)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


async def test_a_claim_nobody_has_judged_yet_is_answered_again_when_somebody_has(office: Office) -> None:
    await office.covered()
    office.door.idle = True
    first = await office.http.post("/v1/claims", json=express(), headers=KEY)
    assert (first.status_code, first.json()["state"]) == (202, "submitted")
    assert (await office.http.post("/v1/claims", json=express(), headers=KEY)).json() == first.json()
    office.door.idle = False
    judged = await office.http.post("/v1/claims", json=express(), headers=KEY)
    assert (judged.json()["id"], judged.json()["state"]) == (first.json()["id"], "awaiting_dispatch")
    assert (await office.http.post("/v1/claims", json=express(), headers=KEY)).headers["idempotency-replayed"]


async def test_a_path_no_route_has_is_not_written_down(office: Office) -> None:
    for path in ("/v1/claims/%00/cancel", "/v1/devices/" + "x" * 400 + "/plans", "/v1/%C2%85"):
        body = {"term": "1y", "payment_method": "pm_card_visa"} if path.endswith("plans") else {}
        problem(await office.http.post(path, json=body, headers=KEY), 404, "not_found")


async def test_two_at_once_under_one_key_make_one_claim(office: Office) -> None:
    await office.covered()
    answers = await asyncio.gather(*(office.http.post("/v1/claims", json=express(), headers=KEY) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_the_update_carries_an_id_made_of_the_key(office: Office) -> None:
    claim = await office.claimed()
    url = f"/v1/claims/{claim['id']}/cancel"
    office.door.idle = True
    problem(await office.http.post(url, headers=KEY), 503, "unavailable")
    problem(await office.http.post(url, headers=KEY), 503, "unavailable")
    assert isinstance(office.door.asked[-1], CancelClaim)
    assert office.door.keys[-1] == office.door.keys[-2]


@pytest.mark.parametrize("key", ["", " ", "x" * 201, " leading", "tab\there", "caf\xe9"])
async def test_a_key_is_1_to_200_printable_characters(office: Office, key: str) -> None:
    answer = await office.http.post("/v1/quotes", json={}, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    problem(answer, 422, "invalid_request")


async def test_keys_are_forgotten_after_their_time(database: Database) -> None:
    requests = Requests(database)
    later = NOW + timedelta(minutes=5)
    assert await requests.begin("scope", "key", "a", NOW) == Begun(NOW, again=False)
    assert await requests.begin("scope", "key", "a", later) == Begun(NOW, again=True)
    with pytest.raises(KeyReused):
        await requests.begin("scope", "key", "b", NOW)
    answer = KeptAnswer(202, {"location": "/v1/claims/1"}, "{}")
    await requests.finish("scope", "key", answer)
    await requests.finish("scope", "key", KeptAnswer(500, {}, ""))
    await requests.forget("scope", "key")
    await requests.forget_before(NOW)
    assert await requests.begin("scope", "key", "a", NOW) == answer
    await requests.forget_before(NOW.replace(year=2027))
    assert await requests.begin("scope", "key", "b", later) == Begun(later, again=False)


async def test_many_that_begin_at_once_have_one_first(database: Database) -> None:
    requests = Requests(database)
    begun = await asyncio.gather(*(requests.begin("scope", "key", "a", NOW) for _ in range(8)))
    assert sorted(begin == Begun(NOW, again=True) for begin in begun) == [False] + [True] * 7


async def test_open_claims_are_counted_on_both_engines(database: Database) -> None:
    async with database.reading() as session:
        counts = await open_claims(session)
    assert set(counts.values()) == {0}
