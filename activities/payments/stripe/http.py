"""Activities: the HTTP client that carries requests to Stripe: httpx2, without retries and with our own timeout.

The library's own asynchronous client needs httpx or aiohttp, and its timeout is 80 s.
"""

from collections.abc import Mapping

import httpx2
import stripe


class HttpxClient(stripe.HTTPClient):
    """Sends one request. `seconds`: the timeout of each of connecting, sending and reading."""

    name = "httpx2"

    def __init__(self, *, seconds: float) -> None:
        super().__init__()
        self._client = httpx2.AsyncClient(timeout=seconds)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | bytes | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Body, status and headers of the response. Raises APIConnectionError when there is none."""
        try:
            response = await self._client.request(method, url, headers=dict(headers), content=post_data)
        except httpx2.HTTPError as error:
            message = f"no answer: {type(error).__name__}"
            raise stripe.APIConnectionError(message) from error  # type: ignore[no-untyped-call]  # theirs
        return response.content, response.status_code, response.headers

    async def close_async(self) -> None:
        """Close the connections."""
        await self._client.aclose()
