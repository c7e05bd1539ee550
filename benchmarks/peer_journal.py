"""Benchmarks: what the peer's claim is made of: its record, its letters, and the one way to run a DBOS step.

Each step is what is one activity with us, and one transaction where it is one with us. Time is a step's answer or a
letter's stamp, so that a replay sees the same.
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
"""The events under which the claim answers: this one, and each decision's action."""
_RETRIES: Final = {"retries_allowed": True, "interval_seconds": 0.2, "backoff_rate": 2.0, "max_attempts": 12}
AskT = TypeVar("AskT", bound=Message)
AnswerT = TypeVar("AnswerT")
KindT = TypeVar("KindT")


@dataclass(frozen=True, slots=True)
class Letter:
    """What a claim is sent. `at` is the sender's clock."""

    action: Action
    message: Dispatch | ParcelArrived | Inspect
    at: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a claim's steps need."""

    record: DatabaseRecord
    payments: GatewayPayments
    warehouse: SimulatedWarehouse


class NotThisStory(Exception):
    """Something other than a good return: this claim does not know what to do then."""


async def _timed(method: Callable[[AskT], Awaitable[AnswerT]], ask: AskT) -> tuple[AnswerT, datetime]:
    return await method(ask), datetime.now(UTC)


class Journal:
    """The claim as it stands, and what happened since it was last saved."""

    def __init__(self, desk: Desk, ask: SubmitCareExpress) -> None:
        self._desk = desk
        self._asked = ask
        self._now = datetime.min.replace(tzinfo=UTC)
        self._agreed: UseReserved | None = None
        self._claim: Claim | None = None
        self._hold_id = ""
        self._events: list[ClaimEvent] = []
        self._seq = 0
        self._version = 0
        self._letters: list[Notice] = []
        self._notices: dict[MailKind, datetime] = {}

    @property
    def _the_claim(self) -> Claim:
        return there(self._claim)

    @property
    def _terms(self) -> UseReserved:
        return there(self._agreed)

    @property
    def _hold(self) -> Hold:
        return there(self._the_claim.hold)

    @property
    def _returning(self) -> Return:
        return there(self._the_claim.returning)

    def _change(self, **changes: Any) -> None:
        self._claim = replace(self._the_claim, **changes)

    def _note(self, kind: str, title: str, details: str = "", actor: str = "system") -> None:
        self._seq += 1
        event = ClaimEvent(seq=self._seq, at=self._now, kind=kind, title=title, details=details, actor=actor)
        self._events.append(event)

    async def _save(self) -> None:
        self._version += 1
        events, self._events = tuple(self._events), []
        run_id = str(DBOS.workflow_id)
        notices, self._letters = tuple(self._letters), []
        save = SaveClaim(claim=self._the_claim, run_id=run_id, version=self._version, events=events, notices=notices)
        await self._step(self._desk.record.save_claim, save)

    def _mail(self, kind: MailKind, amount: Money | None = None) -> None:
        """Written into the outbox with the next save, as with us."""
        self._letters.append(Notice(kind=kind, at=self._now, occurrence=1, amount=amount))

    async def _step(self, method: Callable[[AskT], Awaitable[AnswerT]], ask: AskT) -> AnswerT:
        name = getattr(method, "__name__", "step")
        done: tuple[AnswerT, datetime] = await DBOS.run_step_async({"name": name, **_RETRIES}, _timed, method, ask)
        answer, self._now = done
        return answer


def expected(answer: object, kind: type[KindT]) -> KindT:
    if not isinstance(answer, kind):
        raise NotThisStory(f"{answer!r}")
    return answer


def there(value: KindT | None) -> KindT:
    if value is None:
        raise NotThisStory("something is missing")
    return value
