"""Workflow part: the claim, its timeline and its notices, and how they are saved."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from domain import notices
from domain.claim import Claim
from domain.kinds import Attention, ClaimState, HoldState, Outcome
from domain.money import Money
from domain.policy import Policy
from domain.spreading import acts_at
from messages import search
from messages.claims import ParcelArrived
from messages.jobs import JobOpened
from messages.mail import MailKind, Notice
from messages.record import ClaimEvent, ComputeDeadline, FindDeliveredNotices, Record, SaveClaim, UseReserved
from workflows.parts.activity_calls import ActivityCalls

_REFUND_MAILS = (MailKind.RELEASED, MailKind.REFUND)


@dataclass
class RecordData:
    """What a new run needs of the record. `version` counts the saves, `seq` the events of the timeline.

    `undelivered` are the mails that were given up, as kind:occurrence. `dispatch_days` is None for a claim that release
    0.2.0 made, `spread_minutes` 0 for one until 0.3.0.
    """

    claim: Claim | None = None
    policy: Policy = field(default_factory=Policy)
    time_zone: str = "UTC"
    seq: int = 0
    version: int = 0
    notified: dict[MailKind, int] = field(default_factory=dict)
    gives_back: bool = False
    undelivered: list[str] = field(default_factory=list)
    dispatch_days: int | None = None
    spread_minutes: int = 0


class ClaimRecord:
    """Every part changes the claim through this class; `save` writes it to the database and to the Temporal UI."""

    def __init__(self, calls: ActivityCalls, data: RecordData | None = None) -> None:
        self._calls = calls
        self._data = data or RecordData()
        self._events: list[ClaimEvent] = []
        self._notices: list[tuple[Notice, Claim]] = []
        self._unclaimed: list[ParcelArrived] = []
        self._unsaved = False
        self._published: dict[str, object] = {}
        self._saving = asyncio.Lock()

    @property
    def data(self) -> RecordData:
        assert not self.unsaved, "unsaved changes would be lost"
        return self._data

    @property
    def created(self) -> bool:
        return self._data.claim is not None

    @property
    def claim(self) -> Claim:
        assert self._data.claim is not None, "the claim is not created yet"
        return self._data.claim

    @property
    def claim_or_none(self) -> Claim | None:
        return self._data.claim

    @property
    def policy(self) -> Policy:
        return self._data.policy

    @property
    def dispatch_days(self) -> int | None:
        """After so many days a dispatch is overdue; None: never, the claim was made by release 0.2.0."""
        return self._data.dispatch_days

    def acts_at(self, due: datetime | None) -> datetime | None:
        """When the claim acts on `due`, an instant that it may share with many (R-CLM-13)."""
        claim = self.claim_or_none
        if due is None or claim is None:
            return due
        live = claim.hold is not None and claim.hold.state is HoldState.AUTHORIZED
        return acts_at(due, claim.id, self._data.spread_minutes, claim.hold.expires_at if claim.hold and live else None)

    @property
    def time_zone(self) -> str:
        return self._data.time_zone

    @property
    def closed(self) -> bool:
        return self._data.claim is not None and self._data.claim.state is ClaimState.CLOSED

    @property
    def unsaved(self) -> bool:
        return self._unsaved or bool(self._events or self._notices or self._unclaimed) or self._saving.locked()

    def create(self, terms: UseReserved | JobOpened) -> None:
        """Begin with the new claim, and the policy and time zone that are frozen onto it."""
        self._data.claim, self._data.policy, self._data.time_zone = terms.claim, terms.policy, terms.time_zone
        self._data.dispatch_days, self._data.spread_minutes = terms.dispatch_days, terms.spread_minutes
        self._unsaved = True

    def change(self, **changes: Any) -> None:
        changed = replace(self.claim, **changes)
        if changed != self.claim:
            self._data.claim, self._unsaved = changed, True

    def wait_for(self, state: ClaimState, why: str, deadline: datetime | None = None) -> None:
        """The claim waits in `state`; `why` follows the word "waits". At `deadline` it continues by itself."""
        self.change(state=state, wait_reason=why, deadline=deadline)

    def note(self, kind: str, title: str, details: str = "", actor: str = "system") -> None:
        """Add an event to the timeline; the next save stores it."""
        self._data.seq += 1
        event = ClaimEvent(seq=self._data.seq, at=workflow.now(), kind=kind, title=title, details=details, actor=actor)
        self._events.append(event)

    def flag(self, attention: Attention) -> None:
        if attention not in self.claim.attention:
            self.change(attention=(*self.claim.attention, attention))

    def unflag(self, *flags: Attention) -> None:
        self.change(attention=tuple(a for a in self.claim.attention if a not in flags))

    @property
    def payment_was_refused(self) -> bool:
        """Whether the gateway has refused a request of this claim, so that the ledger may differ from the gateway."""
        refused = (Attention.PAYMENT_REFUSED, Attention.PAYMENT_MISCONFIGURED)
        return any(attention in refused for attention in self.claim.attention)

    def notify(self, kind: MailKind, amount: Money | None = None) -> None:
        """Mail the customer about the claim as it is now; the next save stores the notice (decision 0034)."""
        if kind in _REFUND_MAILS and self.payment_was_refused:
            self.note("mail_withheld", "The customer was not told of money that may not be back yet.")
            return
        occurrence = self._data.notified.get(kind, 0) + 1
        self._data.notified[kind] = occurrence
        self._notices.append((Notice(kind=kind, at=workflow.now(), occurrence=occurrence, amount=amount), self.claim))

    def mail_failed(self, kind: str, occurrence: int) -> None:
        """A mail was given up. When no other one can have told the customer of what is due, the claim is flagged."""
        mail = f"{kind}:{occurrence}"
        if mail not in self._data.undelivered:
            self._data.undelivered.append(mail)
            self._unsaved = True
        left = {each for each, count in self._data.notified.items() if count > self._undelivered_count(each)}
        if not self.closed and not notices.informs(self.claim.state, left):
            self.flag(Attention.UNREACHABLE)

    async def customer_informed(self) -> bool:
        """Whether a notice of what is due now was delivered (R-NOT-2). The database is asked when a mail was given up:
        a corrected address may have received it meanwhile, and a mail that still waits has told nobody."""
        if not self._data.undelivered:
            return True
        request = FindDeliveredNotices(claim_id=self.claim.id)
        found = await self._calls.database(Record.find_delivered_notices, request, "delivered notices")
        informed = notices.informs(self.claim.state, found.kinds)
        if informed:
            self.unflag(Attention.UNREACHABLE)
        else:
            self.flag(Attention.UNREACHABLE)
        return informed

    def _undelivered_count(self, kind: str) -> int:
        return sum(mail.rpartition(":")[0] == kind for mail in self._data.undelivered)

    def keep_unclaimed(self, parcel: ParcelArrived) -> None:
        """Make a task of people of a parcel that the claim does not wait for; the next save stores it."""
        self._unclaimed.append(parcel)

    def return_use(self) -> None:
        """Return the reserved use with the next save (R-CLM-6)."""
        self._data.gives_back = self._unsaved = True

    def close(self, outcome: Outcome, *, gives_back: bool = False) -> None:
        """Close the claim; `gives_back` returns the reserved use (R-CLM-6)."""
        self.change(
            state=ClaimState.CLOSED,
            outcome=outcome,
            closed_at=workflow.now(),
            deadline=None,
            wait_reason="",
            attention=tuple(a for a in self.claim.attention if a.outlives_the_claim),
        )
        self._data.gives_back = self._data.gives_back or gives_back
        self.note("closed", f"Closed: {outcome.replace('_', ' ')}.")

    async def save(self) -> None:
        """Save the claim with its new events and notices in one transaction, if anything changed."""
        async with self._saving:
            if not (self._unsaved or self._events or self._notices or self._unclaimed):
                return
            events, self._events = tuple(self._events), []
            written, self._notices = self._notices, []
            unclaimed, self._unclaimed = tuple(self._unclaimed), []
            self._unsaved = False
            self._data.version += 1
            self._publish()
            claim = self.claim
            request = SaveClaim(
                claim=claim,
                run_id=workflow.info().run_id,
                version=self._data.version,
                events=events,
                gives_back=self._data.gives_back,
                notices=tuple(
                    notice if about == claim else notice.model_copy(update={"claim": about})
                    for notice, about in written
                ),
                unclaimed=unclaimed,
            )
            names = [events[-1].kind if events else "claim", *(f"mail {_label(each.kind)}" for each, _ in written)]
            await self._calls.database(Record.save_claim, request, f"record: {', '.join(names)}")

    async def end_of_day(
        self, days: int, after: datetime | None = None, not_before: datetime | None = None
    ) -> datetime:
        """The last second of the day `days` after `after` (None: today) in the claim's zone, never before
        `not_before`."""
        request = ComputeDeadline(
            at=after or workflow.now(), days=days, time_zone=self.time_zone, not_before=not_before
        )
        return await self._calls.database(Record.compute_deadline, request, f"{days} days on")

    def _publish(self) -> None:
        claim = self.claim
        due = claim.returning.due_at if claim.returning else None
        wanted: list[tuple[SearchAttributeUpdate[Any], object]] = [
            (search.CLAIM_STATE.value_set(claim.state), claim.state),
            (search.CLAIM_ATTENTION.value_set([str(a) for a in claim.attention]), claim.attention),
        ]
        if claim.hold:
            wanted.append((search.HOLD_STATE.value_set(claim.hold.state), claim.hold.state))
        if due:
            wanted.append((search.RETURN_DUE.value_set(due), due))
        changed = [(update, value) for update, value in wanted if self._published.get(update.key.name, ()) != value]
        if changed:
            self._published.update({update.key.name: value for update, value in changed})
            workflow.upsert_search_attributes([update for update, _ in changed])
        lines = [f"**{claim.state.replace('_', ' ')}** {claim.wait_reason}", ""]
        lines += [f"- needs attention: {a.replace('_', ' ')}" for a in claim.attention]
        lines += [f"- {reason.rule}: {reason.message}" for reason in claim.reasons]
        workflow.set_current_details("\n".join(lines))


def _label(kind: MailKind) -> str:
    return kind.replace("_", " ")
