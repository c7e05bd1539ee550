"""Benchmarks: the two sides of the comparison as the driver sees them: a claim's four messages, and a worker to kill.

Aftercare is called through the API's client. DBOS is asked through DBOSClient, as its manual has it for
code outside the application. Whoever gets no answer asks again, until there is one.
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
from benchmarks.peer_case import Case, now
from benchmarks.peer_journal import INBOX, SUBMITTED, Letter
from benchmarks.peer_worker import QUEUE, READY, WORKFLOW, system_url
from benchmarks.sinks import FolderSink
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
AnswerT = TypeVar("AnswerT")


class NoAnswer(Exception):
    """A claim was not answered, however long it was waited for."""


class Side(ABC):
    """One engine with one worker, as an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._mails = FolderSink(settings.mail_folder)

    @property
    def mails_written(self) -> Counter[str]:
        """How often the worker says it wrote each mail."""
        return self._mails.arrivals

    def has_mailed(self, case: Case, kinds: Collection[MailKind]) -> bool:
        """Whether these of the claim's mails are written."""
        folder = self.settings.mail_folder
        return all((folder / f"{case.claim_id}.{kind}.1.eml").exists() for kind in kinds)

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
    async def submit(self, case: Case) -> None:
        """Returns when the claim waits for its dispatch."""

    @abstractmethod
    async def dispatch(self, case: Case) -> None:
        """Returns when the claim waits for the return."""

    @abstractmethod
    async def arrive(self, case: Case) -> None:
        """Returns when the news is safe."""

    @abstractmethod
    async def inspect(self, case: Case) -> None:
        """Returns when the claim is closed and its hold released."""


class Ours(Side):
    """Aftercare on Temporal's dev server."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._stack = Stack(settings, parts=("temporal", "worker"), on_line=lambda _, line: self._mails.line(line))
        reach = partial(connect, wait_seconds=5, address=self._stack.temporal_address)
        self._claim_commands = TemporalClaimCommands(reach, settings.task_queue)

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

    async def submit(self, case: Case) -> None:
        ask, provisional, key = case.submission(), case.provisional(), f"req_{case.claim_id}"
        answer = None
        while answer is None:
            answer = await _insist(lambda: self._claim_commands.submit(ask, provisional, "Premium", key))
        if not isinstance(answer, ClaimAccepted):
            raise NoAnswer(f"{case.claim_id}: {answer.reasons}")

    async def dispatch(self, case: Case) -> None:
        await self._decide(case, Action.DISPATCH, case.dispatch())

    async def arrive(self, case: Case) -> None:
        event = case.arrival()
        await _insist(lambda: self._claim_commands.send_event(case.claim_id, event))

    async def inspect(self, case: Case) -> None:
        try:
            await self._decide(case, Action.INSPECTION, case.inspection())
        except ClaimNotRunning:
            return  # closed before its answer reached us; the audit looks at how

    async def _decide(self, case: Case, action: Action, decision: Any) -> Claim:
        return await _insist(
            lambda: self._claim_commands.decide(case.claim_id, action, decision, f"{action}_{case.claim_id}")
        )


class Theirs(Side):
    """The same claim on DBOS, in the same database."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._ready = asyncio.Event()
        command = [sys.executable, "-m", "benchmarks.peer_worker", settings.database_url, str(settings.mail_folder)]
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
            raise NoAnswer("\n".join(["the peer's worker does not start:", *self._worker.tail])) from None

    async def submit(self, case: Case) -> None:
        options = {"workflow_name": WORKFLOW, "queue_name": QUEUE, "workflow_id": case.claim_id}
        await self._client.enqueue_async(options, case.submission())
        await self._answer(case, SUBMITTED)

    async def dispatch(self, case: Case) -> None:
        await self._decide(case, Action.DISPATCH, case.dispatch())

    async def arrive(self, case: Case) -> None:
        event = case.arrival()
        await self._send(case, Letter(Action.ARRIVAL, event, event.arrived_at))

    async def inspect(self, case: Case) -> None:
        await self._decide(case, Action.INSPECTION, case.inspection())

    async def _decide(self, case: Case, action: Action, decision: Any) -> Claim:
        await self._send(case, Letter(action, decision, now()))
        return await self._answer(case, action.value)

    async def _send(self, case: Case, letter: Letter) -> None:
        key = f"{letter.action}_{case.claim_id}"
        await self._client.send_async(case.claim_id, letter, INBOX, idempotency_key=key)

    async def _answer(self, case: Case, key: str) -> Claim:
        claim: Claim | None = await self._client.get_event_async(case.claim_id, key, timeout_seconds=_PATIENCE)
        if claim is None:
            raise NoAnswer("\n".join([f"{case.claim_id}: no {key}", *self._worker.tail]))
        return claim

    def _line(self, text: str) -> None:
        if text.strip() == READY:
            self._ready.set()
        self._mails.line(text)


async def _insist(ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await ask()
            except TemporalUnavailable:
                await asyncio.sleep(_PAUSE)
