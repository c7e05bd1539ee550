"""API: from what went wrong to what is answered. The one place where typed codes meet HTTP."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from api.door import Gone, Refused, Unavailable
from api.problems import Code, FieldError, Problem, invalid, not_found, unavailable
from domain.kinds import Service

log = logging.getLogger("aftercare.api")

DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
"""What SQLAlchemy raises while the database cannot be reached or used."""

REFUSALS: Mapping[str, Code] = {
    "action_not_allowed": Code.ACTION_NOT_ALLOWED,
    "conflict": Code.CONFLICT,
    "invalid_request": Code.INVALID_REQUEST,
    "not_found": Code.NOT_FOUND,
    "payment_declined": Code.PAYMENT_DECLINED,
    "payment_in_progress": Code.PAYMENT_IN_PROGRESS,
    "refused": Code.REFUSED,
}
"""What workflows and activities say, by type. A type that is not here is a fault of ours."""

_TAGS = frozenset(Service)
_STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.PAYLOAD_TOO_LARGE}


def problem_of(refused: Refused) -> Problem:
    """A typed refusal as its answer."""
    code = REFUSALS[refused.code]
    fields = [FieldError(field=name, message=message) for name, message in refused.fields]
    if code in (Code.ACTION_NOT_ALLOWED, Code.PAYMENT_IN_PROGRESS):
        return Problem(code, refused.message, rule=refused.rule, allowed_actions=refused.allowed_actions or ())
    return Problem(code, refused.message, errors=fields, rule=refused.rule)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Pydantic's errors as paths and sentences. What was sent is not repeated: it may be personal or endless."""
    return [FieldError(field=_path(error), message=_message(error)) for error in errors]


def _path(error: Mapping[str, Any]) -> str:
    location = list(error["loc"][1:])
    if error["type"] == "json_invalid":
        return "body"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        location.append(str(error["ctx"]["discriminator"]).strip("'"))
    elif error["loc"][0] == "body" and location and location[0] in _TAGS:
        del location[0]  # which shape of the union was meant, not a field
    return ".".join(str(step) for step in location) or str(error["loc"][0])


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


async def _on_refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    if error.code not in REFUSALS:
        log.error("%s %s: an answer nobody expects: %s %s", request.method, request.url.path, error.code, error.message)
        return await _on_fault(request, error)
    return await _on_problem(request, problem_of(error))


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    fields = field_errors(error.errors())
    detail = "; ".join(f"{wrong.field}: {wrong.message}" for wrong in fields[:3])
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
    what = "The engine that runs claims" if isinstance(error, Unavailable) else "The database"
    return await _on_problem(request, unavailable(what))


async def _on_gone(request: Request, error: Exception) -> JSONResponse:
    return await _on_problem(request, not_found("such claim"))


async def _on_fault(request: Request, error: Exception) -> JSONResponse:
    # The server logs the exception itself; the caller learns nothing of our insides.
    return await _on_problem(request, Problem(Code.INTERNAL_ERROR, "The request could not be answered."))


def install(app: FastAPI) -> None:
    """Answer everything that goes wrong as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(Gone, _on_gone)
    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _on_unavailable)
    app.add_exception_handler(Exception, _on_fault)
