"""API: the Idempotency-Key. The first answer is kept and given again; what happens downstream has ids made of the key.

The key is noted before the work begins, so another body is refused even while the first answer is still missing. A
first try that died is simply done again: its ids are the same, so Temporal answers what the first try had begun.
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

from api.auth import Keys
from api.errors import DATABASE_AWAY
from api.problems import Code, Problem, unavailable
from messages.ids import new_id
from store.requests import Begun, KeptAnswer, KeyReused, Requests

log = logging.getLogger("aftercare.api")

HEADER = "idempotency-key"
LONGEST_KEY = 200
LONGEST_SCOPE = 255
REPLAYED = "Idempotency-Replayed"
_KEPT_HEADERS = ("content-type", "location")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What this request is known by. `again`: the key was seen before and its answer is not kept.

    `at` is when it was first sent: what a repeated request asks for is the very same, its moment included.
    """

    value: str
    at: datetime
    again: bool

    def id(self, prefix: str) -> str:
        """An id made of the key: a retry makes the same."""
        return new_id(prefix, self.value)


async def request_key(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=LONGEST_KEY,
            pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
            description="Same key and body: the first answer again. Same key, another body: 422.",
            examples=["8b0e0c1e-7f0e-4b55-9a3c-2f9f2a3c9f11"],
        ),
    ] = None,
) -> RequestKey:
    """The request's key, scoped by caller and path; a random one when none was sent."""
    begun = getattr(request.state, "begun", None) or Begun(request.app.state.services.now(), again=False)
    value = secrets.token_hex(16) if key is None else f"{_scope(request.scope)}:{key}"
    return RequestKey(value, begun.at, begun.again)


class Idempotency:
    """Stands between the body's edge and the routes. Keeps final answers of POSTs that carry a key."""

    def __init__(self, app: ASGIApp, requests: Requests, keys: Keys, now: Callable[[], datetime]) -> None:
        self._app = app
        self._requests = requests
        self._keys = keys
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        key = headers.get(HEADER)
        caller = self._keys.caller(headers)
        if key is None or caller is None or not _sound(key):
            await self._app(scope, receive, send)  # it is told there what is wrong
            return
        state = scope.setdefault("state", {})
        state["owner"] = caller.owner
        where = _scope(scope)
        if len(where) > LONGEST_SCOPE or not where.isprintable():
            await self._app(scope, receive, send)  # no route is like that
            return
        try:
            first = await self._requests.begin(where, key, _fingerprint(scope, state["body"]), self._now())
        except KeyReused:
            detail = "This Idempotency-Key was sent with another body. Use a new key for a new request."
            response: Response = Problem(Code.IDEMPOTENCY_KEY_REUSED, detail).response(scope["path"])
            await response(scope, receive, send)
            return
        except DATABASE_AWAY as error:
            log.warning("POST %s: %s", scope["path"], error)
            await unavailable("The database").response(scope["path"])(scope, receive, send)
            return
        if isinstance(first, KeptAnswer):
            response = Response(first.body, first.status, {**first.headers, REPLAYED: "true"})
            await response(scope, receive, send)
            return
        state["begun"] = first
        await self._answer(scope, receive, send, where, key)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, where: str, key: str) -> None:
        """Let the routes answer; keep the answer before it is sent, so that no caller knows more than we do."""
        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)

        await self._app(scope, receive, hold)
        start, body = held[0], b"".join(message.get("body", b"") for message in held[1:])
        status = start["status"]
        headers = {k: v for k, v in Headers(raw=start["headers"]).items() if k in _KEPT_HEADERS}
        try:
            if scope["state"].get("final", status < 400):
                await self._requests.finish(where, key, KeptAnswer(status, headers, body.decode()))
            elif 400 <= status < 500:  # a provisional answer is not kept, but whoever asks again is known by it
                await self._requests.forget(where, key)
        except DATABASE_AWAY as error:
            # What was asked has happened; the same key finds it again by its ids.
            log.warning("the answer to POST %s could not be kept: %s", scope["path"], error)
        for message in held:
            await send(message)


def _sound(key: str) -> bool:
    return 0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()


def _scope(scope: Scope) -> str:
    return f"{scope.get('state', {}).get('owner', '')} POST {scope['path']}"


def _fingerprint(scope: Scope, body: bytes) -> str:
    """A digest of what is asked: the order of fields and white space do not matter."""
    try:
        sound = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        sound = body
    return hashlib.sha256(scope["query_string"] + b"\n" + sound).hexdigest()


Key = Annotated[RequestKey, Depends(request_key)]
