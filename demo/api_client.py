"""Demo: a client of the HTTP API with retries. Knows no scenario."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx2

from settings.constants import DEVELOPMENT_KEY

Json = dict[str, Any]

_REQUEST_SECONDS: Final = 40.0
"""Longer than the API's own timeouts with Temporal: its response says more than a timeout here."""
_RETRY_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.5


class RequestRejected(Exception):
    """An error response. The message has request and problem; `rules` are pairs of rule id and message."""

    def __init__(self, message: str, rules: list[tuple[str, str]]) -> None:
        super().__init__(message)
        self.rules = rules


class ApiUnavailable(Exception):
    """No response, or 503, after all retries."""


class ApiClient:
    """Every POST has an Idempotency-Key of its own, so one without a response is sent again."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{api_url}/v1",
            headers={"Authorization": f"Bearer {DEVELOPMENT_KEY}"},
            timeout=_REQUEST_SECONDS,
            trust_env=False,  # ignores proxy variables: the API is on this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, path: str) -> Json:
        """Raises RequestRejected, ApiUnavailable."""
        return await self._request("GET", path, {}, None, again=True)

    async def post(self, path: str, body: Json | None = None, *, key: str = "", again: bool = True) -> Json:
        """`key` repeats an earlier request; `again` allows retries.

        Raises RequestRejected, ApiUnavailable.
        """
        return await self._request("POST", path, {"Idempotency-Key": key or str(uuid4())}, body, again=again)

    async def events(self, claim_id: str) -> list[Json]:
        """The whole timeline of a claim."""
        found: list[Json] = []
        cursor = "0"
        while cursor:
            page = await self.get(f"/claims/{claim_id}/events?limit=200&cursor={cursor}")
            found += page["items"]
            cursor = page["next_cursor"]
        return found

    async def _request(
        self, method: str, path: str, headers: dict[str, str], body: Json | None, *, again: bool
    ) -> Json:
        loop = asyncio.get_running_loop()
        until = loop.time() + (_RETRY_SECONDS if again else 0)
        while True:
            try:
                response = await self._http.request(method, path, headers=headers, json=body)
            except httpx2.TransportError as error:
                said = f"no answer ({type(error).__name__})"
            else:
                if response.is_success:
                    answer: Json = response.json()
                    return answer
                said = _describe(response)
                if _payment_in_progress(response):
                    headers["Idempotency-Key"] = str(uuid4())  # nothing was executed, so a new key is needed
                elif response.status_code != httpx2.codes.SERVICE_UNAVAILABLE:
                    raise RequestRejected(f"{method} {path}: {said}", _rules(response))
            if loop.time() >= until:
                raise ApiUnavailable(f"{method} {path}: {said}")
            await asyncio.sleep(_PAUSE_SECONDS)


def _payment_in_progress(response: httpx2.Response) -> bool:
    return response.status_code == httpx2.codes.CONFLICT and "payment_in_progress" in response.text


def _describe(response: httpx2.Response) -> str:
    """The problem's code and detail, or the status line of another response."""
    try:
        problem = response.json()
        wrong = "".join(f" {error['field']} {error['message']}." for error in problem.get("errors") or ())
        return f"{response.status_code} {problem['code']}: {problem['detail']}{wrong}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{response.status_code} {response.reason_phrase}"


def _rules(response: httpx2.Response) -> list[tuple[str, str]]:
    """The problem's rules with their messages; none for another response."""
    try:
        problem = response.json()
        reasons = problem.get("reasons") or [{"rule": problem["rule"], "message": problem["detail"]}]
        return [(reason["rule"], reason["message"]) for reason in reasons]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
