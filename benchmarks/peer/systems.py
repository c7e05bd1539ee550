"""Benchmarks: the two sides of the comparison as the driver sees them: a claim's four messages, and a worker to kill.

Aftercare is called through the API's client. DBOS is called through DBOSClient, as its manual has it for
code outside the application. A request without a response is repeated until there is one.
"""

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from dbos import DBOSClient

from api.claim_commands import ClaimNotRunning, TemporalUnavailable
from api.temporal_client import TemporalClaimCommands
from benchmarks.mail_counters import FolderMailCounter
from benchmarks.peer.claim_record import INBOX, SUBMITTED, ClaimMessage
from benchmarks.peer.worker import QUEUE, READY, WORKFLOW, system_url
from benchmarks.premium_claim import PremiumClaim, now
from devstack.processes import ChildProcess
from devstack.stack import Stack
from domain.claim import Claim
from domain.kinds import Action
from messages.claims import ClaimAccepted
from messages.mail import MailKind
from settings import Settings
from temporal_runtime.connection import connect

_PATIENCE: Final = 300.0
_PAUSE: Final = 0.05
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_CONNECTIONS: Final = 16
ResponseT = TypeVar("ResponseT")


class NoResponse(Exception):
    """A claim did not respond in time."""


class System(ABC):
    """One engine with one worker, as an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._mails = FolderMailCounter(settings.mail_folder)

    @property
    def mails_written(self) -> Counter[str]:
        """How often the worker logged that it wrote each mail."""
        return self._mails.arrivals

    def has_mailed(self, claim: PremiumClaim, kinds: Collection[MailKind]) -> bool:
        """Whether these of the claim's mails are written."""
        folder = self.settings.mail_folder
        return all((folder / f"{claim.claim_id}.{kind}.1.eml").exists() for kind in kinds)

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def pids(self) -> dict[str, int]:
        """The processes this engine needs beside PostgreSQL, by name."""

    @abstractmethod
    async def kill_worker(self) -> None:
        """SIGKILL; returns when it is gone."""

    @abstractmethod
    async def start_worker(self) -> None:
        """Returns when it works."""

    @abstractmethod
    async def submit(self, claim: PremiumClaim) -> None:
        """Returns when the claim waits for its dispatch."""

    @abstractmethod
    async def dispatch(self, claim: PremiumClaim) -> None:
        """Returns when the claim waits for the return."""

    @abstractmethod
    async def arrive(self, claim: PremiumClaim) -> None:
        """Returns when the news is safe."""

    @abstractmethod
    async def inspect(self, claim: PremiumClaim) -> None:
        """Returns when the claim is closed and its hold released."""


class AftercareSystem(System):
    """Aftercare on Temporal's dev server."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._stack = Stack(settings, parts=("temporal", "worker"), on_line=lambda _, line: self._mails.line(line))
        connected = partial(connect, wait_seconds=5, address=self._stack.temporal_address)
        self._claim_commands = TemporalClaimCommands(connected, settings.task_queue)

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        await self._claim_commands.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._claim_commands.close()
        await self._stack.__aexit__(kind, error, trace)

    def pids(self) -> dict[str, int]:
        worker, server = self._stack.pid("worker"), self._stack.pid("temporal")
        assert worker is not None, "the worker runs"
        assert server is not None, "the server runs"
        return {"worker": worker, "Temporal server": server}

    async def kill_worker(self) -> None:
        await self._stack.kill("worker")

    async def start_worker(self) -> None:
        await self._stack.start("worker")

    async def submit(self, claim: PremiumClaim) -> None:
        submission, provisional, key = claim.submission(), claim.provisional(), f"req_{claim.claim_id}"
        result = None
        while result is None:
            result = await _with_retries(lambda: self._claim_commands.submit(submission, provisional, "Premium", key))
        if not isinstance(result, ClaimAccepted):
            raise NoResponse(f"{claim.claim_id}: {result.reasons}")

    async def dispatch(self, claim: PremiumClaim) -> None:
        await self._decide(claim, Action.DISPATCH, claim.dispatch())

    async def arrive(self, claim: PremiumClaim) -> None:
        event = claim.arrival()
        await _with_retries(lambda: self._claim_commands.send_event(claim.claim_id, event))

    async def inspect(self, claim: PremiumClaim) -> None:
        try:
            await self._decide(claim, Action.INSPECTION, claim.inspection())
        except ClaimNotRunning:
            return  # closed before its response was received; the audit checks its outcome

    async def _decide(self, claim: PremiumClaim, action: Action, decision: Any) -> Claim:
        return await _with_retries(
            lambda: self._claim_commands.decide(claim.claim_id, action, decision, f"{action}_{claim.claim_id}")
        )


class DbosSystem(System):
    """The same claim on DBOS, in the same database."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._ready = asyncio.Event()
        command = [sys.executable, "-m", "benchmarks.peer.worker", settings.database_url, str(settings.mail_folder)]
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        self._worker = ChildProcess("worker", command, environment, on_line=self._line, on_note=lambda _: None)
        self._client: Any = None

    async def __aenter__(self) -> Self:
        await self.start_worker()
        self._client = await asyncio.to_thread(
            DBOSClient,
            system_database_url=system_url(self.settings.database_url),
            system_database_pool_size=_CONNECTIONS,
            use_listen_notify=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.destroy)
        await self._worker.stop(_STOP_SECONDS)

    def pids(self) -> dict[str, int]:
        assert self._worker.pid is not None, "the worker runs"
        return {"worker": self._worker.pid}

    async def kill_worker(self) -> None:
        await self._worker.kill()

    async def start_worker(self) -> None:
        self._ready.clear()
        await self._worker.start()
        try:
            await asyncio.wait_for(self._ready.wait(), _START_SECONDS)
        except TimeoutError:
            raise NoResponse("\n".join(["the peer's worker does not start:", *self._worker.tail])) from None

    async def submit(self, claim: PremiumClaim) -> None:
        options = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "workflow_id": claim.claim_id}
        await self._client.enqueue_async(options, claim.submission())
        await self._response(claim, SUBMITTED)

    async def dispatch(self, claim: PremiumClaim) -> None:
        await self._decide(claim, Action.DISPATCH, claim.dispatch())

    async def arrive(self, claim: PremiumClaim) -> None:
        event = claim.arrival()
        await self._send(claim, ClaimMessage(Action.ARRIVAL, event, event.arrived_at))

    async def inspect(self, claim: PremiumClaim) -> None:
        await self._decide(claim, Action.INSPECTION, claim.inspection())

    async def _decide(self, claim: PremiumClaim, action: Action, decision: Any) -> Claim:
        await self._send(claim, ClaimMessage(action, decision, now()))
        return await self._response(claim, action.value)

    async def _send(self, claim: PremiumClaim, message: ClaimMessage) -> None:
        key = f"{message.action}_{claim.claim_id}"
        await self._client.send_async(claim.claim_id, message, INBOX, idempotency_key=key)

    async def _response(self, claim: PremiumClaim, key: str) -> Claim:
        found: Claim | None = await self._client.get_event_async(claim.claim_id, key, timeout_seconds=_PATIENCE)
        if found is None:
            raise NoResponse("\n".join([f"{claim.claim_id}: no {key}", *self._worker.tail]))
        return found

    def _line(self, text: str) -> None:
        if text.strip() == READY:
            self._ready.set()
        self._mails.line(text)


async def _with_retries(request: Callable[[], Awaitable[ResponseT]]) -> ResponseT:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await request()
            except TemporalUnavailable:
                await asyncio.sleep(_PAUSE)
