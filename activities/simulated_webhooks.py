"""Activities: the simulated gateway's webhooks, posted to the API as a real gateway would post them.

Runs beside a worker in development, knows nothing but the gateway's own table and an address, and never fails loudly:
what was not accepted is posted again later, by whoever comes next.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from sqlmodel import col, select, update

from activities.mischief import Mischief
from store.database import Database
from store.payment_tables import GatewayEventRow

log = logging.getLogger("aftercare.webhooks")

MOST_AT_ONCE: Final = 50
LONGEST_PAUSE_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 10.0
_TYPES: Final = {
    "authorized": "payment_intent.amount_capturable_updated",
    "captured": "payment_intent.succeeded",
    "charged": "payment_intent.succeeded",
    "released": "payment_intent.canceled",
    "expired": "charge.expired",
    "refunded": "charge.refunded",
}


class SimulatedWebhooks:
    """Posts what the simulated gateway has to tell to `address`.

    `sign` makes the headers that prove who sent a body at a moment. `poll_seconds` pass between two looks at the table.
    `http` is the client to post with, for tests.
    """

    def __init__(
        self,
        database: Database,
        address: str,
        sign: Callable[[bytes, datetime], dict[str, str]],
        *,
        mischief: Mischief | None = None,
        poll_seconds: float = 1.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._database = database
        self._address = address
        self._sign = sign
        self._mischief = mischief or Mischief()
        self._dice = self._mischief.dice()
        self._poll_seconds = poll_seconds
        # The proxy of the surroundings is not for our own address.
        self._http = http or httpx.AsyncClient(trust_env=False, timeout=_ANSWER_SECONDS)

    async def run(self) -> None:
        """Post for ever. While nobody accepts anything the pauses grow, and only the first failure is told."""
        pause = self._poll_seconds
        try:
            while True:
                try:
                    accepted = await self.post_waiting()
                    pause = self._poll_seconds
                    if accepted == MOST_AT_ONCE:
                        continue  # there may be more of them
                except Exception as error:  # whatever it is, the worker goes on
                    if pause == self._poll_seconds:
                        log.warning("webhooks of the simulated gateway wait: %s", error)
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                await asyncio.sleep(pause)
        finally:
            await self._http.aclose()

    async def post_waiting(self) -> int:
        """Post the events that wait, at most a batch; how many were accepted.

        Raises NotAccepted when one was not, after the others had their turn; httpx.TransportError when nobody is there.
        """
        waiting = await self._waiting()
        accepted: set[str] = set()
        refused: dict[str, int] = {}
        began = asyncio.get_running_loop().time()
        try:
            for seconds, event in self._mischief.journey(waiting, self._dice):
                await asyncio.sleep(max(0.0, began + seconds - asyncio.get_running_loop().time()))
                answer = await self._post(event)
                if answer.is_success:
                    accepted.add(event.id)
                else:
                    refused[event.id] = answer.status_code
        finally:
            await self._delivered(accepted)
        if refused.keys() - accepted:
            raise NotAccepted(f"the API answers {sorted(set(refused.values()))}")
        return len(accepted)

    async def _post(self, event: GatewayEventRow) -> httpx.Response:
        body = json.dumps(_told(event)).encode()
        headers = {"Content-Type": "application/json"} | self._sign(body, datetime.now(UTC))
        return await self._http.post(self._address, content=body, headers=headers)

    async def _waiting(self) -> Sequence[GatewayEventRow]:
        waiting = select(GatewayEventRow).where(col(GatewayEventRow.delivered_at).is_(None))
        async with self._database.reading() as session:
            return (await session.exec(waiting.order_by(col(GatewayEventRow.number)).limit(MOST_AT_ONCE))).all()

    async def _delivered(self, accepted: set[str]) -> None:
        if not accepted:
            return
        these = update(GatewayEventRow).where(col(GatewayEventRow.id).in_(accepted))
        async with self._database.writing() as session:
            await session.exec(these.values(delivered_at=datetime.now(UTC)))


class NotAccepted(Exception):
    """Somebody answered and did not take an event."""


def _told(event: GatewayEventRow) -> dict[str, Any]:
    """The event in Stripe's shape, so that there is one reader. Of the payment it names the id and whose it is."""
    kind = _TYPES[event.happened]
    thing: dict[str, Any] = {"id": event.payment_id, "object": "payment_intent"}
    if kind.startswith("charge."):
        thing = {"id": f"ch_{event.payment_id}", "object": "charge", "payment_intent": event.payment_id}
    return {
        "id": event.id,
        "object": "event",
        "type": kind,
        "created": int(event.at.timestamp()),
        "livemode": False,
        "data": {"object": thing | {"metadata": {"claim_id": event.subject}}},
    }
