"""The timeline as a list and as a stream that stays open."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn

from api.stream import follow
from domain.kinds import ClaimState, Outcome
from store.views import Views
from tests.api.conftest import Office, problem

STREAM = {"Accept": "text/event-stream"}


def told(lines: list[bytes]) -> list[dict[str, Any]]:
    """The events in a stream."""
    events = []
    for block in b"".join(lines).decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            assert fields["id"] == str(json.loads(fields["data"])["id"])
            events.append({"event": fields["event"], **json.loads(fields["data"])})
    return events


async def test_the_list_tells_what_happened_in_order(office: Office) -> None:
    claim = await office.shipped()
    page = (await office.http.get(claim["links"]["events"])).json()
    assert [event["kind"] for event in page["items"]] == ["submitted", "dispatch"]
    assert set(page["items"][0]) == {"id", "at", "kind", "title", "details", "actor"}
    assert page["items"][1]["actor"] == "admin"
    assert page["next_cursor"] is None


async def test_the_list_goes_on_from_its_cursor(office: Office) -> None:
    claim = await office.shipped()
    first = (await office.http.get(claim["links"]["events"], params={"limit": 1})).json()
    rest = (await office.http.get(claim["links"]["events"], params={"cursor": first["next_cursor"]})).json()
    assert [event["kind"] for event in (*first["items"], *rest["items"])] == ["submitted", "dispatch"]


async def test_the_timeline_of_an_unknown_claim_is_not_found(office: Office) -> None:
    for headers in ({}, STREAM):
        problem(await office.http.get("/v1/claims/clm_aaaaaaaaaaaaaaaa/events", headers=headers), 404, "not_found")


async def test_the_stream_of_a_closed_claim_tells_all_and_ends(office: Office) -> None:
    claim = await office.claimed()
    await office.http.post(f"/v1/claims/{claim['id']}/cancel")
    answer = await office.http.get(claim["links"]["events"], headers=STREAM)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = told([answer.content])
    assert [event["event"] for event in events] == ["submitted", "cancel"]
    again = await office.http.get(claim["links"]["events"], headers=STREAM | {"Last-Event-ID": str(events[0]["id"])})
    assert told([again.content]) == events[1:]


async def pending() -> bool:
    return True


async def gone() -> bool:
    return False


async def test_the_stream_follows_until_the_claim_is_closed(office: Office) -> None:
    claim = await office.claimed()
    views = Views(office.database)
    lines: list[bytes] = []

    async def listen() -> None:
        async for line in follow(views, claim["id"], 0, pending, poll=0.01):
            lines.append(line)  # noqa: PERF401  # they are looked at while they come

    listening = asyncio.create_task(listen())
    await until(lambda: len(told(lines)) == 1)
    known = await views.claim(claim["id"])
    assert known is not None
    await office.door.save(known, "dispatched", "On its way.\nReally.")
    await until(lambda: len(told(lines)) == 2)
    assert not listening.done()
    closed = replace(known, state=ClaimState.CLOSED, outcome=Outcome.HOLD_RELEASED)
    await office.door.save(closed, "closed", "Closed.")
    await asyncio.wait_for(listening, 5)
    assert [event["kind"] for event in told(lines)] == ["submitted", "dispatched", "closed"]
    assert told(lines)[1]["title"] == "On its way.\nReally."


async def test_a_silent_stream_says_that_it_is_still_there(office: Office) -> None:
    claim = await office.claimed()
    stream = follow(Views(office.database), claim["id"], 0, pending, poll=0.01, heartbeat=0.05)
    lines = []
    async for line in stream:
        lines.append(line)
        if line.startswith(b":"):
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(told(lines)) == 1


async def test_the_stream_of_a_claim_that_was_never_made_ends(office: Office) -> None:
    lines = [line async for line in follow(Views(office.database), "clm_none", 0, gone, poll=0.01)]
    assert told(lines) == []


@pytest.fixture
async def served(office: Office) -> AsyncIterator[tuple[uvicorn.Server, str, asyncio.Task[None]]]:
    """The application on a real socket: only there a stream can break."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(office.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[sock]))
        await until(lambda: server.started)
        yield server, f"http://127.0.0.1:{sock.getsockname()[1]}", serving
        server.should_exit = True
        await asyncio.wait_for(serving, 5)


async def test_a_reader_that_goes_away_ends_the_stream(
    office: Office, served: tuple[uvicorn.Server, str, asyncio.Task[None]]
) -> None:
    claim = await office.claimed()
    server, address, _ = served
    async with reader(address) as http, http.stream("GET", claim["links"]["events"], headers=STREAM) as answer:
        assert answer.status_code == 200
        async for line in answer.aiter_lines():
            if line.startswith("data"):
                break
    await until(lambda: not server.server_state.tasks)


async def test_a_stopping_server_does_not_wait_for_open_streams(
    office: Office, served: tuple[uvicorn.Server, str, asyncio.Task[None]]
) -> None:
    claim = await office.claimed()
    server, address, serving = served
    async with reader(address) as http, http.stream("GET", claim["links"]["events"], headers=STREAM) as answer:
        await anext(answer.aiter_lines())
        server.should_exit = True
        await asyncio.wait_for(asyncio.shield(serving), 5)


def reader(address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=address, headers={"Authorization": "Bearer dev"}, trust_env=False)


async def until(condition: Any) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
