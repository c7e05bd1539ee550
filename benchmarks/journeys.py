"""Benchmarks: one claim's journey, asked of Temporal as the API asks it: the product's claim, or the bare one.

Both go the same way at the same pace: submit, dispatch, arrival, inspection, end. Nobody asks by HTTP.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from api.claim_commands import TemporalUnavailable
from api.rpc_errors import QUICK_TIMEOUT
from api.temporal_client import DECISION_TIMEOUT, SUBMISSION_TIMEOUT, TemporalClaimCommands
from benchmarks import covered
from benchmarks.floor_worker import QUEUE
from benchmarks.floor_workflow import RELEASED, BareClaim
from domain.claim import Claim, Incident
from domain.kinds import Action, Cause, ClaimState, Outcome, Service, Tier
from domain.money import Money
from messages.claims import ClaimAccepted, Dispatch, Inspect, ParcelArrived, ShipTo, SubmitCareExpress

_SHIP_TO: Final = ShipTo(name="Ada Marsh", line1="1 Main St", city="San Jose", postal_code="95110", country="US")
_TRIES: Final = 6
AnswerT = TypeVar("AnswerT")


@dataclass(slots=True)
class Times:
    """Seconds of each claim: from request to "awaiting dispatch", from inspection to "released"; all of it together."""

    to_dispatch: list[float] = field(default_factory=list)
    to_release: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Claims a second."""
        return len(self.ids) / self.seconds


class Journey(ABC):
    """The calls of one kind of claim. Every call is answered or raises."""

    prefix: str
    ends_as: str

    @abstractmethod
    async def submit(self, ask: SubmitCareExpress) -> None:
        """Returns when the claim awaits its dispatch."""

    @abstractmethod
    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        """Returns when the claim has acted on it."""

    @abstractmethod
    async def report(self, claim_id: str, event: ParcelArrived) -> None:
        """Returns when Temporal has it."""


class Ours(Journey):
    """The product's claim through the product's own claim_commands."""

    prefix = "clm"
    ends_as = Outcome.HOLD_RELEASED.value

    def __init__(self, claim_commands: TemporalClaimCommands) -> None:
        self._claim_commands = claim_commands

    async def submit(self, ask: SubmitCareExpress) -> None:
        summary = f"Premium · Mavic 3 · SN {ask.serial_number} · collision"
        answer = None
        for _ in range(_TRIES):
            answer = await _patiently(
                lambda: self._claim_commands.submit(ask, _provisional(ask), summary, f"req_{ask.claim_id}")
            )
            if answer is not None:
                break
        if not isinstance(answer, ClaimAccepted) or answer.claim.state is not ClaimState.AWAITING_DISPATCH:
            raise AssertionError(f"{ask.claim_id} was not accepted: {answer}")

    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        await _patiently(lambda: self._claim_commands.decide(claim_id, action, decision, f"{action}_{claim_id}"))

    async def report(self, claim_id: str, event: ParcelArrived) -> None:
        await _patiently(lambda: self._claim_commands.send_event(claim_id, event))


async def _patiently(ask: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """As any caller of the API: without an answer, ask again under the same key."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(TemporalUnavailable):
            return await ask()
    return await ask()


class Bare(Journey):
    """The floor's claim: the same calls and as much patience, without memo, search attributes and summaries."""

    prefix = "bare"
    ends_as = RELEASED

    def __init__(self, client: Client) -> None:
        self._client = client

    async def submit(self, ask: SubmitCareExpress) -> None:
        start: Any = WithStartWorkflowOperation(
            BareClaim.run,
            ask,
            id=ask.claim_id,
            task_queue=QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        await self._client.execute_update_with_start_workflow(
            "submission",
            start_workflow_operation=start,
            id=f"req_{ask.claim_id}",
            rpc_timeout=SUBMISSION_TIMEOUT * _TRIES,
        )

    async def decide(self, claim_id: str, action: Action, decision: Dispatch | Inspect) -> None:
        handle = self._client.get_workflow_handle(claim_id)
        await handle.execute_update(
            action.value, decision, id=f"{action}_{claim_id}", rpc_timeout=DECISION_TIMEOUT * _TRIES
        )

    async def report(self, claim_id: str, event: ParcelArrived) -> None:
        await self._client.get_workflow_handle(claim_id).signal("arrival", event, rpc_timeout=QUICK_TIMEOUT * _TRIES)


async def travel(client: Client, journey: Journey, serials: Sequence[str], at_once: int, pause: float = 0.0) -> Times:
    """Bring a claim for each drone to its end, `at_once` at a time, with `pause` seconds before each message."""
    times, waiting = Times(), list(reversed(serials))
    began = time.perf_counter()

    async def one_after_another() -> None:
        while waiting:
            await _one(client, journey, waiting.pop(), pause, times)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())
    times.seconds = time.perf_counter() - began
    return times


async def _one(client: Client, journey: Journey, serial: str, pause: float, times: Times) -> None:
    claim_id = f"{journey.prefix}_{serial.lower()}"
    began = time.perf_counter()
    await journey.submit(_application(claim_id, serial))
    times.to_dispatch.append(time.perf_counter() - began)
    await asyncio.sleep(pause)
    sent = Dispatch(actor="warehouse", replacement_serial_number=f"{serial}R", carrier="UPS", tracking_number="1Z1")
    await journey.decide(claim_id, Action.DISPATCH, sent)
    await asyncio.sleep(pause)
    arrived = ParcelArrived(event_id=f"arrival_{claim_id}", actor="warehouse", arrived_at=_now())
    await journey.report(claim_id, arrived)
    await asyncio.sleep(pause)
    seen = Inspect(actor="warehouse", serial_number=serial, genuine=True, components=covered.components())
    began = time.perf_counter()
    await journey.decide(claim_id, Action.INSPECTION, seen)
    times.to_release.append(time.perf_counter() - began)
    ended = await client.get_workflow_handle(claim_id).result()
    if ended != journey.ends_as:
        raise AssertionError(f"{claim_id} ended as {ended}")
    times.ids.append(claim_id)


def _application(claim_id: str, serial: str) -> SubmitCareExpress:
    return SubmitCareExpress(
        claim_id=claim_id,
        serial_number=serial,
        tier=Tier.PREMIUM,
        incident=Incident(Cause.COLLISION, _now()),
        replace_battery=False,
        payment_method="pm_card_visa",
        ship_to=_SHIP_TO,
        accepted_terms=True,
        terms_version="2026-01",
    )


def _provisional(ask: SubmitCareExpress) -> Claim:
    """What the API tells while nothing is judged."""
    nothing = Money(0, covered.region().currency)
    return Claim(
        id=ask.claim_id,
        service=Service.CARE_EXPRESS,
        tier=ask.tier,
        state=ClaimState.SUBMITTED,
        serial_number=ask.serial_number,
        model=covered.MODEL,
        region=covered.REGION,
        lineage_id=covered.lineage_of(ask.serial_number),
        opened_at=_now(),
        incident=ask.incident,
        fee=nothing,
        amount_owed=nothing,
        wait_reason="for the submission to be judged",
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
