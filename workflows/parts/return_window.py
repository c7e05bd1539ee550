"""Workflow part: the return of the customer's unit: its due date, extension, carrier scan and arrival."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from temporalio import workflow

from domain import lifecycle, returns
from domain.claim import Parcel, Return
from domain.dates import utc_text
from domain.kinds import Attention, ClaimState, Component, PartsChoice
from domain.reported_events import normalise_tracking_number
from messages.claims import (
    ChooseParts,
    Decision,
    Event,
    ExtendReturn,
    ParcelArrived,
    ParcelDelivered,
    ParcelEvent,
    ParcelScanned,
)
from messages.mail import MailKind
from messages.record import ComputeWindow, Record, WindowComputed
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.reminders import Reminders

_MAX_RECORDED = 1_000
_CURING = (ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS)


@dataclass
class ReturnWindowData:
    """`cure_until` has the last second of each state in which something is corrected. `recorded` has the ids of the
    events that are in the timeline already, `outbound` the replacement's own tracking number."""

    started_at: datetime | None = None
    cure_until: dict[ClaimState, datetime] = field(default_factory=dict)
    grace_given: bool = False
    overdue_at: datetime | None = None
    recorded: list[str] = field(default_factory=list)
    outbound: str = ""


class ReturnWindow:
    """Maintains `claim.returning`. The workflow decides what each of its times leads to."""

    def __init__(
        self, record: ClaimRecord, calls: ActivityCalls, reminders: Reminders, data: ReturnWindowData | None = None
    ) -> None:
        self._record = record
        self._calls = calls
        self._reminders = reminders
        self._data = data or ReturnWindowData()

    @property
    def data(self) -> ReturnWindowData:
        return self._data

    @property
    def returning(self) -> Return:
        returning = self._record.claim.returning
        assert returning is not None, "no unit is expected"
        return returning

    @property
    def overdue_at(self) -> datetime | None:
        """When the outstanding inspection becomes overdue."""
        return self._data.overdue_at

    @property
    def deadline_passed(self) -> bool:
        deadline = self._record.claim.deadline
        return deadline is not None and workflow.now() > deadline

    # -- the window --------------------------------------------------------------------------------------------------

    async def expect_item(self, expected: tuple[Component, ...]) -> Return:
        """Expect the unit that the customer sends in, within the policy's days from today (R-EXP-2)."""
        computed = await self._compute(self._record.policy.standard_item_days, 0, workflow.now(), expected, "item")
        self._record.change(returning=computed.returning)
        return computed.returning

    def opened(self, returning: Return, reminders: dict[str, datetime], outbound: str = "") -> None:
        """Expect the original back: the replacement was dispatched under that tracking number (R-RET-1)."""
        self._data.outbound = normalise_tracking_number(outbound)
        self._data.started_at = workflow.now()
        self._data.cure_until, self._data.grace_given = {}, False  # those of the window before
        self._reminders.set(reminders)
        due = returning.due_at
        self._record.change(returning=returning)
        self._record.wait_for(
            ClaimState.AWAITING_RETURN, f"for the original until {returning.due_text or utc_text(due)}", due
        )

    async def extend(self, decision: ExtendReturn) -> None:
        """Extend the window, once and before it is due; RuleError when R-RET-5 forbids it."""
        now, claim = workflow.now(), self._record.claim
        window = lifecycle.require_extension(claim, decision.days, now, self._record.policy)
        started = self._data.started_at or now
        longer = await self._compute(window.window_days, decision.days, started, window.expected, "extension")
        lifecycle.require_hold_until(claim, longer.returning.due_at)
        window = self.returning  # a scan may have been received meanwhile
        returning = replace(
            longer.returning,
            scanned_at=window.scanned_at,
            arrived_at=window.arrived_at,
            delivered_at=window.delivered_at,
            parcel=window.parcel,
        )
        self._reminders.move(longer.reminders)
        due = returns.waits_until(returning)
        self._record.change(returning=returning, deadline=due, wait_reason=f"for the original until {utc_text(due)}")
        self._record.note(
            "extended", f"The return window was extended by {decision.days} days.", decision.reason, decision.actor
        )
        self._record.notify(MailKind.EXTENDED)

    async def await_cure(self, state: ClaimState, days: int, kind: MailKind) -> bool:
        """Wait in `state` until the later of due and `days` after the first notice (R-INS-4, R-CMP-2).

        False when that time has passed: there is no wait.
        """
        if state not in self._data.cure_until:
            until = await self._record.end_of_day(days, not_before=self.returning.due_at)
            self._data.cure_until[state] = until
        until = self._data.cure_until[state]
        if days == 0 or workflow.now() > until:
            return False
        # The scan was of the box that was just inspected.
        self._record.change(returning=replace(self.returning, scanned_at=None, delivered_at=None))
        self._record.wait_for(state, f"for the customer to put it right until {utc_text(until)}", until)
        self._record.notify(kind)
        return True

    async def _compute(
        self, days: int, extended: int, started_at: datetime, expected: tuple[Component, ...], what: str
    ) -> WindowComputed:
        request = ComputeWindow(
            started_at=started_at,
            days=days,
            extended=extended,
            time_zone=self._record.time_zone,
            expected=expected,
            policy=self._record.policy,
        )
        return await self._calls.database(Record.compute_window, request, f"window: {what}")

    # -- the parcel --------------------------------------------------------------------------------------------------

    def record(self, event: ParcelEvent) -> None:
        """Add the event to the timeline, once."""
        if event.event_id in self._data.recorded:
            return
        self._data.recorded.append(event.event_id)
        del self._data.recorded[:-_MAX_RECORDED]
        match event:
            case ParcelScanned():
                parcel = f"{event.carrier} {event.tracking_number}"
                self._record.note("return_scanned", "The carrier has the customer's parcel.", parcel, event.actor)
            case ParcelDelivered():
                parcel = f"{event.carrier} {event.tracking_number}"
                title = f"The carrier says that it delivered the parcel to us {utc_text(event.delivered_at)}."
                self._record.note("delivery_reported", title, parcel, event.actor)
            case ParcelArrived():
                title = f"The parcel arrived {utc_text(event.arrived_at)}."
                self._record.note("parcel_arrived", title, event.reason or "", event.actor)

    async def carried(self, event: ParcelScanned | ParcelDelivered) -> None:
        """The carrier took the parcel, or delivered it to us."""
        match event:
            case ParcelScanned():
                await self.scanned(event)
            case ParcelDelivered():
                self.delivered(event)

    async def scanned(self, event: ParcelScanned) -> None:
        """The carrier took the parcel. While something is corrected that extends the deadline once (R-RET-4)."""
        self.record(event)
        if self._is_outbound(event.tracking_number):
            return
        parcel, scanned_at, known = Parcel(event.carrier, event.tracking_number), event.scanned_at, self.returning
        if known.scanned_at is not None and known.scanned_at < scanned_at and workflow.patched("earliest-scan-counts"):
            parcel, scanned_at = known.parcel or parcel, known.scanned_at
        self._record.change(returning=replace(self.returning, scanned_at=scanned_at, parcel=parcel))
        deadline = self._record.claim.deadline
        curing = self._record.claim.state in _CURING
        if curing and deadline and event.scanned_at <= deadline and not self._data.grace_given:
            self._data.grace_given = True
            later = await self._record.end_of_day(self._record.policy.transit_grace_days, after=deadline)
            self._record.change(deadline=later)

    def _is_outbound(self, tracking_number: str) -> bool:
        """Whether the carrier speaks of the replacement's parcel, not of the customer's."""
        number = normalise_tracking_number(tracking_number)
        return bool(number) and number == self._data.outbound and workflow.patched("outbound-parcel-told-apart")

    def delivered(self, event: ParcelDelivered) -> None:
        """The carrier says that it delivered the parcel to us: the warehouse looks for it, and its moment counts."""
        self.record(event)
        returning = self._record.claim.returning
        if returning is None or self._is_outbound(event.tracking_number):
            return
        earliest = min(event.delivered_at, returning.delivered_at or event.delivered_at)
        self._record.change(returning=replace(returning, delivered_at=earliest))
        if self._record.claim.state is not ClaimState.INSPECTING:
            self._record.flag(Attention.DELIVERED_NOT_RECEIVED)

    def wait_in_transit(self) -> None:
        """Wait for a parcel that the carrier took in time (R-RET-4)."""
        self._record.change(deadline=returns.waits_until(self.returning))

    def delivered_in_time(self) -> bool:
        """Whether the carrier says that it delivered by the claim's deadline what the warehouse has not booked."""
        deadline = self._record.claim.deadline
        flagged = Attention.DELIVERED_NOT_RECEIVED in self._record.claim.attention
        return flagged and deadline is not None and returns.delivered_by(self.returning, deadline)

    def wait_for_warehouse(self) -> None:
        """The deadline has no effect: people find the parcel, or decide."""
        self._record.change(deadline=None, wait_reason="for the warehouse: the carrier has delivered the parcel")
        title = "The carrier has delivered the parcel and the warehouse has not booked it: people look for it."
        self._record.note("deadline_held_back", title)

    @property
    def may_wait_longer(self) -> bool:
        """Whether the deadline of the charge may have been too early, by a scan that was told after it."""
        scanned_at, cure = self.returning.scanned_at, self._data.cure_until.get(ClaimState.AWAITING_CURE)
        limit = self.returning.due_at if cure is None else cure
        return scanned_at is not None and scanned_at <= limit and not self._data.grace_given

    async def longer_wait(self) -> tuple[ClaimState, datetime] | None:
        """The state to wait in and its deadline, where a scan made before the deadline was told after it (R-RET-4)."""
        if not self.may_wait_longer:
            return None
        state, until = ClaimState.AWAITING_RETURN, self.returning.carried_until
        if (cure := self._data.cure_until.get(ClaimState.AWAITING_CURE)) is not None:
            state = ClaimState.AWAITING_CURE
            until = await self._record.end_of_day(self._record.policy.transit_grace_days, after=cure)
        return (state, until) if workflow.now() <= until else None

    async def resume(self) -> None:
        """Wait again for the parcel that the carrier took in time."""
        state, until = await self.longer_wait() or (ClaimState.AWAITING_RETURN, self.returning.carried_until)
        self._data.grace_given = True
        if state is ClaimState.AWAITING_RETURN:
            self._record.change(reasons=())
        self._record.wait_for(state, f"for the parcel that is in transit until {utc_text(until)}", until)

    def arrived(self, event: ParcelArrived, wait_reason: str) -> None:
        """The parcel has arrived; its arrival, not its inspection, decides whether it is late (R-RET-3)."""
        self.record(event)
        self._record.change(returning=replace(self.returning, arrived_at=event.arrived_at))
        self._record.unflag(Attention.DELIVERED_NOT_RECEIVED)
        self.wait_for_inspection(wait_reason)
        self._record.notify(MailKind.ARRIVED)

    def wait_for_inspection(self, wait_reason: str) -> None:
        """The unit that is here waits to be inspected, for the first time or once more."""
        self._record.wait_for(ClaimState.INSPECTING, wait_reason)
        self._data.overdue_at = workflow.now() + timedelta(days=self._record.policy.inspection_days)

    def inspection_overdue(self) -> None:
        self._data.overdue_at = None
        self._record.flag(Attention.INSPECTION_OVERDUE)
        days = self._record.policy.inspection_days
        self._record.note("inspection_overdue", f"Not inspected within {days} days of arrival.")

    def late_parcel(self, event: ParcelArrived) -> None:
        """The parcel arrived after the last day of an automatic refund (R-RET-10)."""
        self.record(event)
        self._record.unflag(Attention.DELIVERED_NOT_RECEIVED)
        self._record.flag(Attention.REFUND_DUE)
        self._record.change(returning=replace(self.returning, arrived_at=event.arrived_at))
        title = "A parcel arrived after the case was charged: it is inspected, and staff decide."
        self._record.note("late_parcel", title, actor=event.actor)
        self._record.notify(MailKind.ARRIVED)

    def parts_promised(self, decision: ChooseParts) -> None:
        """Record the promise; the claim waits for the parcel already."""
        self._record.note("parts_promised", "The customer sends the missing parts.", actor=decision.actor)

    # -- while a step is in flight -----------------------------------------------------------------------------------

    def accepts_during_step(self, decision: Decision) -> bool:
        """The promise of missing parts needs no payment."""
        return isinstance(decision, ChooseParts) and decision.choice is PartsChoice.SEND

    def handle_during_step(self, message: Event | Decision) -> None:
        """Add events, and what `accepts_during_step`, to the timeline."""
        match message:
            case ParcelScanned() | ParcelArrived() | ParcelDelivered() if self._record.created:
                self.record(message)
            case ChooseParts():
                self.parts_promised(message)
