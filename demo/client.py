"""The demo's way in: the HTTP API, asked as any other program would ask it. Knows addresses and answers, no story."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from settings import DEVELOPMENT_KEY

Answer = dict[str, Any]

_REQUEST_SECONDS: Final = 40.0
"""Longer than the API's own patience with Temporal: its answer is clearer than our giving up."""
_RETRY_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.5


class Refused(Exception):
    """The API said no. The message says to what, and what it said; `why` gives each rule with its words."""

    def __init__(self, message: str, why: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.why = why


class NoAnswer(Exception):
    """The stack could not answer, however often it was asked."""


class Client:
    """The API's calls. Every POST has an Idempotency-Key of its own, so one that got no answer is simply sent again."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{api_url}/v1",
            headers={"Authorization": f"Bearer {DEVELOPMENT_KEY}"},
            timeout=_REQUEST_SECONDS,
            trust_env=False,  # a proxy for the world outside has nothing to do with this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Answer:
        """Raises Refused, NoAnswer."""
        return await self._ask("GET", path, {}, None, again=True)

    async def post(self, path: str, body: Answer | None = None, *, key: str = "", again: bool = True) -> Answer:
        """`key` asks for the answer to an earlier request; `again` says that asking twice does no harm.

        Raises Refused, NoAnswer.
        """
        return await self._ask("POST", path, {"Idempotency-Key": key or str(uuid4())}, body, again=again)

    async def events(self, claim_id: str) -> list[Answer]:
        """The whole timeline of a claim."""
        found: list[Answer] = []
        cursor = "0"
        while cursor:
            page = await self.get(f"/claims/{claim_id}/events?limit=200&cursor={cursor}")
            found += page["items"]
            cursor = page["next_cursor"]
        return found

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Answer | None, *, again: bool
    ) -> Answer:
        loop = asyncio.get_running_loop()
        until = loop.time() + (_RETRY_SECONDS if again else 0)
        while True:
            try:
                response = await self._http.request(method, path, headers=headers, json=body)
            except httpx.TransportError as error:
                said = f"no answer ({type(error).__name__})"
            else:
                if response.is_success:
                    answer: Answer = response.json()
                    return answer
                said = _said(response)
                if _waits_for_a_payment(response):
                    headers["Idempotency-Key"] = str(uuid4())  # nothing was done: it is a new request
                elif response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise Refused(f"{method} {path}: {said}", _why(response))
            if loop.time() >= until:
                raise NoAnswer(f"{method} {path}: {said}")
            await asyncio.sleep(_PAUSE_SECONDS)


def _waits_for_a_payment(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.CONFLICT and "payment_in_progress" in response.text


def _said(response: httpx.Response) -> str:
    """A problem's code and detail; whatever else came instead."""
    try:
        problem = response.json()
        wrong = "".join(f" {error['field']} {error['message']}." for error in problem.get("errors") or ())
        return f"{response.status_code} {problem['code']}: {problem['detail']}{wrong}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{response.status_code} {response.reason_phrase}"


def _why(response: httpx.Response) -> list[tuple[str, str]]:
    """The rules a problem names, each with its words; none when something else came."""
    try:
        problem = response.json()
        reasons = problem.get("reasons") or [{"rule": problem["rule"], "message": problem["detail"]}]
        return [(reason["rule"], reason["message"]) for reason in reasons]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
