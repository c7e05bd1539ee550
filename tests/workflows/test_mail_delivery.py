"""The delivery of mails on the real server: one workflow for all workers, queried, paused and continued."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.mail.activities import OutgoingMail, Timing
from messages.mail import DeliverMails, MailKind, Outbox, OutboxStatus
from store.database import Database
from temporal_runtime.data_converter import DATA_CONVERTER
from tests.fakes.outbox import FakeOutbox, given_up
from tests.mail.outbox import (
    REBIND,
    SHIPPED,
    Clock,
    RecordingTransport,
    claim_of,
    in_outbox,
    notice,
    owned,
    saved,
    sent_rows,
)
from tests.server import CONTINUE_AS_NEW_EVENTS
from tests.workflows.signal_recorder import SignalRecorder
from workflows.mail_delivery import ACTIVITY, MailDelivery

TIMEOUT_SECONDS = 30


def worker(client: Client, queue: str, outbox: Outbox, **options: Any) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[MailDelivery, SignalRecorder],
        activities=[outbox.deliver_mails],
        graceful_shutdown_timeout=timedelta(seconds=20),
        **options,
    )


@pytest.fixture
def queue() -> str:
    return f"q-{uuid4()}"


@pytest.fixture
async def delivery(temporal: WorkflowEnvironment, queue: str) -> AsyncIterator[WorkflowHandle[MailDelivery, None]]:
    """The workflow, started as a worker starts it."""
    handle = await started(temporal.client, queue)
    yield handle
    await temporal.client.get_workflow_handle(handle.id).terminate()


async def started(client: Client, queue: str) -> WorkflowHandle[MailDelivery, None]:
    return await client.start_workflow(
        MailDelivery.run,
        DeliverMails(),
        id=f"mail-delivery-{queue}",
        task_queue=queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


async def pending(handle: WorkflowHandle[Any, Any]) -> PendingActivityInfo:
    """The activity as Temporal describes it."""
    (found,) = (await handle.describe()).raw_description.pending_activities
    return found


async def seen(handle: WorkflowHandle[Any, Any], holds: Callable[[PendingActivityInfo], Any]) -> PendingActivityInfo:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            activities = (await handle.describe()).raw_description.pending_activities
            if activities and holds(activities[0]):
                found: PendingActivityInfo = activities[0]
                return found
            await asyncio.sleep(0.05)


async def test_a_claim_is_signalled_about_a_mail_that_was_given_up(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str
) -> None:
    client = temporal.client
    claim = await client.start_workflow(SignalRecorder.run, 2, id=f"clm_{uuid4().hex}", task_queue=queue)
    first, second, third = (given_up(claim.id, number) for number in (1, 2, 3))
    outbox = FakeOutbox([(first, second), (third,)])
    async with worker(client, queue, outbox):
        assert {failed.event_id for failed in await claim.result()} >= {"mail:1", "mail:2"} - {"mail:3"}
        await until(lambda: len(outbox.requests) == 3)
    assert [request.told for request in outbox.requests] == [(), (1, 2), (3,)]


async def test_a_claim_that_is_over_or_never_was_is_no_error(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str
) -> None:
    client = temporal.client
    over = await client.start_workflow(SignalRecorder.run, 0, id=f"clm_{uuid4().hex}", task_queue=queue)
    outbox = FakeOutbox()
    async with worker(client, queue, outbox):
        await over.result()
        await until(lambda: outbox.requests)
    outbox.gives_up = [(given_up(over.id, 1), given_up(f"clm_{uuid4().hex}", 2))]
    async with worker(client, queue, outbox):
        await until(lambda: outbox.requests[-1].told == (1, 2))
    assert (await delivery.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_its_query_shows_what_waits(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str
) -> None:
    outbox = FakeOutbox([()])
    async with worker(temporal.client, queue, outbox):
        await until(lambda: len(outbox.requests) == 2)
        progress = await delivery.query(MailDelivery.progress)
        assert progress.startswith("As at ")
        assert progress.endswith(
            "UTC: 2 mails wait, the oldest since 2026-11-23 08:05 UTC, 1 of them failed before; 1 were given up."
        )
        assert (await pending(delivery)).activity_id == ACTIVITY


async def test_its_history_has_a_limit(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str
) -> None:
    """Each result with a given-up mail adds events; the numbers signalled last go to the next run."""
    gone = f"clm_{uuid4().hex}"
    outbox = FakeOutbox([(given_up(gone, number),) for number in range(1, 201)])
    async with worker(temporal.client, queue, outbox):
        await until(lambda: len(outbox.requests) == 201)
    assert [request.told for request in outbox.requests[1:]] == [(number,) for number in range(1, 201)]
    latest = await temporal.client.get_workflow_handle(delivery.id).describe()
    assert latest.run_id != delivery.first_execution_run_id
    assert latest.history_length < 1.2 * CONTINUE_AS_NEW_EVENTS


async def test_a_stopping_worker_is_not_held_up_and_the_next_one_continues(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str, sqlite_database: Database
) -> None:
    loop = asyncio.get_running_loop()
    await owned(sqlite_database)
    transport = RecordingTransport()
    for version, mail_due in enumerate((SHIPPED, REBIND), 1):
        mail = OutgoingMail(sqlite_database, transport, timing=Timing(poll=0.01))
        async with worker(temporal.client, queue, mail):
            await saved(sqlite_database, claim_of("a"), mail_due, version=version)
            await until(lambda: len(transport.sent) == version)  # noqa: B023
            stopping = loop.time()
        assert loop.time() - stopping < 5
    failures = [event for event in (await delivery.fetch_history()).events if "FAIL" in str(event.event_type)]
    assert not failures


async def test_several_workers_share_one_and_a_terminated_one_comes_back(
    temporal: WorkflowEnvironment, queue: str
) -> None:
    client = temporal.client
    first = await started(client, queue)
    assert (await started(client, queue)).first_execution_run_id == first.first_execution_run_id
    await first.terminate()
    second = await started(client, queue)
    assert second.first_execution_run_id != first.first_execution_run_id
    assert (await client.get_workflow_handle(first.id).describe()).status is WorkflowExecutionStatus.RUNNING
    await client.get_workflow_handle(first.id).terminate()


@asynccontextmanager
async def delivering(
    client: Client, queue: str, database: Database, transport: RecordingTransport, clock: Clock | None = None
) -> AsyncIterator[None]:
    """As on a real worker, whose heartbeats reach the server every few seconds. A `clock` has the real backoff."""
    if clock is None:
        outgoing = OutgoingMail(database, transport, timing=Timing(poll=0.01, first_backoff=0.2))
    else:
        outgoing = OutgoingMail(database, transport, timing=Timing(poll=0.01), now=clock)
    async with worker(client, queue, outgoing, max_heartbeat_throttle_interval=timedelta(seconds=0.2)):
        yield


async def run_temporal_cli(client: Client, *words: str) -> None:
    """Run the `temporal` CLI as operations do."""
    command = Path(sys.executable).parent / "temporal"
    server_options = ("--address", client.service_client.config.target_host, "--namespace", client.namespace)
    ran = await asyncio.create_subprocess_exec(
        command, *words, *server_options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await ran.communicate()
    assert ran.returncode == 0, output.decode()


async def test_operations_can_see_pause_and_unpause_it(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str, sqlite_database: Database
) -> None:
    """By the commands of docs/operations.md."""
    transport = RecordingTransport()
    this = ("--workflow-id", delivery.id, "--activity-id", ACTIVITY)
    await owned(sqlite_database)
    await saved(sqlite_database, claim_of("a"), SHIPPED)
    async with delivering(temporal.client, queue, sqlite_database, transport):
        await until(lambda: len(transport.sent) == 1)
        live = await seen(delivery, lambda now: b'"sent":1' in now.heartbeat_details.payloads[0].data)
        (details,) = DATA_CONVERTER.payload_converter.from_payloads(live.heartbeat_details.payloads, [OutboxStatus])
        assert details == OutboxStatus(sent=1, waiting=0, failing=0, given_up=0)
        assert json.loads(live.heartbeat_details.payloads[0].data)["waiting"] == 0

        await run_temporal_cli(temporal.client, "activity", "pause", *this, "--reason", "the mail server moves")
        await seen(delivery, lambda now: now.paused and now.state == PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED)
        await saved(sqlite_database, claim_of("a"), REBIND, version=2)
        await asyncio.sleep(1)
        assert [row.kind for row in await in_outbox(sqlite_database)] == ["rebind"]

        await run_temporal_cli(temporal.client, "activity", "unpause", *this)
        await until(lambda: len(transport.sent) == 2)
        assert not (await pending(delivery)).paused


async def failed_again(database: Database, attempts: dict[str, int]) -> None:
    """Until each claim's first mail has failed once more than so often, which is noted in `attempts`."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            first: dict[str, int] = {}
            for row in await in_outbox(database):
                first.setdefault(row.claim_id, row.attempts)
            if all(count > attempts.get(claim_id, 0) for claim_id, count in first.items()):
                attempts |= first
                return
            await asyncio.sleep(0.01)


async def test_a_mail_server_away_for_nearly_three_days_gets_every_mail_afterwards_in_order_and_once(
    temporal: WorkflowEnvironment, delivery: WorkflowHandle[MailDelivery, None], queue: str, sqlite_database: Database
) -> None:
    """71 hours on the delivery's clock, by two workers in turn; after 72 the first mails would be given up."""
    transport, clock, names = RecordingTransport(batch_size=25), Clock(), "abc"
    transport.away = True
    await owned(sqlite_database, *names)
    attempts: dict[str, int] = {}

    async def hours(first: int, last: int) -> None:
        for hour in range(first, last):
            if hour % 10 == 0:
                for name in names:
                    extended = notice(MailKind.EXTENDED, hour // 10 + 1)
                    await saved(sqlite_database, claim_of(name), extended, version=hour + 1)
            await failed_again(sqlite_database, attempts)
            clock.forward(hours=1)

    async with delivering(temporal.client, queue, sqlite_database, transport, clock):
        await hours(0, 40)
    async with delivering(temporal.client, queue, sqlite_database, transport, clock):
        await hours(40, 71)
        await failed_again(sqlite_database, attempts)
        status = b'"waiting":24,"failing":3,"given_up":0'
        await seen(delivery, lambda now: status in now.heartbeat_details.payloads[0].data)
        assert transport.sent == []
        transport.away = False
        clock.forward(minutes=15)
        await until(lambda: len(transport.sent) >= 24)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while await in_outbox(sqlite_database):
                await asyncio.sleep(0.01)
    for name in names:
        claim_id = claim_of(name).id
        mine = [sent for sent in transport.names if sent.startswith(claim_id)]
        assert mine == [f"{claim_id}.extended.{number}" for number in range(1, 9)]
    assert len(transport.sent) == len(await sent_rows(sqlite_database)) == 24
    kinds = [str(event.event_type) for event in (await delivery.fetch_history()).events]
    assert not [kind for kind in kinds if "FAIL" in kind or "TIMED_OUT" in kind]
