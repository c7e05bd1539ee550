"""Benchmarks: what the peer's claim is made of: its record, its letters, and the one way to run a DBOS step.

Each step is what is one activity with us, and one transaction where it is one with us. Time is a step's answer or a
letter's stamp, so that a replay sees the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from dbos import DBOS

from activities.mail import OutgoingMail
from activities.payments import GatewayPayments
from activities.record import DatabaseRecord
from activities.warehouse import SimulatedWarehouse
from domain.claim import Claim, Hold, Return
from domain.kinds import Action
from domain.money import Money
from messages.base import Message
from messages.claims import Dispatch, Inspect, ParcelArrived, SubmitCareExpress
from messages.mail import MailKind, SendMail
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
    mail: OutgoingMail


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
        self._mails: list[asyncio.Task[Any]] = []
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
        save = SaveClaim(claim=self._the_claim, run_id=run_id, version=self._version, events=events)
        await self._step(self._desk.record.save_claim, save)

    def _mail(self, kind: MailKind, amount: Money | None = None) -> None:
        """Beside the story, as with us; its place among the steps is taken now, so that a replay finds it."""
        ask = SendMail(kind=kind, claim=self._the_claim, at=self._now, amount=amount)
        place = DBOS.reserve_step()
        send = place.run_async({"name": f"mail_{kind}", **_RETRIES}, self._desk.mail.send_mail, ask)
        self._mails.append(asyncio.create_task(send))

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
