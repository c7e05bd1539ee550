"""The API client of the system tests: it uses HTTP alone."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tests.api.conftest import SHIP_TO

Json = dict[str, Any]
ALL_BACK = ["aircraft", "gimbal_camera", "propellers"]
_TIMEOUT_SECONDS = 40.0
_POLL_SECONDS = 0.02


def new_serial(kind: str = "SN") -> str:
    return f"{kind}-{uuid.uuid4().hex[:12]}".upper()


def moment(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ClaimsApi:
    """A client of one API. It uses neither the database nor Temporal."""

    http: httpx2.AsyncClient

    async def post(
        self, path: str, body: Json | None = None, key: str | None = None, timeout: float = 60
    ) -> httpx2.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(f"/v1{path}", json=body, headers=headers, timeout=timeout)

    async def get(self, path: str) -> Json:
        response = await self.http.get(f"/v1{path}")
        assert response.status_code == 200, response.text
        body: Json = response.json()
        return body

    async def post_ok(self, path: str, body: Json | None = None, key: str | None = None) -> Json:
        """Post a request that must succeed. It is repeated while a payment of the claim waits for the gateway."""
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            response = await self.post(path, body, key)
            while response.status_code == 409 and response.json()["code"] == "payment_in_progress":
                await asyncio.sleep(_POLL_SECONDS)
                response = await self.post(path, body, key)
        assert response.is_success, f"{path}: {response.status_code} {response.text}"
        done: Json = response.json()
        return done

    async def covered(self) -> str:
        """The serial number of a new device, bought a month ago, bound, and covered for a year."""
        serial, bought = new_serial(), datetime.now(UTC) - timedelta(days=30)
        device: Json = {"serial_number": serial, "model": "mavic-3", "region": "US"}
        device |= {"owner": {"name": "Ada", "email": "ada@example.com"}, "activated_at": moment(bought)}
        await self.post_ok("/devices", device)
        await self.post_ok(f"/devices/{serial}/bindings", {"remote_controller": "RC1", "bound_at": moment(bought)})
        await self.post_ok(f"/dev/devices/{serial}/terms", {"term": "1y", "starts_on": f"{bought:%Y-%m-%d}"})
        return serial

    def claim_body(self, serial: str, **changes: Any) -> Json:
        """The body of a valid Care Express claim."""
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
        """The body of a valid flyaway claim."""
        body = self.claim_body(serial) | {
            "service": "flyaway",
            "flight_record": "FR-1",
            "confirmed_unrecoverable": True,
        }
        body["incident"] = {"occurred_at": body["incident"]["occurred_at"]}
        del body["tier"]
        return body | changes

    async def claimed(self, **changes: Any) -> Json:
        """The claim in the response; under a gateway that loses responses it may be undecided."""
        return await self.post_ok("/claims", self.claim_body(await self.covered(), **changes))

    async def judged(self, **changes: Any) -> Json:
        return await self.until(await self.claimed(**changes), lambda now: now["state"] != "submitted")

    async def shipped(self, **changes: Any) -> Json:
        return await self.dispatched(await self.judged(**changes))

    async def dispatched(self, claim: Json, key: str | None = None) -> Json:
        body = {"replacement_serial_number": new_serial("RP"), "carrier": "UPS", "tracking_number": "1Z"}
        return await self.post_ok(f"/claims/{claim['id']}/dispatch", body, key)

    async def returned(self, claim: Json, **seen: Any) -> Json:
        """The parcel arrives and is inspected: the right unit, complete, unless changed."""
        await self.arrived(claim)
        body = {"serial_number": claim["serial_number"], "genuine": True, "components": ALL_BACK} | seen
        return await self.post_ok(f"/claims/{claim['id']}/inspection", body)

    async def arrived(self, claim: Json, key: str | None = None) -> Json:
        await self.post_ok(f"/claims/{claim['id']}/arrival", {}, key)
        return await self.until(claim, lambda now: now["state"] == "inspecting")

    async def forward(self, claim: Json, **by: Any) -> Json:
        return await self.post_ok(f"/dev/claims/{claim['id']}/fast-forward", by)

    async def claim(self, claim: Json) -> Json:
        return await self.get(f"/claims/{claim['id']}")

    async def until(self, claim: Json, holds: Callable[[Json], bool]) -> Json:
        """Poll the claim until the condition holds."""
        now: Json = {}
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                while True:
                    now = await self.claim(claim)
                    if holds(now):
                        return now
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"it never came to that: {now}") from None

    async def kinds(self, claim: Json) -> list[str]:
        return [event["kind"] for event in (await self.get(f"/claims/{claim['id']}/events?limit=200"))["items"]]

    async def money(self, claim: Json) -> dict[str, int]:
        """The non-zero balances of the claim's accounts. Checks that no entry was booked twice."""
        ledger = await self.get(f"/claims/{claim['id']}/ledger")
        lines = Counter((line["key"], line["account"]) for line in ledger["entries"])
        assert set(lines.values()) <= {1}, lines
        return {name: money["amount"] for name, money in ledger["balances"].items() if money["amount"]}

    async def uses(self, serial: str) -> dict[str, int]:
        """The device's replacements: total, used, reserved, left."""
        replacements: dict[str, int] = (await self.get(f"/devices/{serial}"))["care"]["replacements"]
        return replacements
