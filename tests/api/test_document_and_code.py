"""What the OpenAPI document allows is not refused as invalid, except for what no document can tell."""

import gzip
import re
from copy import deepcopy
from typing import Any

import pytest

from api.app import create_app
from tests.api.conftest import SERIAL, ApiHarness, config, problem
from tests.api.schema_bodies import bodies, unexplained

EXAMPLES = 25
"""Bodies for each operation."""
SCHEMAS: dict[str, Any] = create_app(config("sqlite:///nowhere.db")).openapi()
OPERATIONS = {
    f"{method} {path}": operation["requestBody"]["content"]["application/json"]["schema"]
    for path, operations in SCHEMAS["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation and "/webhooks/" not in path
}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_body_that_the_document_allows_is_not_invalid(harness: ApiHarness, operation: str) -> None:
    method, path = operation.split(" ")
    claim, key = await harness.shipped(), "key_aaaaaaaaaaaaaaaa"
    url = path.format(serial=SERIAL, claim_id=claim["id"], plan_id="pln_aaaaaaaaaaaaaaaa", parcel_id="1", key_id=key)
    for body in bodies(OPERATIONS[operation], SCHEMAS["components"]["schemas"], EXAMPLES):
        assert await refusals(harness, method, url, body) == [], body


async def refusals(harness: ApiHarness, method: str, url: str, body: Any) -> list[dict[str, str]]:
    """The unexplained errors of a body that the document allows."""
    response = await harness.http.request(method, url, json=body)
    assert response.status_code < 500, (body, response.text)
    if response.status_code != 422 or response.json()["code"] != "invalid_request":
        return []
    return unexplained(response.json()["errors"])


@pytest.mark.parametrize(
    ("operation", "model", "field", "keyword"),
    [
        ("dispatch", "DispatchBody", "replacement_serial_number", "pattern"),
        ("inspection", "InspectionBody", "components", "uniqueItems"),
        ("waiver", "WaiverBody", "reason", "pattern"),
        ("extension", "ExtensionBody", "days", "maximum"),
        ("repair-choice", "RepairChoiceBody", None, "if"),
        ("fast-forward", "FastForwardBody", None, "oneOf"),
    ],
)
async def test_a_document_that_allows_more_is_found(
    harness: ApiHarness, operation: str, model: str, field: str | None, keyword: str
) -> None:
    claim = await harness.shipped()
    planted = deepcopy(SCHEMAS["components"]["schemas"])
    part = planted[model]["properties"][field] if field else planted[model]
    del part[keyword]
    path = next(each for each in OPERATIONS if each.endswith(f"/{operation}")).partition(" ")[2]
    url = path.format(claim_id=claim["id"])
    found = [await refusals(harness, "post", url, body) for body in bodies(planted[model], planted, 100)]
    assert any(found)


@pytest.mark.parametrize("days", [7, 7.0, 1e0])
async def test_a_whole_number_may_be_written_with_a_fraction_of_zero(harness: ApiHarness, days: float) -> None:
    claim = await harness.shipped()
    body = {"days": days, "reason": "Customer is in hospital."}
    response = await harness.http.post(f"{claim['links']['self']}/extension", json=body)
    assert response.status_code == 200, response.text


async def test_options_names_the_methods_of_the_document(harness: ApiHarness) -> None:
    for path, methods in SCHEMAS["paths"].items():
        url = "http://api" + re.sub(r"{\w+}", "x", path)
        options = await harness.http.request("OPTIONS", url)
        assert options.status_code == 204, path
        assert set(options.headers["allow"].split(", ")) == {method.upper() for method in methods}, path
        refused = await harness.http.request("TRACE", url)
        problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == options.headers["allow"]


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip"])
async def test_a_compressed_body_is_415(harness: ApiHarness, coding: str) -> None:
    content = gzip.compress(b"{}")
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    response = await harness.http.post("/v1/claims", content=content, headers=headers)
    assert coding in problem(response, 415, "unsupported_media_type")["detail"]
    assert response.headers["accept-encoding"] == "identity"


async def test_a_body_said_to_be_as_it_is_is_read(harness: ApiHarness) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    problem(await harness.http.post("/v1/claims", content=b"{}", headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_what_is_no_number_in_json_is_no_json(harness: ApiHarness, number: str) -> None:
    content = f'{{"service": {number}}}'.encode()
    headers = {"Content-Type": "application/json"}
    invalid = problem(await harness.http.post("/v1/claims", content=content, headers=headers), 422, "invalid_request")
    assert invalid["errors"] == [{"field": "body", "message": f"is not JSON: {number} is no number there"}]


async def test_a_text_with_the_word_is_json(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    response = await harness.http.post(f"{claim['links']['self']}/waiver", json={"reason": "NaN Infinity"})
    assert response.status_code == 200, response.text
