"""Any order and repetition of events ends in the same state: the stored events, and the events the claims received."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import delete, select

from store.database import Database
from store.tables.reported_events import ReportedEventRow
from store.tables.webhook_events import WebhookEventRow
from tests.api.conftest import express
from tests.webhooks.conftest import WebhookEndpoint, changed, saw, webhook_endpoint

GATEWAY, CARRIER = "payments/stripe", "carriers/ups"
NOBODYS = "clm_aaaaaaaaaaaaaaaa"
END = {
    ("stripe", "evt_0"): "delivered",
    ("stripe", "evt_1"): "delivered",
    ("stripe", "evt_2"): "delivered",
    ("stripe", "evt_3"): "delivered",
    ("stripe", "evt_4"): "finished",
    ("stripe", "evt_5"): "parked",
    ("stripe", "evt_6"): "ignored",
    ("carrier:ups", "evt_0"): "delivered",
    ("carrier:ups", "evt_1"): "delivered",
}
DELIVERED = {f"{source}:{event_id}" for (source, event_id), state in END.items() if state == "delivered"}
Places = st.lists(st.tuples(st.integers(0, len(END) - 1), st.booleans()), max_size=30)


@dataclass
class Day:
    """A endpoint with an open claim and a closed one, in a loop of its own: what hypothesis calls is no coroutine."""

    endpoint: WebhookEndpoint
    loop: asyncio.AbstractEventLoop
    claim: str
    closed: str

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """All events of a claim, and events about no claim."""
        kinds = ["amount_capturable_updated", "succeeded", "canceled"]
        events = [(GATEWAY, changed(f"evt_{n}", self.claim, f"payment_intent.{kind}")) for n, kind in enumerate(kinds)]
        events += [(GATEWAY, changed("evt_3", self.claim, "charge.refunded", payment_intent="pi_1"))]
        events += [(GATEWAY, changed("evt_4", self.closed)), (GATEWAY, changed("evt_5", NOBODYS))]
        events += [(GATEWAY, changed("evt_6", self.claim, "customer.created"))]
        return [*events, (CARRIER, saw("evt_0", self.claim)), (CARRIER, saw("evt_1", self.claim, "delivered"))]

    async def post(self, number: int, away: bool) -> None:
        self.endpoint.harness.claim_commands.away = away
        path, body = self.events()[number]
        response = await self.endpoint.send(path, body)
        assert response.status_code == 200 or (away and response.status_code == 503), response.text

    async def kept(self) -> dict[tuple[str, str], str]:
        async with self.endpoint.harness.database.snapshot() as session:
            rows = (await session.exec(select(WebhookEventRow))).all()
        return {(row.source, row.event_id): row.state for row in rows}

    async def begin_again(self) -> None:
        self.endpoint.harness.claim_commands.received.clear()
        async with self.endpoint.harness.database.transaction() as session:
            await session.exec(delete(WebhookEventRow))
            await session.exec(delete(ReportedEventRow))

    def received(self) -> list[str]:
        return [event.event_id for event in self.endpoint.received]


@pytest.fixture(scope="module")
def day(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    file = shutil.copyfile(sqlite_template, tmp_path_factory.mktemp("order") / "aftercare.db")
    loop = asyncio.new_event_loop()
    database = Database(f"sqlite:///{file}")
    opened = webhook_endpoint(f"sqlite:///{file}", database)
    endpoint = loop.run_until_complete(opened.__aenter__())
    yield loop.run_until_complete(_begun(endpoint, loop))
    loop.run_until_complete(opened.__aexit__(None, None, None))
    loop.run_until_complete(database.close())
    loop.close()


async def _begun(endpoint: WebhookEndpoint, loop: asyncio.AbstractEventLoop) -> Day:
    harness = endpoint.harness
    claim = (await harness.claimed())["id"]
    await harness.covered("SN2002", bound=False)
    closed = (await harness.http.post("/v1/claims", json=express(serial_number="SN2002"))).json()["id"]
    await harness.http.post(f"/v1/claims/{closed}/cancel")
    return Day(endpoint, loop, claim, closed)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=Places, rest=st.permutations(range(len(END))))
def test_any_order_and_repetition_ends_in_the_same_state(
    day: Day, sent: list[tuple[int, bool]], rest: list[int]
) -> None:
    """Some are sent while Temporal is away. A sender does not rest until each was accepted, so all come once more."""

    async def play() -> None:
        await day.begin_again()
        for number, away in sent:
            await day.post(number, away)
        for number in rest:
            await day.post(number, away=False)
        assert await day.kept() == END
        assert sorted(day.received()) == sorted(DELIVERED)

    day.loop.run_until_complete(play())


def test_concurrent_events_are_stored_and_delivered_once_each(day: Day) -> None:
    """Two deliveries at once may signal the claim twice: it ignores an event id it has. It is stored once."""

    async def play() -> None:
        await day.begin_again()
        await asyncio.gather(*(day.post(number, away=False) for number in [*range(len(END))] * 3))
        assert await day.kept() == END
        assert set(day.received()) == DELIVERED

    day.loop.run_until_complete(play())
