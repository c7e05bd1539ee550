"""The delivery as an activity: it polls, sends heartbeats, keeps to its rate and stops when requested."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from email.message import Message

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities.mail.activities import OutgoingMail, Timing
from activities.mail.rate_limit import RateLimit
from messages.mail import DeliverMails, MailsDelivered, OutboxStatus
from store.database import Database
from tests.mail.outbox import FIRST, REBIND, SHIPPED, RecordingTransport, claim_of, in_outbox, owned, saved, sent_rows

QUICK = Timing(poll=0.01, delivery=5, first_backoff=0.02, longest_backoff=0.05, give_up=60, stop=0.1)


class Slow(RecordingTransport):
    """Takes a second for the mail `shipped`, and says when it has begun with it."""

    def __init__(self, seconds: float) -> None:
        super().__init__(batch_size=25)
        self.begun = asyncio.Event()
        self._seconds = seconds

    async def deliver(self, message: Message, name: str) -> None:
        if "shipped" in name:
            self.begun.set()
            await asyncio.sleep(self._seconds)
        await super().deliver(message, name)


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claims a, b and c have an owner."""
    await owned(database, "a", "b", "c")
    return database


def listening(seen: list[OutboxStatus]) -> ActivityEnvironment:
    """An activity whose signs of life are kept."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.1))
    environment.on_heartbeat = seen.append
    return environment


@asynccontextmanager
async def running(
    mail: OutgoingMail, environment: ActivityEnvironment, seconds: float = 60
) -> AsyncIterator[asyncio.Task[MailsDelivered]]:
    """The activity, until the block ends."""
    task = asyncio.ensure_future(environment.run(mail.deliver_mails, DeliverMails(seconds=seconds)))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def sent(transport: RecordingTransport, count: int) -> None:
    async with asyncio.timeout(5):
        while len(transport.sent) < count:
            await asyncio.sleep(0.005)


async def test_what_is_written_while_it_runs_goes_out_without_anybody_asking(programme: Database) -> None:
    transport = RecordingTransport()
    async with running(OutgoingMail(programme, transport, timing=QUICK), ActivityEnvironment()):
        for number, suffix in enumerate("abc", 1):
            await saved(programme, claim_of(suffix), SHIPPED)
            await sent(transport, number)


async def test_a_mail_that_failed_goes_out_in_the_same_run(programme: Database) -> None:
    transport = RecordingTransport()
    transport.fails = [OSError("away"), OSError("away")]
    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    async with running(OutgoingMail(programme, transport, timing=QUICK), ActivityEnvironment()):
        await sent(transport, 2)
    assert transport.names == [f"{FIRST}.shipped.1", f"{FIRST}.rebind.1"]


async def test_it_ends_after_its_time_and_says_how_the_outbox_stands(programme: Database) -> None:
    transport = RecordingTransport(refuses="clm_b")
    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED, REBIND)
    mail = OutgoingMail(programme, transport, timing=replace(QUICK, first_backoff=60))
    delivered = await ActivityEnvironment().run(mail.deliver_mails, DeliverMails(seconds=2))
    oldest = (await in_outbox(programme))[0].written_at
    assert delivered.standing == OutboxStatus(sent=4, waiting=2, failing=1, given_up=0, oldest=oldest)
    assert delivered.given_up == ()


async def test_its_signs_of_life_say_what_waits(programme: Database) -> None:
    seen: list[OutboxStatus] = []
    transport = RecordingTransport(refuses="clm_b")
    for suffix in "ab":
        await saved(programme, claim_of(suffix), SHIPPED)
    mail = OutgoingMail(programme, transport, timing=replace(QUICK, first_backoff=60))
    async with running(mail, listening(seen)):
        async with asyncio.timeout(5):
            while not seen or not (seen[-1].sent and seen[-1].failing):
                await asyncio.sleep(0.005)
    oldest = (await in_outbox(programme))[0].written_at
    assert seen[-1] == OutboxStatus(sent=1, waiting=1, failing=1, given_up=0, oldest=oldest)


async def test_a_slow_mail_server_does_not_keep_it_from_giving_signs_of_life(programme: Database) -> None:
    seen: list[OutboxStatus] = []
    transport = Slow(60)
    await saved(programme, claim_of("a"), SHIPPED)
    async with running(OutgoingMail(programme, transport, timing=QUICK), listening(seen)):
        await asyncio.wait_for(transport.begun.wait(), 5)
        before = len(seen)
        async with asyncio.timeout(5):
            while len(seen) < before + 3:
                await asyncio.sleep(0.005)


@pytest.mark.parametrize("stopped_by", ["shutdown", "pause"])
async def test_it_stops_at_once_when_nothing_is_in_hand(programme: Database, stopped_by: str) -> None:
    environment = ActivityEnvironment()
    async with running(OutgoingMail(programme, RecordingTransport(), timing=Timing(poll=60)), environment) as task:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            if stopped_by == "shutdown":
                environment.worker_shutdown()
                assert (await task).standing.waiting == 0
            else:
                environment.cancel(ActivityCancellationDetails(paused=True))
                with pytest.raises(asyncio.CancelledError):
                    await task


@pytest.mark.parametrize("stopped_by", ["shutdown", "pause"])
async def test_what_is_in_hand_when_it_stops_goes_out_and_is_noted(programme: Database, stopped_by: str) -> None:
    transport, environment = Slow(0.2), ActivityEnvironment()
    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    mail = OutgoingMail(programme, transport, timing=replace(QUICK, stop=5))
    async with running(mail, environment) as task:
        await asyncio.wait_for(transport.begun.wait(), 5)
        if stopped_by == "shutdown":
            environment.worker_shutdown()
            assert (await task).standing.sent == 1
        else:
            environment.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert [row.kind for row in await sent_rows(programme)] == ["shipped"]
    assert [row.kind for row in await in_outbox(programme)] == ["rebind"]


async def test_a_mail_server_that_hangs_does_not_keep_the_worker_from_stopping(programme: Database) -> None:
    transport, environment = Slow(60), ActivityEnvironment()
    await saved(programme, claim_of("a"), SHIPPED)
    await saved(programme, claim_of("b"), REBIND)
    async with running(OutgoingMail(programme, transport, timing=QUICK), environment) as task:
        await asyncio.wait_for(transport.begun.wait(), 5)
        environment.worker_shutdown()
        delivered = await asyncio.wait_for(task, 2)
    assert (delivered.standing.sent, delivered.standing.waiting, delivered.standing.failing) == (0, 1, 0)
    assert [row.kind for row in await sent_rows(programme)] == ["rebind"]
    (row,) = await in_outbox(programme)
    assert (row.claim_id, row.attempts) == (FIRST, 0)


async def test_two_attempts_in_one_worker_do_not_deliver_at_the_same_time(programme: Database) -> None:
    """The first was taken for dead while it hung."""
    transport = Slow(0.2)
    await saved(programme, claim_of("a"), SHIPPED)
    mail = OutgoingMail(programme, transport, timing=QUICK)
    both = (ActivityEnvironment().run(mail.deliver_mails, DeliverMails(seconds=0.1)) for _ in range(2))
    await asyncio.gather(*both)
    assert len(transport.sent) == 1


async def test_no_more_mails_than_the_rate_go_out_in_a_second(programme: Database) -> None:
    transport, loop = RecordingTransport(batch_size=25), asyncio.get_running_loop()
    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED, REBIND)
    began = loop.time()
    async with running(OutgoingMail(programme, transport, timing=QUICK, mails_per_second=2), ActivityEnvironment()):
        await sent(transport, 2)
        early = loop.time() - began
        await sent(transport, 6)
    assert early < 2 <= loop.time() - began + 0.01


@pytest.mark.parametrize(("per_second", "turns", "seconds"), [(1000, 50, 0), (10, 21, 2), (0.5, 2, 2), (2.5, 5, 1.6)])
async def test_a_pace_lets_bursts_through_and_the_rest_in_their_time(
    per_second: float, turns: int, seconds: float
) -> None:
    loop, pace = asyncio.get_running_loop(), RateLimit(per_second)
    began = loop.time()
    await asyncio.gather(*(pace.acquire() for _ in range(turns)))
    assert seconds <= loop.time() - began + 0.01 < seconds + 1
