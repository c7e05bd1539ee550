"""The audit of one claim from its order to its refund, on either engine: a name at each step."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.system.claims_api import ClaimsApi
from tests.system.conftest import Deployment


async def tokens(claims_api: ClaimsApi, people: dict[str, str]) -> dict[str, str]:
    """The token of a new key for each name, by its role."""
    made = {name: await claims_api.post_ok("/keys", {"owner": name, "role": role}) for name, role in people.items()}
    return {name: key["token"] for name, key in made.items()}


@contextmanager
def signed_in(claims_api: ClaimsApi, token: str) -> Iterator[None]:
    before = claims_api.http.headers["Authorization"]
    claims_api.http.headers["Authorization"] = f"Bearer {token}"
    try:
        yield
    finally:
        claims_api.http.headers["Authorization"] = before


async def test_the_audit_of_a_claim_names_who_acted_at_each_step(deployment_on_each_engine: Deployment) -> None:
    claims_api = deployment_on_each_engine.claims_api
    people = {"Web shop": "customer_service", "Bo Lind": "warehouse", "Kim Oh": "warehouse", "Ada Marsh": "staff"}
    token = await tokens(claims_api, people)
    async with deployment_on_each_engine.worker():
        serial = await claims_api.covered()
        with signed_in(claims_api, token["Web shop"]):
            claim = await claims_api.post_ok("/claims", claims_api.claim_body(serial), "order")
        with signed_in(claims_api, token["Bo Lind"]):
            await claims_api.dispatched(claim)
        await claims_api.forward(claim, until="due")  # nothing came back: the hold is charged
        with signed_in(claims_api, token["Bo Lind"]):
            await claims_api.arrived(claim)
        with signed_in(claims_api, token["Kim Oh"]):
            body = {"serial_number": serial, "genuine": True, "components": ["aircraft", "gimbal_camera", "propellers"]}
            closed = await claims_api.post_ok(f"/claims/{claim['id']}/inspection", body)
        with signed_in(claims_api, token["Ada Marsh"]):
            pack = await claims_api.get(f"/claims/{claim['id']}/evidence")
            trail = await claims_api.get(f"/audit?claim_id={claim['id']}")
    assert closed["outcome"] == "late_return_refunded"
    acts = [(each["actor"], each["action"], each["status"]) for each in reversed(trail["items"])]
    assert [act for act in acts if act[1] not in ("move_claim_clock", "get_claim")] == [
        ("Web shop", "submit_claim", 202),
        ("Bo Lind", "report_dispatch", 200),
        ("Bo Lind", "report_arrival", 202),
        ("Kim Oh", "report_inspection", 200),
        ("Ada Marsh", "get_claim_evidence", 200),
    ]
    ids = {name: value.partition(".")[0] for name, value in token.items()}
    assert {each["actor"]: each["actor_id"] for each in trail["items"] if each["actor"] in ids} == ids
    timeline = {line["kind"]: line["actor"] for line in pack["timeline"]}
    assert timeline["submitted"] == pack["consent"]["accepted_by"] == f"Web shop ({ids['Web shop']})"
    assert timeline["parcel_arrived"] == f"Bo Lind ({ids['Bo Lind']})"
    assert timeline["inspected"] == f"Kim Oh ({ids['Kim Oh']})"
    assert [line["actor"] for line in pack["timeline"] if line["kind"] == "replacement_dispatched"] == [
        f"Bo Lind ({ids['Bo Lind']})"
    ]
    assert pack["arrivals"][0]["actor"] == f"Bo Lind ({ids['Bo Lind']})"
    assert timeline["refunded"] == "system", "a machine refunded, as the rules say"
