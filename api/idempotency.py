"""API: the Idempotency-Key. The first response is stored and sent again; ids of workflows are derived from the key.

The key is stored before the work begins, so another body is refused even while the first response is missing. A first
attempt that was interrupted is repeated: its ids are the same, so Temporal returns the results of the first attempt.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import ApiKeys
from api.error_handlers import DATABASE_UNAVAILABLE
from api.problems import Code, Problem, unavailable
from messages.ids import new_id
from store.idempotency_keys import IdempotencyKeyReused, IdempotencyKeys, OpenRequest, StoredResponse

log = logging.getLogger("aftercare.api")

HEADER = "idempotency-key"
MAX_KEY_LENGTH = 200
MAX_SCOPE_LENGTH = 255
REPLAYED = "Idempotency-Replayed"
_STORED_HEADERS = ("content-type", "location")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The request's key. `again`: the key was used before and its response is not stored.

    `at` is when the key was first sent: a repeated request has the same effect, its timestamp included.
    """

    value: str
    at: datetime
    again: bool

    def id(self, prefix: str) -> str:
        """An id derived from the key: a retry gets the same."""
        return new_id(prefix, self.value)


async def request_key(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=MAX_KEY_LENGTH,
            pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
            description="Same key and body: the first response again. Same key, another body: 422.",
            examples=["8b0e0c1e-7f0e-4b55-9a3c-2f9f2a3c9f11"],
        ),
    ] = None,
) -> RequestKey:
    """The request's key, scoped by caller and path; a random one when none was sent."""
    opened = getattr(request.state, "open_request", None) or OpenRequest(
        request.app.state.services.now(), repeated=False
    )
    value = secrets.token_hex(16) if key is None else f"{_scope(request.scope)}:{key}"
    return RequestKey(value, opened.first_sent_at, opened.repeated)


class IdempotencyMiddleware:
    """Middleware inside `BodyLimitMiddleware`. Stores final responses of POSTs that carry a key."""

    def __init__(
        self, app: ASGIApp, idempotency_keys: IdempotencyKeys, keys: ApiKeys, now: Callable[[], datetime]
    ) -> None:
        self._app = app
        self._idempotency_keys = idempotency_keys
        self._keys = keys
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = headers.get(HEADER)
        caller = self._keys.caller(headers)
        if key is None or caller is None or not _is_valid(key):
            await self._app(scope, receive, send)  # the routes respond with what is wrong
            return
        state = scope.setdefault("state", {})
        state["owner"] = caller.owner
        request_scope = _scope(scope)
        if len(request_scope) > MAX_SCOPE_LENGTH or not request_scope.isprintable():
            await self._app(scope, receive, send)  # no route has such a path
            return
        try:
            fingerprint = _fingerprint(scope, state["body"])
            known = await self._idempotency_keys.begin(request_scope, key, fingerprint, self._now())
        except IdempotencyKeyReused:
            detail = "This Idempotency-Key was sent with another body. Use a new key for a new request."
            response: Response = Problem(Code.IDEMPOTENCY_KEY_REUSED, detail).response(scope["path"])
            await response(scope, receive, send)
            return
        except DATABASE_UNAVAILABLE as error:
            log.warning("POST %s: %s", scope["path"], error)
            await unavailable("The database").response(scope["path"])(scope, receive, send)
            return
        if isinstance(known, StoredResponse):
            response = Response(known.body, known.status, {**known.headers, REPLAYED: "true"})
            await response(scope, receive, send)
            return
        state["open_request"] = known
        await self._respond(scope, receive, send, request_scope, key)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, request_scope: str, key: str) -> None:
        """Run the routes and store their response before it is sent, so that no caller has one that we lost."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
        status = start["status"]
        headers = {k: v for k, v in Headers(raw=start["headers"]).items() if k in _STORED_HEADERS}
        try:
            if scope["state"].get("final", status < 400):
                await self._idempotency_keys.store_response(
                    request_scope, key, StoredResponse(status, headers, body.decode())
                )
            elif 400 <= status < 500:  # the caller may send the key again for another result
                await self._idempotency_keys.delete(request_scope, key)
        except DATABASE_UNAVAILABLE as error:
            # The work is done; a retry with the same key finds it by its ids.
            log.warning("the response to POST %s could not be stored: %s", scope["path"], error)
        for message in messages:
            await send(message)


def _is_valid(key: str) -> bool:
    return 0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()


def _scope(scope: Scope) -> str:
    return f"{scope.get('state', {}).get('owner', '')} POST {scope['path']}"


def _fingerprint(scope: Scope, body: bytes) -> str:
    """A digest of query and body. The order of fields and white space do not matter."""
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        canonical = body
    return hashlib.sha256(scope["query_string"] + b"\n" + canonical).hexdigest()


Key = Annotated[RequestKey, Depends(request_key)]
