"""API: exception handlers: every exception becomes a problem response. Typed error codes map to HTTP here."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.claim_commands import ClaimNotRunning, CommandRejected, TemporalUnavailable
from api.problems import Code, FieldError, Problem, invalid, not_found, unavailable
from domain.kinds import Service

log = logging.getLogger("aftercare.api")

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)
"""SQLAlchemy's exceptions while the database cannot be reached or used."""

PROBLEM_CODES: Mapping[str, Code] = {
    "action_not_allowed": Code.ACTION_NOT_ALLOWED,
    "conflict": Code.CONFLICT,
    "invalid_request": Code.INVALID_REQUEST,
    "not_found": Code.NOT_FOUND,
    "payment_declined": Code.PAYMENT_DECLINED,
    "payment_in_progress": Code.PAYMENT_IN_PROGRESS,
    "refused": Code.REFUSED,
}
"""Problem code by the type of an error of workflows and activities. Any other type is a bug."""

_SERVICE_TAGS = frozenset(Service)
_STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.PAYLOAD_TOO_LARGE}


def problem_of(rejected: CommandRejected) -> Problem:
    """The problem for a rejected command."""
    code = PROBLEM_CODES[rejected.code]
    fields = [FieldError(field=name, message=message) for name, message in rejected.fields]
    if code in (Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS):
        return Problem(code, rejected.message, rule=rejected.rule, allowed_actions=rejected.allowed_actions or ())
    return Problem(code, rejected.message, errors=fields, rule=rejected.rule)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors as paths and messages. The input is not repeated: it may be personal or very long."""
    return [FieldError(field=_path(error), message=_message(error)) for error in errors]


def _path(error: Mapping[str, Any]) -> str:
    location = list(error["loc"][1:])
    if error["type"] == "json_invalid":
        return "body"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        location.append(str(error["ctx"]["discriminator"]).strip("'"))
    elif error["loc"][0] == "body" and location and location[0] in _SERVICE_TAGS:
        del location[0]  # the tag of the union's member, not a field
    return ".".join(str(part) for part in location) or str(error["loc"][0])


def _message(error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    match error["type"]:
        case "json_invalid":
            return f"is not JSON: {context.get('error', 'cannot be read')}"
        case "missing" | "union_tag_not_found":
            return "is missing"
        case "extra_forbidden":
            return "is not a known field"
        case "union_tag_invalid":
            return f"must be one of {context['expected_tags']}"
        case _:
            message = str(error["msg"]).removeprefix("Value error, ")
            return message[:1].lower() + message[1:]


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    request.state.final = error.final
    return error.response(request.url.path)


async def _on_rejected(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CommandRejected)
    if error.code not in PROBLEM_CODES:
        log.error("%s %s: unexpected error type: %s %s", request.method, request.url.path, error.code, error.message)
        return await _on_fault(request, error)
    return await _on_problem(request, problem_of(error))


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = field_errors(error.errors())
    detail = "; ".join(f"{each.field}: {each.message}" for each in fields[:3])
    problem = Problem(Code.INVALID_REQUEST, detail, errors=fields)
    return await _on_problem(request, problem)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code)
    if code is Code.NOT_FOUND:
        problem = not_found("such page")
    elif code is Code.METHOD_NOT_ALLOWED:
        problem = Problem(code, f"{request.method} is not possible here.", headers=dict(error.headers or {}))
    elif code is not None:
        problem = Problem(code, str(error.detail))
    elif error.status_code < 500:
        problem = invalid("body", "cannot be read")
    else:
        problem = Problem(Code.INTERNAL_ERROR, "The request could not be answered.")
    return await _on_problem(request, problem)


async def _on_unavailable(request: Request, error: Exception) -> JSONResponse:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    service = "The engine that runs claims" if isinstance(error, TemporalUnavailable) else "The database"
    return await _on_problem(request, unavailable(service))


async def _on_claim_not_running(request: Request, error: Exception) -> JSONResponse:
    return await _on_problem(request, not_found("such claim"))


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    # The server logs the exception; the response has no internal details.
    return await _on_problem(request, Problem(Code.INTERNAL_ERROR, "The request could not be answered."))


def install(app: FastAPI) -> None:
    """Install the exception handlers."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(CommandRejected, _on_rejected)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(TemporalUnavailable, _on_unavailable)
    app.add_exception_handler(ClaimNotRunning, _on_claim_not_running)
    for exception in DATABASE_UNAVAILABLE:
        app.add_exception_handler(exception, _on_unavailable)
    app.add_exception_handler(Exception, _on_fault)
