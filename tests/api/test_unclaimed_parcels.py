"""Parcels in the warehouse that no process waits for: somebody's task until they are settled."""

from tests.api.conftest import ApiHarness, problem

URL = "/v1/unclaimed-parcels"


async def test_a_parcel_after_the_end_of_its_claim_is_listed_until_it_is_settled(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    await harness.http.post(f"/v1/claims/{claim['id']}/arrival")
    (parcel,) = (await harness.http.get(URL)).json()["items"]
    assert (parcel["claim_id"], parcel["reported_by"], parcel["settled_as"]) == (claim["id"], "admin", None)
    done = {"settled_as": "sent_back", "reason": "Sent back under 1Z998."}
    settled = await harness.http.post(f"{URL}/{parcel['id']}/settlement", json=done)
    assert settled.status_code == 200
    assert (await harness.http.get(URL)).json()["items"] == []
    assert (await harness.http.get(URL, params={"open": "false"})).json()["items"] == [settled.json()]
    assert (await harness.http.get(f"/v1/claims/{claim['id']}")).json()["attention"] == []


async def test_a_settled_parcel_stays_settled(harness: ApiHarness) -> None:
    """The same arrival reported again, and another settlement, change nothing."""
    claim, key = await harness.claimed(), {"Idempotency-Key": "parcel"}
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    await harness.http.post(f"/v1/claims/{claim['id']}/arrival", headers=key)
    (parcel,) = (await harness.http.get(URL)).json()["items"]
    url = f"{URL}/{parcel['id']}/settlement"
    first = (await harness.http.post(url, json={"settled_as": "kept", "reason": "Asked the owner."})).json()
    await harness.forget_responses()
    await harness.http.post(f"/v1/claims/{claim['id']}/arrival", headers=key)
    assert (await harness.http.post(url, json={"settled_as": "recycled", "reason": "No answer."})).json() == first


async def test_a_parcel_that_names_no_claim_is_recorded(harness: ApiHarness) -> None:
    bodies = ({"serial_number": "SN 1", "carrier": "UPS"}, {"reason": "No papers inside."})
    made = [await harness.http.post(URL, json=body) for body in bodies]
    assert [response.status_code for response in made] == [201, 201]
    first = (await harness.http.get(URL, params={"limit": 1})).json()
    second = (await harness.http.get(URL, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    shown = [*first["items"], *second["items"]]
    assert sorted(parcel["id"] for parcel in shown) == sorted(response.json()["id"] for response in made)
    assert {parcel["claim_id"] for parcel in shown} == {None}


async def test_a_parcel_that_does_not_exist_is_not_found(harness: ApiHarness) -> None:
    body = {"settled_as": "kept", "reason": "?"}
    problem(await harness.http.post(f"{URL}/evt_none/settlement", json=body), 404, "not_found")
    problem(await harness.http.post(URL, json={"arrived_at": "2030-01-01T00:00:00Z"}), 422, "invalid_request")
