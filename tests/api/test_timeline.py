"""The timeline as a list and as a stream that stays open."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import uvicorn

from api.event_stream import STREAMS_PER_CALLER, EventStreams
from api.problems import Code, Problem
from domain.kinds import ClaimState, Outcome
from store.database import Database
from store.reads.queries import EventView, Queries
from store.reads.timeline import TimelineEnd
from tests.api.conftest import ApiHarness, problem

STREAM = {"Accept": "text/event-stream"}


def sse_events(lines: list[bytes]) -> list[dict[str, Any]]:
    """The events in a stream."""
    events = []
    for block in b"".join(lines).decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "data" in fields:
            assert fields["id"] == str(json.loads(fields["data"])["id"])
            events.append({"event": fields["event"], **json.loads(fields["data"])})
    return events


async def test_the_timeline_is_in_order(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    page = (await harness.http.get(claim["links"]["events"])).json()
    assert [event["kind"] for event in page["items"]] == ["submitted", "dispatch"]
    assert set(page["items"][0]) == {"id", "at", "local_time", "kind", "title", "details", "actor"}
    assert page["items"][1]["actor"] == "admin"
    assert page["next_cursor"] is None


async def test_the_timeline_continues_from_its_cursor(harness: ApiHarness) -> None:
    claim = await harness.shipped()
    first = (await harness.http.get(claim["links"]["events"], params={"limit": 1})).json()
    rest = (await harness.http.get(claim["links"]["events"], params={"cursor": first["next_cursor"]})).json()
    assert [event["kind"] for event in (*first["items"], *rest["items"])] == ["submitted", "dispatch"]


async def test_the_timeline_of_an_unknown_claim_is_not_found(harness: ApiHarness) -> None:
    for headers in ({}, STREAM):
        problem(await harness.http.get("/v1/claims/clm_aaaaaaaaaaaaaaaa/events", headers=headers), 404, "not_found")


async def test_the_stream_of_a_closed_claim_has_all_events_and_ends(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    response = await harness.http.get(claim["links"]["events"], headers=STREAM)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = sse_events([response.content])
    assert [event["event"] for event in events] == ["submitted", "cancel"]
    again = await harness.http.get(claim["links"]["events"], headers=STREAM | {"Last-Event-ID": str(events[0]["id"])})
    assert sse_events([again.content]) == events[1:]


async def pending() -> bool:
    return True


async def gone() -> bool:
    return False


async def test_the_stream_follows_until_the_claim_is_closed(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    queries = Queries(harness.database)
    lines: list[bytes] = []

    async def listen() -> None:
        async for line in EventStreams(queries, poll=0.01).follow(claim["id"], 0, pending):
            lines.append(line)  # noqa: PERF401  # they are looked at while they come

    listening = asyncio.create_task(listen())
    await until(lambda: len(sse_events(lines)) == 1)
    known = await queries.claim(claim["id"])
    assert known is not None
    await harness.claim_commands.save(known, "dispatched", "On its way.\nReally.")
    await until(lambda: len(sse_events(lines)) == 2)
    assert not listening.done()
    closed = replace(known, state=ClaimState.CLOSED, outcome=Outcome.HOLD_RELEASED)
    await harness.claim_commands.save(closed, "closed", "Closed.")
    await asyncio.wait_for(listening, 5)
    assert [event["kind"] for event in sse_events(lines)] == ["submitted", "dispatched", "closed"]
    assert sse_events(lines)[1]["title"] == "On its way.\nReally."


async def test_an_idle_stream_sends_keepalive_comments(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    streams = EventStreams(Queries(harness.database), poll=0.01, heartbeat=0.05)
    stream = streams.follow(claim["id"], 0, pending)
    lines = []
    async for line in stream:
        lines.append(line)
        if line.startswith(b":"):
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(sse_events(lines)) == 1


async def test_the_stream_of_an_unmade_claim_ends(harness: ApiHarness) -> None:
    streams = EventStreams(Queries(harness.database), poll=0.01)
    assert sse_events([line async for line in streams.follow("clm_none", 0, gone)]) == []


async def test_the_stream_of_an_undecided_claim_waits_and_sends_comments(harness: ApiHarness) -> None:
    streams = EventStreams(Queries(harness.database), poll=0.01, heartbeat=0.05)
    stream = streams.follow("clm_none", 0, pending)
    async with asyncio.timeout(5):
        assert [await anext(stream), await anext(stream)] == [b"retry: 2000\n\n", b": still here\n\n"]
    await stream.aclose()  # type: ignore[attr-defined]


class CountedQueries(Queries):
    """Counts the polls, and the reads of events."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.polls = 0
        self.reads = 0

    async def timeline_ends(self, claim_ids: Collection[str]) -> dict[str, TimelineEnd]:
        self.polls += len(claim_ids) > 0
        return await super().timeline_ends(claim_ids)

    async def events(self, claim_id: str, after: int = 0) -> list[EventView]:
        self.reads += 1
        return await super().events(claim_id, after)


async def test_many_streams_share_one_poller(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    queries = CountedQueries(harness.database)
    streams = EventStreams(queries, poll=0.02)
    lines: list[list[bytes]] = [[] for _ in range(200)]

    async def listen(own: list[bytes]) -> None:
        async for line in streams.follow(claim["id"], 0, pending):
            own.append(line)  # noqa: PERF401  # they are looked at while they come

    listening = [asyncio.create_task(listen(own)) for own in lines]
    await until(lambda: all(sse_events(own) for own in lines))
    polls, reads = queries.polls, queries.reads
    await asyncio.sleep(0.2)
    assert queries.polls - polls <= 11  # one for all of them, and none of each
    assert queries.reads == reads
    known = await queries.claim(claim["id"])
    assert known is not None
    closed = replace(known, state=ClaimState.CLOSED, outcome=Outcome.HOLD_RELEASED)
    await harness.claim_commands.save(closed, "closed", "Closed.")
    await asyncio.wait_for(asyncio.gather(*listening), 10)
    assert {sse_events(own)[-1]["kind"] for own in lines} == {"closed"}


async def test_streams_are_limited_by_caller_and_in_all(harness: ApiHarness) -> None:
    streams = EventStreams(Queries(harness.database), per_caller=2, in_all=3)
    streams.acquire("ann")
    streams.acquire("ann")
    with pytest.raises(Problem) as refused:
        streams.acquire("ann")
    assert refused.value.code is Code.TOO_MANY_REQUESTS
    streams.acquire("bob")
    with pytest.raises(Problem) as refused:
        streams.acquire("cid")
    assert refused.value.code is Code.UNAVAILABLE
    streams.release("ann")
    streams.acquire("cid")


async def test_a_stream_that_has_ended_is_not_counted(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    await harness.http.post(f"/v1/claims/{claim['id']}/cancel")
    for _ in range(STREAMS_PER_CALLER + 1):
        response = await harness.http.get(claim["links"]["events"], headers=STREAM)
        assert response.status_code == 200


async def test_streams_end_cleanly_when_the_process_stops(harness: ApiHarness) -> None:
    claim = await harness.claimed()
    streams = EventStreams(Queries(harness.database))
    lines: list[bytes] = []

    async def listen() -> None:
        async for line in streams.follow(claim["id"], 0, pending):
            lines.append(line)  # noqa: PERF401  # they are looked at while they come

    listening = asyncio.create_task(listen())
    await until(lambda: len(sse_events(lines)) == 1)
    streams.close()
    await asyncio.wait_for(listening, 1)
    with pytest.raises(Problem):
        streams.acquire("ann")
    await streams.stop()


@pytest.fixture
async def served(harness: ApiHarness) -> AsyncIterator[tuple[uvicorn.Server, str, asyncio.Task[None]]]:
    """The application on a real socket: only there a stream can break."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(harness.app, log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[sock]))
        await until(lambda: server.started)
        yield server, f"http://127.0.0.1:{sock.getsockname()[1]}", serving
        server.should_exit = True
        await asyncio.wait_for(serving, 5)


async def test_a_client_that_disconnects_ends_the_stream(
    harness: ApiHarness, served: tuple[uvicorn.Server, str, asyncio.Task[None]]
) -> None:
    claim = await harness.claimed()
    server, address, _ = served
    async with reader(address) as http, http.stream("GET", claim["links"]["events"], headers=STREAM) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("data"):
                break
    await until(lambda: not server.server_state.tasks)


async def test_a_stopping_server_does_not_wait_for_open_streams(
    harness: ApiHarness, served: tuple[uvicorn.Server, str, asyncio.Task[None]]
) -> None:
    claim = await harness.claimed()
    server, address, serving = served
    async with reader(address) as http, http.stream("GET", claim["links"]["events"], headers=STREAM) as response:
        await anext(response.aiter_lines())
        server.should_exit = True
        await asyncio.wait_for(asyncio.shield(serving), 5)


def reader(address: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=address, headers={"Authorization": "Bearer dev"}, trust_env=False)


async def until(condition: Any) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)
