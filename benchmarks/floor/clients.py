"""Benchmarks: the requests of one claim with a good return, to the product's workflow or to the floor's.

Both are sent to Temporal directly, as the API does it, without HTTP.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.claim_commands import TemporalUnavailable
from api.rpc_errors import QUICK_TIMEOUT
from api.temporal_client import DECISION_TIMEOUT, SUBMISSION_TIMEOUT, TemporalClaimCommands
from benchmarks.concurrency import run_all
from benchmarks.floor.worker import QUEUE
from benchmarks.floor.workflow import RELEASED, FloorClaim
from benchmarks.premium_claim import PremiumClaim
from domain.kinds import Action, ClaimState, Outcome
from messages.claims import ClaimAccepted, Dispatch, Inspect, ParcelArrived

_ATTEMPTS: Final = 6
ResponseT = TypeVar("ResponseT")


@dataclass(slots=True)
class Times:
    """Seconds of each claim: from request to "awaiting dispatch", from inspection to "released"; of all together."""

    to_dispatch: list[float] = field(default_factory=list)
    to_release: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Claims a second."""
        return len(self.ids) / self.seconds


class ClaimClient(ABC):
    """The requests to one kind of claim workflow. Each returns when it was processed, or raises."""

    prefix: str
    expected_result: str

    @abstractmethod
    async def submit(self, claim: PremiumClaim) -> None:
        """Returns when the claim awaits its dispatch."""

    @abstractmethod
    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        """Returns when the update has completed."""

    @abstractmethod
    async def send_event(self, claim_id: str, event: ParcelArrived) -> None:
        """Returns when Temporal has recorded the signal."""


class AftercareClient(ClaimClient):
    """The product's claim through the API's own client."""

    prefix = "clm"
    expected_result = Outcome.HOLD_RELEASED.value

    def __init__(self, claim_commands: TemporalClaimCommands) -> None:
        self._claim_commands = claim_commands

    async def submit(self, claim: PremiumClaim) -> None:
        submission, provisional, key = claim.submission(), claim.provisional(), f"req_{claim.claim_id}"
        result = None
        for _ in range(_ATTEMPTS):
            result = await _with_retries(
                lambda: self._claim_commands.submit(submission, provisional, claim.summary, key)
            )
            if result is not None:
                break
        if not isinstance(result, ClaimAccepted) or result.claim.state is not ClaimState.AWAITING_DISPATCH:
            raise AssertionError(f"{claim.claim_id} was not accepted: {result}")

    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        await _with_retries(lambda: self._claim_commands.decide(claim_id, action, decision, f"{action}_{claim_id}"))

    async def send_event(self, claim_id: str, event: ParcelArrived) -> None:
        await _with_retries(lambda: self._claim_commands.send_event(claim_id, event))


async def _with_retries(request: Callable[[], Awaitable[ResponseT]]) -> ResponseT:
    """A request without a response is repeated under the same key, as every caller of the API does."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(TemporalUnavailable):
            return await request()
    return await request()


class FloorClient(ClaimClient):
    """The floor's claim: the same requests and timeouts, without memo, search attributes and summaries."""

    prefix = "bare"
    expected_result = RELEASED

    def __init__(self, client: Client) -> None:
        self._client = client

    async def submit(self, claim: PremiumClaim) -> None:
        start: Any = WithStartWorkflowOperation(
            FloorClaim.run,
            claim.submission(),
            id=claim.claim_id,
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        await self._client.execute_update_with_start_workflow(
            "submission",
            start_workflow_operation=start,
            id=f"req_{claim.claim_id}",
            rpc_timeout=SUBMISSION_TIMEOUT * _ATTEMPTS,
        )

    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        handle = self._client.get_workflow_handle(claim_id)
        await handle.execute_update(
            action.value, decision, id=f"{action}_{claim_id}", rpc_timeout=DECISION_TIMEOUT * _ATTEMPTS
        )

    async def send_event(self, claim_id: str, event: ParcelArrived) -> None:
        handle = self._client.get_workflow_handle(claim_id)
        await handle.signal("arrival", event, rpc_timeout=QUICK_TIMEOUT * _ATTEMPTS)


async def run_claims(
    client: Client, claim_client: ClaimClient, serials: Sequence[str], at_once: int, pause: float = 0.0
) -> Times:
    """Run a claim for each drone to its end, `at_once` in parallel, with `pause` seconds before each message."""
    times = Times()
    began = time.perf_counter()
    await run_all(serials, at_once, lambda serial: _run_claim(client, claim_client, serial, pause, times))
    times.seconds = time.perf_counter() - began
    return times


async def _run_claim(client: Client, claim_client: ClaimClient, serial: str, pause: float, times: Times) -> None:
    claim = PremiumClaim(serial, claim_client.prefix)
    claim_id = claim.claim_id
    began = time.perf_counter()
    await claim_client.submit(claim)
    times.to_dispatch.append(time.perf_counter() - began)
    await asyncio.sleep(pause)
    await claim_client.decide(claim_id, Action.DISPATCH, claim.dispatch())
    await asyncio.sleep(pause)
    await claim_client.send_event(claim_id, claim.arrival())
    await asyncio.sleep(pause)
    began = time.perf_counter()
    await claim_client.decide(claim_id, Action.INSPECTION, claim.inspection())
    times.to_release.append(time.perf_counter() - began)
    result = await client.get_workflow_handle(claim_id).result()
    if result != claim_client.expected_result:
        raise AssertionError(f"{claim_id} ended as {result}")
    times.ids.append(claim_id)
