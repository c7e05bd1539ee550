"""What is to be shipped, over HTTP."""

import pytest

from activities.warehouse import SimulatedWarehouse
from messages.claims import ShipTo
from messages.warehouse import RequestDispatch
from tests.api.conftest import KEYS, NOW, REPLACEMENT, SHIP_TO, ApiHarness, problem

URL = "/v1/dispatch-requests"
WAREHOUSE = {"Authorization": "Bearer wh"}


async def test_the_warehouse_reads_what_to_ship_and_where_to(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    command = RequestDispatch(
        claim_id=claim["id"], model="mavic-3", region="US", with_battery=True, ship_to=ShipTo(**SHIP_TO), at=NOW
    )
    dispatch = await SimulatedWarehouse(harness.database).request_dispatch(command)
    response = await harness.http.get(URL, headers=WAREHOUSE)
    request = {
        "claim_id": claim["id"],
        "reference": dispatch.reference,
        "kind": "replacement",
        "model": "mavic-3",
        "region": "US",
        "with_battery": True,
        "ship_to": SHIP_TO
        | {"line2": None, "region": None, "phone": None}
        | {"lines": ["Ada", "1 Sky Road", "Portland 97201", "UNITED STATES"]},
        "requested_at": "2026-11-23T10:00:00Z",
        "withdrawn_at": None,
        "fulfilled": False,
        "serial_number": None,
    }
    assert response.json() == {"items": [request], "next_cursor": None}
    assert (await harness.http.get(URL, params={"region": "EU"}, headers=WAREHOUSE)).json()["items"] == []
    body = {"replacement_serial_number": REPLACEMENT}
    await harness.http.post(f"/v1/claims/{claim['id']}/dispatch", json=body, headers=WAREHOUSE)
    assert (await harness.http.get(URL, headers=WAREHOUSE)).json()["items"] == []
    done = await harness.http.get(URL, params={"open": "false"}, headers=WAREHOUSE)
    assert done.json()["items"] == [request | {"fulfilled": True}]


async def test_a_replacement_that_came_back_is_listed_again_as_that_unit(harness: ApiHarness) -> None:
    """R-EXP-10."""
    claim, warehouse = await harness.claimed(), SimulatedWarehouse(harness.database)
    command = RequestDispatch(
        claim_id=claim["id"], model="mavic-3", region="US", with_battery=True, ship_to=ShipTo(**SHIP_TO), at=NOW
    )
    await warehouse.request_dispatch(command)
    await warehouse.request_dispatch(command.model_copy(update={"number": 1, "serial_number": REPLACEMENT}))
    (request,) = (await harness.http.get(URL, headers=WAREHOUSE)).json()["items"]
    assert (request["serial_number"], request["fulfilled"]) == (REPLACEMENT, False)


async def test_a_claim_shows_its_address_to_the_roles_that_need_it(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    url = claim["links"]["self"]
    assert (await harness.http.get(url)).json()["ship_to"] is None
    command = RequestDispatch(
        claim_id=claim["id"], model="mavic-3", region="US", with_battery=True, ship_to=ShipTo(**SHIP_TO), at=NOW
    )
    await SimulatedWarehouse(harness.database).request_dispatch(command)
    for key, role in KEYS.items():
        shown = (await harness.http.get(url, headers={"Authorization": f"Bearer {key}"})).json()["ship_to"]
        assert shown is None if role == "finance" else shown["line1"] == SHIP_TO["line1"], role
    (listed,) = (await harness.http.get("/v1/claims")).json()["items"]
    assert listed["ship_to"] is None
    decided = await harness.http.post(f"{url}/dispatch", json={"replacement_serial_number": REPLACEMENT})
    assert decided.json()["ship_to"] is None


@pytest.mark.parametrize("query", ["open=maybe", "region=us", "limit=0", "limit=201", "cursor=abc", "colour=red"])
async def test_a_bad_query_names_its_parameter(harness: ApiHarness, query: str) -> None:
    invalid = problem(await harness.http.get(f"{URL}?{query}"), 422, "invalid_request")
    assert [error["field"] for error in invalid["errors"]] == [query.partition("=")[0]]
