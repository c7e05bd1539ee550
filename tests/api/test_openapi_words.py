"""The words of the OpenAPI document: every property and parameter is described, every operation id is a verb."""

import re
from typing import Any

import pytest

from api.app import create_app
from api.openapi_operations import OPERATION_IDS, PARAMETERS
from api.openapi_properties import PROPERTIES
from tests.api.conftest import config

VERBS = set(
    "activate approve bind buy cancel change check choose correct create decide extend get issue list move plant quote "
    "read receive record settle refund register renew report request resend revoke rotate run stop submit unbind undo "
    "waive withdraw".split()
)
"""What an operation id begins with. A new operation may need a new verb."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(config("sqlite:///nowhere.db")).openapi()


def properties(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every property of the document as `Model.property`."""
    return {
        f"{model}.{name}": shown
        for model, schema in document["components"]["schemas"].items()
        for name, shown in schema.get("properties", {}).items()
    }


def test_every_property_says_what_it_means(document: dict[str, Any]) -> None:
    shown = properties(document)
    assert len(shown) > 400
    assert [name for name, each in shown.items() if not each.get("description", "").endswith(".")] == []


def test_instants_days_and_money_say_their_format(document: dict[str, Any]) -> None:
    for name, shown in properties(document).items():
        forms = {each.get("format") for each in (shown, *shown.get("anyOf", ()))}
        refs = {each.get("$ref", "").rpartition("/")[2] for each in (shown, *shown.get("anyOf", ()))}
        if "date-time" in forms:
            assert "RFC 3339" in shown["description"], name
        if "date" in forms:
            assert "YYYY-MM-DD" in shown["description"], name
        if refs & {"MoneyView", "MoneyBody"}:
            assert "minor units" in shown["description"], name


def test_every_parameter_says_what_it_means(document: dict[str, Any]) -> None:
    missing = [
        (path, parameter["name"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]
    assert missing == []


def test_operation_ids_are_verbs_and_differ(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(set(ids)) == len(ids)
    assert [each for each in ids if not re.fullmatch("[a-z]+(_[a-z]+)+", each) or each.split("_")[0] not in VERBS] == []


def test_no_text_is_left_over(document: dict[str, Any]) -> None:
    """A text whose property, operation or parameter has gone is removed."""
    shown = set(properties(document))
    names = {each.partition(".")[2] for each in shown}
    assert [key for key in PROPERTIES if key not in (shown if "." in key else names)] == []
    operations = {f"{method.upper()} {path}" for path, each in document["paths"].items() for method in each}
    assert set(OPERATION_IDS) - operations == set()
    parameters = {
        p["name"] for each in document["paths"].values() for o in each.values() for p in o.get("parameters", ())
    }
    assert set(PARAMETERS) <= parameters
