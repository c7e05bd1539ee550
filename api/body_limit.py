"""API: middleware that reads each body whole: at most 1 MiB within 20 s, and JSON. Knows no route."""

import asyncio
import json

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import Code, Problem, invalid, unavailable

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 20.0
"""How long a body may take to arrive."""
BODIES_WITHOUT_KEY = 64
"""How many webhooks are read at once: their signature is verified over the body, so anybody may begin one."""
_MAX_DRAINED_BYTES = 16 * MAX_BODY_BYTES
"""A caller that is still sending does not read the response, so up to this much is read and discarded first."""


class BodyLimitMiddleware:
    """Reads the body before the other middleware and stores it in `scope["state"]["body"]`."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS, without_key: int = BODIES_WITHOUT_KEY) -> None:
        self._app = app
        self._seconds = seconds
        self._without_key = without_key
        self._reading_without_key = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            scope.setdefault("state", {})["body"] = b""  # the request has no body
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(receive, counted=scope["state"]["caller"] is None)
            _require_json(headers, body)
        except Problem as problem:
            await problem.response(scope["path"])(scope, receive, send)
            return
        except ConnectionResetError:
            return  # the caller has disconnected
        scope.setdefault("state", {})["body"] = body
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive, counted: bool) -> bytes:
        """The body, within the time limit. `counted`: nobody has been identified, so few of these are read at once."""
        if counted and self._reading_without_key >= self._without_key:
            raise unavailable("The receiver of webhooks")
        self._reading_without_key += counted
        try:
            async with asyncio.timeout(self._seconds):
                return await _read(receive)
        except TimeoutError:
            detail = f"The body was not complete after {self._seconds:g} s."
            raise Problem(Code.REQUEST_TIMEOUT, detail, headers={"Connection": "close"}) from None
        finally:
            self._reading_without_key -= counted


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more and size <= _MAX_DRAINED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        more = message.get("more_body", False)
    if size > MAX_BODY_BYTES:
        raise Problem(Code.PAYLOAD_TOO_LARGE, f"A body has at most {MAX_BODY_BYTES} bytes.")
    return b"".join(parts)


def _require_json(headers: Headers, body: bytes) -> None:
    if not body:
        return
    if (coding := headers.get("content-encoding", "identity").strip().lower()) not in ("identity", ""):
        detail = f"Send the body as it is, without Content-Encoding: {coding}."
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": "identity"})
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(Code.UNSUPPORTED_MEDIA_TYPE, "Send the body as application/json and say so in Content-Type.")
    if b"NaN" in body or b"Infinity" in body:  # rare, so that other bodies are not parsed twice
        _refuse_other_numbers(body)


def _refuse_other_numbers(body: bytes) -> None:
    """Refuse NaN and Infinity, which Python's parser takes and JSON does not have."""

    def refuse(constant: str) -> None:
        raise invalid("body", f"is not JSON: {constant} is no number there")

    try:
        json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        return  # the routes say what is wrong
