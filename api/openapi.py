"""API: additions to the OpenAPI document: problem responses with examples, and an example for every body."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.openapi_examples import examples_of
from api.openapi_operations import name_operations
from api.openapi_properties import describe
from api.problems import (
    MEDIA_TYPE,
    PROBLEM_TYPES,
    RETRIED,
    RETRY_AFTER_SECONDS,
    Code,
    FieldError,
    Problem,
    ProblemView,
    declined,
)
from domain.kinds import Action, ReasonCode
from domain.lifecycle import hold_not_live
from domain.reasons import Reason

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """
The back office of a device-protection programme: replacement and flyaway claims as durable processes.

Send `Authorization: Bearer <key>`. Send an `Idempotency-Key` with every POST: the same key and body get the first
response again. Webhooks carry a signature instead of a key and are identified by their event's id. Errors are
`application/problem+json` with a stable `code`. Money is in minor units, instants are UTC.
"""

_REASON = Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7", "Case clm_mfrggzdfmztwq2lk for this device is still open.")
_PLAN_REASON = Reason(ReasonCode.PLAN_EXISTS, "R-PUR-4", "This device already has a plan. It can be renewed.")
_RENEWAL_REASON = Reason(ReasonCode.MAXIMUM_TERM_REACHED, "R-REN-2", "This device already has the maximum of 3 years.")
_REFUND_REASON = Reason(ReasonCode.PLAN_USED, "R-CAN-1", "A replacement of this plan has been used.")
_CODE_REASON = Reason(ReasonCode.MAINTENANCE_PERIOD_OVER, "R-MNT-1", "The first year ended on 2026-11-02.")
_COVER_FIXED = (
    "Cover runs from 2026-11-02 to 2027-11-02 and cannot be paused, moved or lengthened. "
    "It can be renewed until 2027-11-17."
)
_FIELD_ERROR = FieldError(field="incident.occurred_at", message="needs a time zone, for example 2026-11-23T10:00:00Z")

_EXAMPLES: dict[Code, Problem] = {
    problem.code: problem
    for problem in (
        Problem(Code.INVALID_REQUEST, f"{_FIELD_ERROR.field}: {_FIELD_ERROR.message}", errors=[_FIELD_ERROR]),
        Problem(Code.CLAIM_REFUSED, _REASON.message, reasons=[_REASON]),
        Problem(Code.PLAN_REFUSED, _PLAN_REASON.message, reasons=[_PLAN_REASON]),
        Problem(Code.RENEWAL_REFUSED, _RENEWAL_REASON.message, reasons=[_RENEWAL_REASON]),
        Problem(Code.REFUND_REFUSED, _REFUND_REASON.message, reasons=[_REFUND_REASON]),
        Problem(Code.MAINTENANCE_REFUSED, _CODE_REASON.message, reasons=[_CODE_REASON]),
        Problem(Code.COVER_FIXED, _COVER_FIXED, rule="R-PLN-5"),
        Problem(Code.REFUSED, "1581F45T7228D00B is another device's serial number.", rule="R-CLM-9"),
        declined("The card was declined.", "insufficient_funds", claim_id="clm_mfrggzdfmztwq2lk"),
        Problem(
            Code.ACTION_NOT_ALLOWED,
            "A case in state awaiting return does not take cancel.",
            rule="R-CLM-2",
            allowed_actions=[Action.RETURN_SCAN, Action.ARRIVAL, Action.EXTENSION, Action.WAIVER],
        ),
        Problem(
            Code.HOLD_NOT_LIVE,
            hold_not_live().message,
            reasons=[Reason(ReasonCode.HOLD_NOT_LIVE, hold_not_live().rule, hold_not_live().message)],
            rule=hold_not_live().rule,
            allowed_actions=[Action.PAYMENT_METHOD, Action.CANCEL],
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
        Problem(Code.REQUEST_TIMEOUT, "The body was not complete after 20 s."),
        Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json and say so in Content-Type."),
        Problem(Code.BAD_SIGNATURE, "The signature in Stripe-Signature does not fit the body."),
        Problem(Code.UNAUTHORIZED, "Send a valid key: Authorization: Bearer <key>."),
        Problem(Code.FORBIDDEN, "This needs the role staff; the key's role is warehouse."),
        Problem(Code.TOO_MANY_REQUESTS, "Too many wrong keys came from this address. Send a valid one in 6 s."),
        Problem(Code.RATE_LIMITED, "A key may send 6000 requests a minute. Send the next one in 1 s."),
        Problem(Code.UNAVAILABLE, "The database does not answer now. Try again with the same Idempotency-Key."),
        Problem(Code.INTERNAL_ERROR, "The request could not be answered."),
    )
}
_EVERY_REQUEST = (
    Code.UNAUTHORIZED,
    Code.INVALID_REQUEST,
    Code.TOO_MANY_REQUESTS,
    Code.RATE_LIMITED,
    Code.UNAVAILABLE,
    Code.INTERNAL_ERROR,
)
_RATE_LIMIT = {
    "RateLimit-Limit": "Requests that may be sent in a minute.",
    "RateLimit-Remaining": "Requests that may be sent at once.",
    "RateLimit-Reset": "Seconds until `RateLimit-Limit` requests may be sent at once again.",
}
"""Headers of a response to a limited request."""
_EVERY_POST = (Code.REQUEST_TIMEOUT, Code.PAYLOAD_TOO_LARGE, Code.UNSUPPORTED_MEDIA_TYPE, Code.IDEMPOTENCY_KEY_REUSED)


def problems(*codes: Code) -> Responses:
    """The problem responses of a route: each code is an example under its status."""
    responses: Responses = {}
    for code in sorted(dict.fromkeys(codes), key=lambda code: PROBLEM_TYPES[code].status):
        problem = _EXAMPLES[code]
        status = PROBLEM_TYPES[code].status
        response = responses.setdefault(
            status, {"description": PROBLEM_TYPES[code].title, "content": {MEDIA_TYPE: _content()}}
        )
        example = problem.view("/v1/claims").model_dump(mode="json", exclude_none=True)
        response["content"][MEDIA_TYPE]["examples"][code.value] = {
            "summary": PROBLEM_TYPES[code].title,
            "value": example,
        }
        if code in RETRIED:
            example_header = {"schema": {"type": "integer"}, "example": RETRY_AFTER_SECONDS}
            response["headers"] = {"Retry-After": {"description": "Seconds to wait", **example_header}}
    return responses


def _content() -> dict[str, Any]:
    return {"schema": {"$ref": "#/components/schemas/ProblemView"}, "examples": {}}


def read_problems(*codes: Code) -> Responses:
    """The problem responses of a GET: the common ones and `codes`."""
    return problems(*_EVERY_REQUEST, *codes)


def write_problems(*codes: Code) -> Responses:
    """The problem responses of a POST: the common ones and `codes`."""
    return problems(*_EVERY_REQUEST, *_EVERY_POST, *codes)


def webhook_problems() -> Responses:
    """The problem responses of a webhook, which is authenticated by its signature."""
    return problems(
        Code.BAD_SIGNATURE,
        Code.NOT_FOUND,
        Code.REQUEST_TIMEOUT,
        Code.PAYLOAD_TOO_LARGE,
        Code.UNSUPPORTED_MEDIA_TYPE,
        Code.INVALID_REQUEST,
        Code.UNAVAILABLE,
        Code.INTERNAL_ERROR,
    )


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, generated once."""
    if app.openapi_schema is None:
        generated = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = generated.setdefault("components", {}).setdefault("schemas", {})
        problem = ProblemView.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemView"] = problem
        # FastAPI drops nulls from the document; the examples need theirs.
        for model in _models(BaseModel):
            if model.__name__ in schemas and "examples" in schemas[model.__name__]:
                schemas[model.__name__]["examples"] = examples_of(model)
        generated["components"]["headers"] = {
            name: {"description": text, "schema": {"type": "integer", "minimum": 0}}
            for name, text in _RATE_LIMIT.items()
        }
        for response in _limited_responses(generated):
            response.setdefault("headers", {}).update(
                {name: {"$ref": f"#/components/headers/{name}"} for name in _RATE_LIMIT}
            )
        describe(schemas)
        name_operations(generated["paths"])
        for content in _contents(generated):
            _add_examples(content, schemas)
        app.openapi_schema = generated
    return app.openapi_schema


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Every model of this package."""
    for model in base.__subclasses__():
        yield from _models(model)
        if model.__module__.startswith("api."):
            yield model


def _limited_responses(generated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The responses of each operation that is limited: of those that may answer 429."""
    for operations in generated["paths"].values():
        for operation in operations.values():
            if str(PROBLEM_TYPES[Code.RATE_LIMITED].status) in operation["responses"]:
                yield from operation["responses"].values()


def _contents(generated: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in generated["paths"].values():
        for operation in operations.values():
            yield operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for status, response in operation["responses"].items():
                if str(status).startswith("2"):
                    yield response.get("content", {}).get("application/json", {})


def _add_examples(content: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Use the schema's examples (of each member, for a union) as examples of the body."""
    if "example" in content or "examples" in content or "schema" not in content:
        return
    schema = content["schema"]
    members = [
        member["$ref"] for member in (schema.get("oneOf") or schema.get("anyOf") or [schema]) if "$ref" in member
    ]
    examples = {}
    for name in (ref.rpartition("/")[2] for ref in members):
        for example in schemas[name].get("examples", ())[:1]:
            examples[name] = {"summary": schemas[name].get("description", name).partition("\n")[0], "value": example}
    if examples:
        content["examples"] = examples
