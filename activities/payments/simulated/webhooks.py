"""Activities: the simulated gateway's webhooks, posted to the API as a real gateway would post them.

Runs beside a worker in development and reads the gateway's own table. It never stops on an error: an event that was not
accepted is posted again later, by this worker or the next.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx2
from sqlmodel import col, select, update

from activities.payments.fault_injection import FaultInjection
from store.database import Database
from store.tables.simulated_gateway import GatewayEventRow

log = logging.getLogger("aftercare.webhooks")

BATCH_SIZE: Final = 50
LONGEST_BACKOFF_SECONDS: Final = 60.0
_RESPONSE_SECONDS: Final = 10.0
_TYPES: Final = {
    "authorized": "payment_intent.amount_capturable_updated",
    "captured": "payment_intent.succeeded",
    "charged": "payment_intent.succeeded",
    "released": "payment_intent.canceled",
    "expired": "charge.expired",
    "refunded": "charge.refunded",
}


class SimulatedWebhooks:
    """Posts the simulated gateway's events to the URL `address`.

    `sign` makes the signature headers of a body sent at a moment. The table is polled every `poll_seconds`. `http` is
    the client to post with, for tests.
    """

    def __init__(
        self,
        database: Database,
        address: str,
        sign: Callable[[bytes, datetime], dict[str, str]],
        *,
        faults: FaultInjection | None = None,
        poll_seconds: float = 1.0,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._database = database
        self._address = address
        self._sign = sign
        self._faults = faults or FaultInjection()
        self._random = self._faults.random()
        self._poll_seconds = poll_seconds
        # Environment proxies are not for our own address.
        self._http = http or httpx2.AsyncClient(trust_env=False, timeout=_RESPONSE_SECONDS)

    async def run(self) -> None:
        """Post for ever. While nothing is accepted the pauses grow, and only the first failure is logged."""
        pause = self._poll_seconds
        try:
            while True:
                try:
                    accepted = await self.post_waiting()
                    pause = self._poll_seconds
                    if accepted == BATCH_SIZE:
                        continue  # there may be more of them
                except Exception as error:  # whatever it is, the worker goes on
                    if pause == self._poll_seconds:
                        log.warning("webhooks of the simulated gateway wait: %s", error)
                    pause = min(2 * pause, LONGEST_BACKOFF_SECONDS)
                await asyncio.sleep(pause)
        finally:
            await self._http.aclose()

    async def post_waiting(self) -> int:
        """Post the waiting events, at most a batch; how many were accepted.

        Raises NotAccepted when one was not, after the others were posted; httpx2.TransportError without a connection.
        """
        waiting = await self._waiting()
        accepted: set[str] = set()
        rejected: dict[str, int] = {}
        began = asyncio.get_running_loop().time()
        try:
            for seconds, event in self._faults.schedule(waiting, self._random):
                await asyncio.sleep(max(0.0, began + seconds - asyncio.get_running_loop().time()))
                response = await self._post(event)
                if response.is_success:
                    accepted.add(event.id)
                else:
                    rejected[event.id] = response.status_code
        finally:
            await self._delivered(accepted)
        if rejected.keys() - accepted:
            raise NotAccepted(f"the API answers {sorted(set(rejected.values()))}")
        return len(accepted)

    async def _post(self, event: GatewayEventRow) -> httpx2.Response:
        body = json.dumps(_event_body(event)).encode()
        headers = {"Content-Type": "application/json"} | self._sign(body, datetime.now(UTC))
        return await self._http.post(self._address, content=body, headers=headers)

    async def _waiting(self) -> Sequence[GatewayEventRow]:
        waiting = select(GatewayEventRow).where(col(GatewayEventRow.delivered_at).is_(None))
        async with self._database.snapshot() as session:
            return (await session.exec(waiting.order_by(col(GatewayEventRow.number)).limit(BATCH_SIZE))).all()

    async def _delivered(self, accepted: set[str]) -> None:
        if not accepted:
            return
        of_events = update(GatewayEventRow).where(col(GatewayEventRow.id).in_(accepted))
        async with self._database.transaction() as session:
            await session.exec(of_events.values(delivered_at=datetime.now(UTC)))


class NotAccepted(Exception):
    """The API responded and did not accept an event."""


def _event_body(event: GatewayEventRow) -> dict[str, Any]:
    """The event in Stripe's shape, so that the API has one parser. It names the payment's id and its subject."""
    kind = _TYPES[event.happened]
    object_: dict[str, Any] = {"id": event.payment_id, "object": "payment_intent"}
    if kind.startswith("charge."):
        object_ = {"id": f"ch_{event.payment_id}", "object": "charge", "payment_intent": event.payment_id}
    return {
        "id": event.id,
        "object": "event",
        "type": kind,
        "created": int(event.at.timestamp()),
        "livemode": False,
        "data": {"object": object_ | {"metadata": {"claim_id": event.subject}}},
    }
