"""Activities: how requests reach Stripe: by httpx, once, and not for longer than is good.

The library's own way over httpx uses a parameter that httpx wants to be rid of, and waits 80 s.
"""

from collections.abc import Mapping

import httpx
import stripe


class HttpxWire(stripe.HTTPClient):
    """Carries a request and its answer. `seconds`: how long each of connecting, sending and reading may take."""

    name = "httpx"

    def __init__(self, *, seconds: float) -> None:
        super().__init__()
        self._client = httpx.AsyncClient(timeout=seconds)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers of the answer. Raises APIConnectionError when there is none."""
        try:
            answer = await self._client.request(method, url, headers=dict(headers), content=post_data)
        except httpx.HTTPError as lost:
            no_answer = f"no answer: {type(lost).__name__}"
            raise stripe.APIConnectionError(no_answer) from lost  # type: ignore[no-untyped-call]  # theirs
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        """Let the connections go."""
        await self._client.aclose()
