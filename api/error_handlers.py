"""API: exception handlers: every exception becomes a problem response. Typed error codes map to HTTP here."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match

from api.claim_commands import ClaimNotRunning, CommandRejected, TemporalUnavailable
from api.field_errors import detail_of, field_errors
from api.problems import Code, FieldError, Problem, declined, invalid, not_found, unavailable
from domain.kinds import ReasonCode
from domain.reasons import Reason

log = logging.getLogger("aftercare.api")

DATABASE_UNAVAILABLE = (OperationalError, InterfaceError, PoolTimeout)
"""SQLAlchemy's exceptions while the database cannot be reached or used."""

PROBLEM_CODES: Mapping[str, Code] = {
    "action_not_allowed": Code.ACTION_NOT_ALLOWED,
    "conflict": Code.CONFLICT,
    "invalid_request": Code.INVALID_REQUEST,
    "not_found": Code.NOT_FOUND,
    "hold_not_live": Code.HOLD_NOT_LIVE,
    "payment_declined": Code.PAYMENT_DECLINED,
    "payment_in_progress": Code.PAYMENT_IN_PROGRESS,
    "refused": Code.REFUSED,
}
"""Problem code by the type of an error of workflows and activities. Any other type is a bug."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.PAYLOAD_TOO_LARGE}


def problem_of(rejected: CommandRejected) -> Problem:
    """The problem for a rejected command."""
    code = PROBLEM_CODES[rejected.code]
    fields = [FieldError(field=name, message=message) for name, message in rejected.fields]
    if code in (Code.ACTION_NOT_ALLOWED, Code.HOLD_NOT_LIVE, Code.PAYMENT_IN_PROGRESS):
        reasons = (
            [Reason(ReasonCode(code), rejected.rule or "", rejected.message)] if code is Code.HOLD_NOT_LIVE else []
        )
        return Problem(
            code, rejected.message, reasons=reasons, rule=rejected.rule, allowed_actions=rejected.allowed_actions or ()
        )
    if code is Code.PAYMENT_DECLINED:
        return declined(rejected.message, rejected.decline_code, rule=rejected.rule)
    return Problem(code, rejected.message, errors=fields, rule=rejected.rule)


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
    problem = Problem(Code.INVALID_REQUEST, detail_of(fields), errors=fields)
    return await _on_problem(request, problem)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _STATUS_CODES.get(error.status_code)
    if code is Code.NOT_FOUND:
        problem = not_found("such page")
    elif code is Code.METHOD_NOT_ALLOWED:
        allow = {"Allow": ", ".join(_methods_of(request))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        problem = Problem(code, f"{request.method} is not possible here.", headers=allow)
    elif code is not None:
        problem = Problem(code, str(error.detail))
    elif error.status_code < 500:
        problem = invalid("body", "cannot be read")
    else:
        problem = Problem(Code.INTERNAL_ERROR, "The request could not be answered.")
    return await _on_problem(request, problem)


def _methods_of(request: Request) -> list[str]:
    """The methods of the path: each may have a route of its own, and the router names those of the first alone."""
    return [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


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
