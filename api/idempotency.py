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

from api.auth import Caller
from api.error_handlers import DATABASE_UNAVAILABLE
from api.problems import Code, Problem, unavailable
from api.requests.text_form import TextForm
from messages.ids import new_id
from store.idempotency_keys import IdempotencyKeyReused, IdempotencyKeys, OpenRequest, ResponseForgotten, StoredResponse

log = logging.getLogger("aftercare.api")

HEADER = "idempotency-key"
MAX_KEY_LENGTH = 200
REPLAYED = "Idempotency-Replayed"
_KEY_FORM = TextForm(r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$", "visible ASCII characters, with spaces inside only")
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
        Annotated[str, _KEY_FORM] | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=MAX_KEY_LENGTH,
            description="Same key, path and body: the first response again. Same key, another body or path: 422.",
            examples=["8b0e0c1e-7f0e-4b55-9a3c-2f9f2a3c9f11"],
        ),
    ] = None,
) -> RequestKey:
    """The request's key, scoped by caller and path; a random one when none was sent.

    The path is part of it although a key belongs to one path: ids made before that was so are found by it.
    """
    opened = getattr(request.state, "open_request", None) or OpenRequest(
        request.app.state.services.now(), repeated=False
    )
    caller: Caller | None = request.state.caller
    owner = caller.id if caller else ""
    value = secrets.token_hex(16) if key is None else f"{owner} POST {request.scope['path']}:{key}"
    return RequestKey(value, opened.first_sent_at, opened.repeated)


class IdempotencyMiddleware:
    """Middleware inside `BodyLimitMiddleware`. Stores final responses of POSTs that carry a key."""

    def __init__(self, app: ASGIApp, idempotency_keys: IdempotencyKeys, now: Callable[[], datetime]) -> None:
        self._app = app
        self._idempotency_keys = idempotency_keys
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = headers.get(HEADER)
        caller: Caller | None = scope["state"]["caller"]
        if key is None or caller is None or not _is_valid(key):
            await self._app(scope, receive, send)  # the routes respond with what is wrong
            return
        state = scope["state"]
        try:
            fingerprint = _fingerprint(scope, state["body"])
            known = await self._idempotency_keys.begin(caller.id, key, fingerprint, self._now())
        except (IdempotencyKeyReused, ResponseForgotten) as refused:
            response: Response = _reused(refused).response(scope["path"])
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
        await self._respond(scope, receive, send, caller.id, key)

    async def _respond(self, scope: Scope, receive: Receive, send: Send, owner: str, key: str) -> None:
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
                await self._idempotency_keys.store_response(owner, key, StoredResponse(status, headers, body.decode()))
            elif 400 <= status < 500:  # the caller may send the key again for another result
                await self._idempotency_keys.delete(owner, key)
        except DATABASE_UNAVAILABLE as error:
            # The work is done; a retry with the same key finds it by its ids.
            log.warning("the response to POST %s could not be stored: %s", scope["path"], error)
        for message in messages:
            await send(message)


def _is_valid(key: str) -> bool:
    return 0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()


def _reused(refused: IdempotencyKeyReused | ResponseForgotten) -> Problem:
    if isinstance(refused, IdempotencyKeyReused):
        detail = "This Idempotency-Key was sent with another body or to another path. Use a new key for a new request."
    else:
        detail = (
            f"This request was answered with {refused.status} more than a day ago; its response is not kept so long. "
            "Nothing was done now. Read what you asked for, or use a new key for a new request."
        )
    return Problem(Code.IDEMPOTENCY_KEY_REUSED, detail)


def _fingerprint(scope: Scope, body: bytes) -> str:
    """A digest of path, query and body. The order of fields and white space do not matter."""
    try:
        canonical = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        canonical = body
    target = scope["path"].encode("utf-8", "surrogateescape") + b"?" + scope["query_string"]
    return hashlib.sha256(target + b"\n" + canonical).hexdigest()


Key = Annotated[RequestKey, Depends(request_key)]
