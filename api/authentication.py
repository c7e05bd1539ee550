"""API: middleware that looks at the key and its rate limit before anything else of a request is read."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Caller, KeyLookup, bearer_token, no_key
from api.error_handlers import DATABASE_UNAVAILABLE
from api.key_guard import KeyGuard
from api.problems import Code, Problem, unavailable
from api.rate_limit import RateLimits, address_of, rate_limited

log = logging.getLogger("aftercare.api")

_SIGNED_PREFIX = "/v1/webhooks/"
"""Requests without a key: their signature is verified over the body."""
_LINGER_SECONDS: Final = 2.0
"""How long the body of a refused request is discarded before the connection is closed."""


class AuthenticationMiddleware:
    """Stores the caller in `scope["state"]["caller"]`. Refuses beyond the rate limit, and a body without a key before
    the body is read.

    A request without a body goes on without a caller: its route responds, or it needs no key.
    """

    def __init__(self, app: ASGIApp, keys: KeyLookup, guard: KeyGuard, limits: RateLimits) -> None:
        self._app = app
        self._keys = keys
        self._guard = guard
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            caller = await find_caller(self._keys, self._guard, scope, headers)
            if allowance := self._limits.take(scope, caller):
                send = allowance.sending(send)
                if allowance.wait:
                    raise rate_limited(allowance, caller)
            if caller is None and has_body(headers) and not scope["path"].startswith(_SIGNED_PREFIX):
                raise no_key()
        except Problem as problem:
            await _refuse(problem, scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Respond at once, and where a body follows, close the connection.

    A body on its way to a closed connection is answered by a reset, which discards the response before the caller has
    read it. So what arrives meanwhile is received and discarded, for a moment.
    """
    if not has_body(Headers(scope=scope)):
        await problem.response(scope["path"])(scope, receive, send)
        return
    problem.headers["Connection"] = "close"

    async def send_and_stay(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["more_body"] = True
        await send(message)

    await problem.response(scope["path"])(scope, receive, send_and_stay)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body", "body": b""})


async def find_caller(keys: KeyLookup, guard: KeyGuard, scope: Scope, headers: Headers) -> Caller | None:
    """The caller of the request's key, None without a valid one. Raises Problem: 429 for an address that must
    wait, 503 while keys cannot be looked up."""
    token = bearer_token(headers)
    if not token:
        return None
    try:
        caller, address = await keys.caller(token), address_of(scope)
    except DATABASE_UNAVAILABLE as error:
        log.warning("a key could not be looked up: %s", error)
        raise unavailable("The database") from None
    wait = guard.seconds_to_wait(address, caller.id if caller else None)
    if wait:
        detail = f"Too many wrong keys came from this address. Send a valid one in {wait} s."
        raise Problem(Code.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(wait)})
    if caller is None:
        guard.wrong(address)
    else:
        guard.right(address, caller.id)
    return caller


def has_body(headers: Headers) -> bool:
    """Whether a body follows the headers."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
