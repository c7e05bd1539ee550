"""The application over ASGI on a fresh SQLite database, with fake claim commands instead of Temporal."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import httpx2
import pytest
from fastapi import FastAPI
from sqlmodel import update

from api.app import create_app
from api.config import ApiConfig
from domain.kinds import ClaimState, TermKind
from messages.registry import BindController, Owner, PlantTerm, RegisterDevice
from store.database import Database
from store.tables.http_requests import HttpRequestRow
from tests.fakes.claim_commands import FakeClaimCommands

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
KEYS = {"dev": "admin", "cs": "customer_service", "wh": "warehouse", "st": "staff", "fi": "finance"}
IMPLEMENTATION = re.compile(r"[<>^$\\]|[Ii]nput should|[Pp]attern|[Pp]ydantic|dictionary|tuple|[Tt]ype\b|is not valid")
"""What a message must not show: representations, regular expressions, Python's types, Pydantic's own texts."""
SERIAL = "1581F45T7228D00A"
REPLACEMENT = "1581F45T7228D00B"
SHIP_TO = {"name": "Ada", "line1": "1 Sky Road", "city": "Portland", "postal_code": "97201", "country": "US"}
OWNER = {"name": "Ada", "email": "ada@example.com"}


async def no_temporal() -> NoReturn:
    raise ConnectionError("there is no Temporal in these tests")


def express(**changes: Any) -> dict[str, Any]:
    """A Care Express claim in good order."""
    return {
        "service": "care_express",
        "tier": "premium",
        "serial_number": SERIAL,
        "incident": {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z"},
        "replace_battery": True,
        "payment_method": "pm_card_visa",
        "ship_to": SHIP_TO,
        "accepted_terms": True,
    } | changes


def lost(**changes: Any) -> dict[str, Any]:
    """A flyaway claim in good order."""
    return {
        "service": "flyaway",
        "serial_number": SERIAL,
        "incident": {"occurred_at": "2026-11-20T14:30:00Z"},
        "flight_record": "FR-1",
        "confirmed_unrecoverable": True,
        "payment_method": "pm_card_visa",
        "ship_to": SHIP_TO,
        "accepted_terms": True,
    } | changes


def broken(**changes: Any) -> dict[str, Any]:
    """An online repair in good order."""
    return {
        "service": "online_repair",
        "serial_number": SERIAL,
        "incident": {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z", "description": "Fell off a table."},
        "return_address": SHIP_TO,
    } | changes


def worn(code: str, **changes: Any) -> dict[str, Any]:
    """A maintenance job in good order, if `code` is."""
    return {
        "service": "maintenance",
        "serial_number": SERIAL,
        "maintenance_code": code,
        "return_address": SHIP_TO,
    } | changes


def config(url: str, **changes: Any) -> ApiConfig:
    settings: dict[str, Any] = {
        "database_url": url,
        "temporal_client": no_temporal,
        "task_queue": "aftercare",
        "keys": KEYS,
        "development": True,
        "secret": "a secret of thirty-two characters",
        "temporal_ui_url": "http://127.0.0.1:8233",
        "open_pages": frozenset({"docs", "metrics"}),
    }
    return ApiConfig(**settings | changes)


@dataclass
class ApiHarness:
    """The application with its claim commands and clock, and the common first steps of tests."""

    app: FastAPI
    http: httpx2.AsyncClient
    claim_commands: FakeClaimCommands
    database: Database
    clock: list[datetime] = field(default_factory=lambda: [NOW])

    def now(self) -> datetime:
        return self.clock[0]

    def later(self, **duration: int) -> None:
        self.clock[0] += timedelta(**duration)

    async def covered(self, serial: str = SERIAL, *, plan: bool = True, bound: bool = True, days: int = 30) -> str:
        """A device bought `days` ago, with cover and a remote controller."""
        activated = NOW - timedelta(days=days)
        owner = Owner(**OWNER)
        register = RegisterDevice(
            serial_number=serial, model="mavic-3", region="US", owner=owner, activated_at=activated, at=activated
        )
        await self.claim_commands.execute(register, "setup")
        if plan:
            term = PlantTerm(
                serial_number=serial, kind=TermKind.ONE_YEAR, starts_on=activated.date(), term_id=f"t-{serial}", at=NOW
            )
            await self.claim_commands.execute(term, "setup")
        if bound:
            bind = BindController(serial_number=serial, remote_controller="RC1", bound_at=activated, at=activated)
            await self.claim_commands.execute(bind, "setup")
        self.claim_commands.received.clear()
        self.claim_commands.keys.clear()
        return serial

    async def claimed(self, **changes: Any) -> dict[str, Any]:
        """A claim on a covered device, waiting for its dispatch."""
        await self.covered()
        response = await self.http.post("/v1/claims", json=express(**changes))
        assert response.status_code == 202, response.text
        claim: dict[str, Any] = response.json()
        return claim

    async def forget_responses(self) -> None:
        """The database after a process was killed between executing a command and responding."""
        async with self.database.transaction() as session:
            await session.exec(update(HttpRequestRow).values(status=None, body=None, headers=None))

    async def inspecting(self) -> dict[str, Any]:
        """An online repair whose unit has arrived and waits for its quote."""
        await self.covered()
        made = await self.http.post("/v1/claims", json=broken())
        assert made.status_code == 202, made.text
        claim = await self.app.state.services.queries.claim(made.json()["id"])
        await self.claim_commands.save(
            replace(claim, state=ClaimState.INSPECTING), "parcel_arrived", "The parcel arrived."
        )
        arrived: dict[str, Any] = (await self.http.get(made.headers["location"])).json()
        return arrived

    async def shipped(self) -> dict[str, Any]:
        """A claim whose replacement has left."""
        claim = await self.claimed()
        body = {"replacement_serial_number": REPLACEMENT, "carrier": "UPS"}
        response = await self.http.post(f"/v1/claims/{claim['id']}/dispatch", json=body)
        assert response.status_code == 200, response.text
        shipped: dict[str, Any] = response.json()
        return shipped


@pytest.fixture
async def harness(sqlite_url: str, sqlite_database: Database) -> AsyncIterator[ApiHarness]:
    clock = [NOW]
    claim_commands = FakeClaimCommands(sqlite_database, lambda: clock[0])
    app = create_app(config(sqlite_url), claim_commands=claim_commands, now=lambda: clock[0])
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": "Bearer dev"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http,
    ):
        yield ApiHarness(app, http, claim_commands, sqlite_database, clock)


def problem(response: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The response's body, which must be that problem."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body
