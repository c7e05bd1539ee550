"""Benchmarks: the state and the record of the peer's claim, and its DBOS steps.

Each step is one activity of ours, and one transaction where that is one. The time is a step's result or a message's
timestamp, so that a replay reads the same.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from dbos import DBOS

from activities.payments.activities import GatewayPayments
from activities.record import DatabaseRecord
from activities.warehouse import SimulatedWarehouse
from domain.claim import Claim, Hold, Return
from domain.kinds import Action
from domain.money import Money
from messages.base import Message
from messages.claims import Dispatch, Inspect, ParcelArrived, SubmitCareExpress
from messages.mail import MailKind, Notice
from messages.record import ClaimEvent, SaveClaim, UseReserved

INBOX: Final = "inbox"
SUBMITTED: Final = "submitted"
"""The DBOS events with the claim's responses: this one, and each decision's action."""
_RETRIES: Final = {"retries_allowed": True, "interval_seconds": 0.2, "backoff_rate": 2.0, "max_attempts": 12}
RequestT = TypeVar("RequestT", bound=Message)
ResultT = TypeVar("ResultT")
KindT = TypeVar("KindT")


@dataclass(frozen=True, slots=True)
class ClaimMessage:
    """A message to a claim. `at` is the sender's clock."""

    action: Action
    content: Dispatch | ParcelArrived | Inspect
    at: datetime


@dataclass(frozen=True, slots=True)
class Activities:
    """The activities that a claim's steps call."""

    record: DatabaseRecord
    payments: GatewayPayments
    warehouse: SimulatedWarehouse


class UnexpectedResult(Exception):
    """Something other than a good return, which this claim does not implement."""


async def _timed(method: Callable[[RequestT], Awaitable[ResultT]], request: RequestT) -> tuple[ResultT, datetime]:
    return await method(request), datetime.now(UTC)


class ClaimRecord:
    """The claim's state, and its events and mails since it was last saved."""

    def __init__(self, activities: Activities, submission: SubmitCareExpress) -> None:
        self._activities = activities
        self._submission = submission
        self._now = datetime.min.replace(tzinfo=UTC)
        self._reserved: UseReserved | None = None
        self._claim: Claim | None = None
        self._hold_id = ""
        self._events: list[ClaimEvent] = []
        self._seq = 0
        self._version = 0
        self._notices: list[Notice] = []
        self._reminders: dict[MailKind, datetime] = {}

    @property
    def _current_claim(self) -> Claim:
        return required(self._claim)

    @property
    def _terms(self) -> UseReserved:
        return required(self._reserved)

    @property
    def _hold(self) -> Hold:
        return required(self._current_claim.hold)

    @property
    def _returning(self) -> Return:
        return required(self._current_claim.returning)

    def _change(self, **changes: Any) -> None:
        self._claim = replace(self._current_claim, **changes)

    def _note(self, kind: str, title: str, details: str = "", actor: str = "system") -> None:
        self._seq += 1
        event = ClaimEvent(seq=self._seq, at=self._now, kind=kind, title=title, details=details, actor=actor)
        self._events.append(event)

    async def _save(self) -> None:
        self._version += 1
        events, self._events = tuple(self._events), []
        notices, self._notices = tuple(self._notices), []
        save = SaveClaim(
            claim=self._current_claim,
            run_id=str(DBOS.workflow_id),
            version=self._version,
            events=events,
            notices=notices,
        )
        await self._step(self._activities.record.save_claim, save)

    def _mail(self, kind: MailKind, amount: Money | None = None) -> None:
        """Written into the outbox with the next save, as ours."""
        self._notices.append(Notice(kind=kind, at=self._now, occurrence=1, amount=amount))

    async def _step(self, method: Callable[[RequestT], Awaitable[ResultT]], request: RequestT) -> ResultT:
        name = getattr(method, "__name__", "step")
        timed: tuple[ResultT, datetime] = await DBOS.run_step_async({"name": name, **_RETRIES}, _timed, method, request)
        result, self._now = timed
        return result


def expect_type(result: object, kind: type[KindT]) -> KindT:
    """`result`, when it is a `kind`. Raises UnexpectedResult."""
    if not isinstance(result, kind):
        raise UnexpectedResult(f"{result!r}")
    return result


def required(value: KindT | None) -> KindT:
    """`value`, when there is one. Raises UnexpectedResult."""
    if value is None:
        raise UnexpectedResult("a value is missing")
    return value
