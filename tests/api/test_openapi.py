"""The OpenAPI document is complete: every body, response and error has an example that is true to its schema."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from api.app import create_app
from api.openapi_examples import examples_of
from api.problems import Code, ProblemView
from api.responses.catalogue import ProductView
from api.responses.claims import ClaimView, RepairView
from api.responses.plans import PlanView
from api.responses.quotes import QuoteView
from domain.catalogue import Catalogue
from domain.device_snapshot import model_named, region_of_country
from store.seed import demo_catalogue
from tests.api.conftest import ApiHarness, config, problem

OPEN = {"/healthz", "/readyz", "/metrics"}
SIGNED = {"/v1/webhooks/payments/{gateway}", "/v1/webhooks/carriers/{carrier}"}
ALWAYS_REFUSED = {"/v1/devices/{serial}/cover-changes"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(config("sqlite:///nowhere.db")).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def models(base: type[BaseModel] = BaseModel) -> dict[str, type[BaseModel]]:
    """Every model of the application by name. Responses come last: they may share a name with a read model."""
    found: dict[str, type[BaseModel]] = {}
    for model in base.__subclasses__():
        found |= models(model)
        if model.__module__.startswith("api."):
            found[model.__name__] = model
    return found


def shown(content: dict[str, Any]) -> list[Any]:
    return [content["example"]] if "example" in content else [e["value"] for e in content.get("examples", {}).values()]


def test_every_operation_has_a_summary(document: dict[str, Any]) -> None:
    assert document["info"]["title"] == "Aftercare"
    assert document["info"]["version"]
    assert "servers" not in document
    summaries = [operation["summary"] for _, _, operation in operations(document)]
    assert all(summaries)
    assert len(set(summaries)) == len(summaries)
    assert all(operation["tags"] for _, _, operation in operations(document))


def test_every_response_and_body_has_a_valid_example(document: dict[str, Any]) -> None:
    known = models()
    for path, method, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        contents = [a for status, a in operation["responses"].items() if status.startswith("2") and status != "204"]
        assert contents or "204" in operation["responses"] or path in ALWAYS_REFUSED, (path, method)
        for content in (c for b in (*bodies, *contents) for c in b["content"].items()):
            kind, media = content
            examples = shown(media)
            assert examples, (path, method, kind)
            if kind != "application/json":
                continue
            schema = media["schema"]
            shapes = schema.get("oneOf") or schema.get("anyOf") or [schema]
            names = [shape["$ref"].rpartition("/")[2] for shape in shapes if "$ref" in shape]
            for example in examples:
                fits = [name for name in names if _fits(known[name], example)]
                assert fits, (path, method, example)


def _fits(model: type[BaseModel], example: Any) -> bool:
    try:
        made = TypeAdapter(model).validate_python(example)
    except ValueError:
        return False
    fields = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return set(fields) == set(example)


def test_examples_are_the_demo_catalogues() -> None:
    """The example of a Mavic 3 in the United States equals the response of `make dev`."""
    catalogue = demo_catalogue()
    model, region = model_named(catalogue, "mavic-3"), region_of_country(catalogue.regions, "US")
    assert model
    assert region
    (product,), (claim,), (quote,) = (examples_of(shown) for shown in (ProductView, ClaimView, QuoteView))
    assert product == ProductView.of(model, Catalogue((region,), (model,))).model_dump(mode="json")
    offer = product["regions"]["US"]
    assert (claim["fee"], claim["hold"]["amount"]) == (offer["fees"][0], offer["hold"])
    assert (quote["fee"], quote["hold"], quote["default_charge"]) == (offer["fees"][0], offer["hold"], offer["hold"])
    assert examples_of(PlanView)[0]["price"] == offer["prices"]["1y"]
    assert examples_of(RepairView)[0]["replacement_fee"] in offer["fees"]


def test_every_problem_has_a_valid_example(document: dict[str, Any]) -> None:
    seen: set[str] = set()
    for path, method, operation in operations(document):
        if path in OPEN:
            continue
        problems = {s: a for s, a in operation["responses"].items() if not s.startswith("2")}
        assert {"400" if path in SIGNED else "401", "422", "500", "503"} <= set(problems), (path, method)
        for status, response in problems.items():
            media = response["content"]["application/problem+json"]
            assert media["schema"] == {"$ref": "#/components/schemas/ProblemView"}
            for example in shown(media):
                view = ProblemView.model_validate(example)
                assert view.status == int(status), (path, method)
                seen.add(view.code)
        if method == "post":
            codes = {e["code"] for a in problems.values() for e in shown(a["content"]["application/problem+json"])}
            assert {"payload_too_large", "unsupported_media_type"} <= codes
            parameters = {p["name"] for p in operation["parameters"]}
            assert ("Idempotency-Key" in parameters) == ("idempotency_key_reused" in codes) == (path not in SIGNED)
        schemes = {name for way in operation["security"] for name in way}
        assert {name.endswith("-Signature") for name in schemes} == {path in SIGNED}, (path, method)
    assert seen >= set(Code) - {Code.METHOD_NOT_ALLOWED}


def test_every_reference_in_the_document_resolves(document: dict[str, Any]) -> None:
    components = {f"#/components/{kind}/{name}" for kind, each in document["components"].items() for name in each}

    def refs(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from refs(value)
        elif isinstance(part, list):
            for value in part:
                yield from refs(value)

    for ref in refs(document):
        assert ref in components, ref
    assert "#/components/schemas/HTTPValidationError" not in components


async def test_the_document_is_served(harness: ApiHarness) -> None:
    response = await harness.http.get("/openapi.json")
    assert response.json()["openapi"].startswith("3.")


async def test_the_page_of_the_reference_needs_no_other_host(harness: ApiHarness) -> None:
    response = await harness.http.get("/docs", headers={"Authorization": ""})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in re.sub(r"/\*.*?\*/|<!--.*?-->", "", response.text, flags=re.DOTALL).replace("<!doctype", "")
    assert '"validatorUrl": null' in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    loaded = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)["']""", response.text)
    assert len(loaded) == 4
    for path in loaded:
        file = await harness.http.get(path, headers={"Authorization": ""})
        assert (file.status_code, len(file.content) > 1000) == (200, True), path
    problem(await harness.http.get("/docs/files/nothing.js"), 404, "not_found")
    metrics = (await harness.http.get("/metrics")).text
    assert 'route="/docs"' in metrics
    assert "swagger-ui" not in metrics


def test_the_fields_of_a_claim_are_the_contracts(document: dict[str, Any]) -> None:
    promised = (
        "id service tier state outcome attention serial_number replacement_serial_number region opened_at closed_at "
        "incident fee hold return inspection reasons missing amount_owed allowed_actions workflow_id links"
    ).split()
    claim = document["components"]["schemas"]["ClaimView"]
    assert set(promised) <= set(claim["properties"])
    assert set(claim["required"]) == set(claim["properties"])
