"""API: the codec server: decrypts payloads for those who may read them in Temporal's UI and command line.

Temporal's remote codec protocol: `POST /decode` and `POST /encode` take and return `Payloads` as proto3 JSON. It is an
application of its own, so that only the people who read claims in Temporal need to reach it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import StatelessLifespan
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from api.auth import KeyLookup, Role
from api.authentication import find_caller
from api.body_limit import BODY_SECONDS
from api.key_guard import KeyGuard
from api.problems import Problem

log = logging.getLogger("aftercare.codec")

MAX_BODY_BYTES = 8 * 1024 * 1024
"""The UI sends the payloads of one page of a history in one request."""
_READERS = (Role.STAFF, Role.ADMIN)


def create_codec_server(
    codec: PayloadCodec, keys: KeyLookup | None, ui_origin: str, lifespan: StatelessLifespan[Starlette] | None = None
) -> Starlette:
    """The application. `keys` None: every caller is admitted, for development on one machine.

    `ui_origin` is the scheme, host and port of Temporal's UI, the one origin whose pages may call it.
    """

    guard = KeyGuard()

    def route(convert: Callable[[Sequence[Payload]], Awaitable[list[Payload]]]) -> Callable[..., Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            who = await _caller(keys, guard, request)
            payloads = await _payloads(request)
            try:
                converted = Payloads(payloads=await convert(payloads.payloads))
            except ValueError as error:
                raise HTTPException(400, str(error)) from error
            namespace = request.headers.get("x-namespace", "")
            log.info("%s: %d payloads of namespace %r by %s", request.url.path, len(payloads.payloads), namespace, who)
            return Response(json_format.MessageToJson(converted), media_type="application/json")

        return handle

    return Starlette(
        routes=[
            Route("/decode", route(codec.decode), methods=["POST"]),
            Route("/encode", route(codec.encode), methods=["POST"]),
            Route("/healthz", _healthz),
        ],
        lifespan=lifespan,
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=[ui_origin],
                allow_methods=["POST"],
                allow_headers=["content-type", "x-namespace", "authorization"],
                allow_credentials=True,
            )
        ],
    )


async def _caller(keys: KeyLookup | None, guard: KeyGuard, request: Request) -> str:
    """Who asks, for the log. Raises HTTPException 401, 403, or 429 after too many wrong keys."""
    if keys is None:
        return "anybody (development)"
    try:
        caller = await find_caller(keys, guard, request.scope, request.headers)
    except Problem as problem:
        raise HTTPException(problem.kind.status, problem.detail, problem.headers) from None
    if caller is None:
        raise HTTPException(401, "Send a key of the role staff or admin: Authorization: Bearer <key>.")
    if caller.role not in _READERS:
        raise HTTPException(403, f"This needs the role staff or admin; the key's role is {caller.role}.")
    return f"{caller.actor} ({caller.role})" if caller.name else f"{caller.role} {caller.id}"


async def _payloads(request: Request) -> Payloads:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise HTTPException(413, f"A body has at most {MAX_BODY_BYTES} bytes.")
    except TimeoutError:
        detail = f"The body was not complete after {BODY_SECONDS:g} s."
        raise HTTPException(408, detail, {"Connection": "close"}) from None
    try:
        return json_format.Parse(bytes(body), Payloads())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise HTTPException(400, "The body is no Payloads message in proto3 JSON.") from error


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok")
