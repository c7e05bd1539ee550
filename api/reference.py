"""API: what the OpenAPI document says beside the code: problems with examples, and an example for every body."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.examples import example_of
from api.problems import KINDS, MEDIA_TYPE, RETRY_AFTER_SECONDS, Code, FieldError, Problem, ProblemView
from domain.kinds import Action, ReasonCode
from domain.reasons import Reason

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """
The back office of a device-protection programme: replacement and flyaway claims as durable processes.

Send `Authorization: Bearer <key>`. Send an `Idempotency-Key` with every POST: the same key and body get the first
answer again. Webhooks carry a signature instead of a key and are known by their event's id. Errors are
`application/problem+json` with a stable `code`. Money is in minor units, instants are UTC.
"""

_REASON = Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7", "Case clm_mfrggzdfmztwq2lk for this device is still open.")
_PLAN_REASON = Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed.")
_RENEWAL_REASON = Reason(ReasonCode.MAXIMUM_TERM_REACHED, "R-REN-2", "This device already has the maximum of 3 years.")
_REFUND_REASON = Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used.")
_CODE_REASON = Reason(ReasonCode.MAINTENANCE_PERIOD_OVER, "R-MNT-1", "The first year ended on 2026-11-02.")
_FIXED = (
    "Cover runs from 2026-11-02 to 2027-11-02 and cannot be paused, moved or lengthened. "
    "It can be renewed until 2027-11-17."
)
_FIELD = FieldError(field="incident.occurred_at", message="needs a time zone, for example 2026-11-23T10:00:00Z")

_EXAMPLES: dict[Code, Problem] = {
    problem.code: problem
    for problem in (
        Problem(Code.INVALID_REQUEST, f"{_FIELD.field}: {_FIELD.message}", errors=[_FIELD]),
        Problem(Code.CLAIM_REFUSED, _REASON.message, reasons=[_REASON]),
        Problem(Code.PLAN_REFUSED, _PLAN_REASON.message, reasons=[_PLAN_REASON]),
        Problem(Code.RENEWAL_REFUSED, _RENEWAL_REASON.message, reasons=[_RENEWAL_REASON]),
        Problem(Code.REFUND_REFUSED, _REFUND_REASON.message, reasons=[_REFUND_REASON]),
        Problem(Code.MAINTENANCE_REFUSED, _CODE_REASON.message, reasons=[_CODE_REASON]),
        Problem(Code.COVER_FIXED, _FIXED, rule="R-PLN-5"),
        Problem(Code.REFUSED, "1581F45T7228D00B is another device's serial number.", rule="R-CLM-9"),
        Problem(Code.PAYMENT_DECLINED, "The card was declined.", claim_id="clm_mfrggzdfmztwq2lk"),
        Problem(
            Code.ACTION_NOT_ALLOWED,
            "A case in state awaiting return does not take cancel.",
            rule="R-CLM-2",
            allowed_actions=[Action.RETURN_SCAN, Action.ARRIVAL, Action.EXTENSION, Action.WAIVER],
        ),
        Problem(
            Code.PAYMENT_IN_PROGRESS,
            "A payment of this case waits for the gateway's answer. Try again in a moment.",
            rule="R-RET-8",
            allowed_actions=[Action.INSPECTION, Action.WAIVER],
        ),
        Problem(
            Code.CONFLICT,
            "1581F45T7228D00A is registered already.",
            errors=[FieldError(field="serial_number", message="1581F45T7228D00A is registered already.")],
        ),
        Problem(Code.IDEMPOTENCY_KEY_REUSED, "This Idempotency-Key was sent with another body."),
        Problem(Code.NOT_FOUND, "There is no claim clm_mfrggzdfmztwq2lk."),
        Problem(Code.METHOD_NOT_ALLOWED, "PUT is not possible here."),
        Problem(Code.PAYLOAD_TOO_LARGE, "A body has at most 1048576 bytes."),
        Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json and say so in Content-Type."),
        Problem(Code.BAD_SIGNATURE, "The signature in Stripe-Signature does not fit the body."),
        Problem(Code.UNAUTHORIZED, "Send a valid key: Authorization: Bearer <key>."),
        Problem(Code.FORBIDDEN, "This needs the role staff; the key's role is warehouse."),
        Problem(Code.UNAVAILABLE, "The database does not answer now. Try again with the same Idempotency-Key."),
        Problem(Code.INTERNAL_ERROR, "The request could not be answered."),
    )
}
_ALWAYS = (Code.UNAUTHORIZED, Code.INVALID_REQUEST, Code.UNAVAILABLE, Code.INTERNAL_ERROR)
_WRITES = (Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.IDEMPOTENCY_KEY_REUSED)


def problems(*codes: Code) -> Responses:
    """The problem answers of a route, each code with an example under its status."""
    responses: Responses = {}
    for code in sorted(dict.fromkeys(codes), key=lambda code: KINDS[code].status):
        problem = _EXAMPLES[code]
        status = KINDS[code].status
        answer = responses.setdefault(status, {"description": KINDS[code].title, "content": {MEDIA_TYPE: _content()}})
        example = problem.view("/v1/claims").model_dump(mode="json", exclude_none=True)
        answer["content"][MEDIA_TYPE]["examples"][code.value] = {"summary": KINDS[code].title, "value": example}
        if code in (Code.UNAVAILABLE, Code.PAYMENT_IN_PROGRESS):
            example_header = {"schema": {"type": "integer"}, "example": RETRY_AFTER_SECONDS}
            answer["headers"] = {"Retry-After": {"description": "Seconds to wait", **example_header}}
    return responses


def _content() -> dict[str, Any]:
    return {"schema": {"$ref": "#/components/schemas/ProblemView"}, "examples": {}}


def reads(*codes: Code) -> Responses:
    """What can go wrong when reading, beside `codes`."""
    return problems(*_ALWAYS, *codes)


def writes(*codes: Code) -> Responses:
    """What can go wrong with any POST, beside `codes`."""
    return problems(*_ALWAYS, *_WRITES, *codes)


def signed() -> Responses:
    """What can go wrong with a webhook: no key is asked for, its signature is the authority."""
    return problems(
        Code.BAD_SIGNATURE,
        Code.NOT_FOUND,
        Code.PAYLOAD_TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
        Code.INVALID_REQUEST,
        Code.UNAVAILABLE,
        Code.INTERNAL_ERROR,
    )


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemView"] = problem
        # FastAPI leaves nulls out of the document, and a null in an example says something.
        for model in _models(BaseModel):
            if model.__name__ in schemas and "examples" in schemas[model.__name__]:
                schemas[model.__name__]["examples"] = example_of(model)
        for content in _contents(made):
            _give_example(content, schemas)
        app.openapi_schema = made
    return app.openapi_schema


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model of this room."""
    for model in base.__subclasses__():
        yield from _models(model)
        if model.__module__.startswith("api."):
            yield model


def _contents(made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in made["paths"].values():
        for operation in operations.values():
            yield operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for status, answer in operation["responses"].items():
                if str(status).startswith("2"):
                    yield answer.get("content", {}).get("application/json", {})


def _give_example(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    """The examples of the schema (of each shape, for a union) as examples of the body."""
    if "example" in content or "examples" in content or "schema" not in content:
        return
    schema = content["schema"]
    shapes = [shape["$ref"] for shape in (schema.get("oneOf") or schema.get("anyOf") or [schema]) if "$ref" in shape]
    found = {}
    for name in (ref.rpartition("/")[2] for ref in shapes):
        for example in schemas[name].get("examples", ())[:1]:
            found[name] = {"summary": schemas[name].get("description", name).partition("\n")[0], "value": example}
    if found:
        content["examples"] = found
