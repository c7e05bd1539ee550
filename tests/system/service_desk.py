"""The service desk: everything the system tests do, asked over HTTP alone, in the words of the trade."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.conftest import SHIP_TO

Json = dict[str, Any]
ALL_BACK = ["aircraft", "gimbal_camera", "propellers"]
_PATIENCE = 40.0
_POLL = 0.02


def new_serial(kind: str = "SN") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}".upper()


def moment(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ServiceDesk:
    """Speaks to one API. Nothing is asked of a database or of Temporal."""

    http: httpx.AsyncClient

    async def post(
        self, path: str, body: Json | None = None, key: str | None = None, timeout: float = 60
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(f"/v1{path}", json=body, headers=headers, timeout=timeout)

    async def get(self, path: str) -> Json:
        answer = await self.http.get(f"/v1{path}")
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def does(self, path: str, body: Json | None = None, key: str | None = None) -> Json:
        """Post what must succeed."""
        answer = await self.post(path, body, key)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        done: Json = answer.json()
        return done

    async def covered(self) -> str:
        """The serial number of a new device, bought a month ago, bound, and covered for a year."""
        serial, bought = new_serial(), datetime.now(UTC) - timedelta(days=30)
        device: Json = {"serial_number": serial, "model": "mavic-3", "region": "US"}
        device |= {"owner": {"name": "Ada", "email": "ada@example.com"}, "activated_at": moment(bought)}
        await self.does("/devices", device)
        await self.does(f"/devices/{serial}/bindings", {"remote_controller": "RC1", "bound_at": moment(bought)})
        await self.does(f"/dev/devices/{serial}/terms", {"term": "1y", "starts_on": f"{bought:%Y-%m-%d}"})
        return serial

    def asked(self, serial: str, **changes: Any) -> Json:
        """A Care Express claim in good order."""
        incident = {"cause": "collision", "occurred_at": moment(datetime.now(UTC) - timedelta(hours=3))}
        return {
            "service": "care_express",
            "tier": "premium",
            "serial_number": serial,
            "incident": incident,
            "payment_method": "pm_card_visa",
            "ship_to": SHIP_TO,
            "accepted_terms": True,
        } | changes

    def lost(self, serial: str, **changes: Any) -> Json:
        """A flyaway claim in good order."""
        body = self.asked(serial) | {"service": "flyaway", "flight_record": "FR-1", "confirmed_unrecoverable": True}
        body["incident"] = {"occurred_at": body["incident"]["occurred_at"]}
        del body["tier"]
        return body | changes

    async def claimed(self, **changes: Any) -> Json:
        """As it is answered: under a gateway that loses answers it may not be judged yet."""
        return await self.does("/claims", self.asked(await self.covered(), **changes))

    async def judged(self, **changes: Any) -> Json:
        return await self.until(await self.claimed(**changes), lambda now: now["state"] != "submitted")

    async def shipped(self, **changes: Any) -> Json:
        return await self.dispatched(await self.judged(**changes))

    async def dispatched(self, claim: Json, key: str | None = None) -> Json:
        body = {"replacement_serial_number": new_serial("RP"), "carrier": "UPS", "tracking_number": "1Z"}
        return await self.does(f"/claims/{claim['id']}/dispatch", body, key)

    async def returned(self, claim: Json, **seen: Any) -> Json:
        """The parcel arrives and is inspected: the right unit, complete, unless told otherwise."""
        await self.arrived(claim)
        body = {"serial_number": claim["serial_number"], "genuine": True, "components": ALL_BACK} | seen
        return await self.does(f"/claims/{claim['id']}/inspection", body)

    async def arrived(self, claim: Json, key: str | None = None) -> Json:
        await self.does(f"/claims/{claim['id']}/arrival", {}, key)
        return await self.until(claim, lambda now: now["state"] == "inspecting")

    async def forward(self, claim: Json, **by: Any) -> Json:
        return await self.does(f"/dev/claims/{claim['id']}/fast-forward", by)

    async def claim(self, claim: Json) -> Json:
        return await self.get(f"/claims/{claim['id']}")

    async def until(self, claim: Json, holds: Callable[[Json], bool]) -> Json:
        """The claim as soon as that holds."""
        now: Json = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                while True:
                    now = await self.claim(claim)
                    if holds(now):
                        return now
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AssertionError(f"it never came to that: {now}") from None

    async def kinds(self, claim: Json) -> list[str]:
        return [event["kind"] for event in (await self.get(f"/claims/{claim['id']}/events?limit=200"))["items"]]

    async def money(self, claim: Json) -> dict[str, int]:
        """What stands on each account of the claim, nothings left out. Every line was booked once."""
        ledger = await self.get(f"/claims/{claim['id']}/ledger")
        lines = Counter((line["key"], line["account"]) for line in ledger["entries"])
        assert set(lines.values()) <= {1}, lines
        return {name: money["amount"] for name, money in ledger["balances"].items() if money["amount"]}

    async def uses(self, serial: str) -> dict[str, int]:
        """The device's replacements: how many in all, used, reserved, left."""
        replacements: dict[str, int] = (await self.get(f"/devices/{serial}"))["care"]["replacements"]
        return replacements
