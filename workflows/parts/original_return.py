"""Workflow part: the phases of a Premium claim from the dispatch to the end of the dispute window: the original is
returned, inspected and perhaps corrected, or it is not returned."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from domain import returns
from domain.dates import utc_text
from domain.inspection import Verdict
from domain.kinds import Attention, ClaimState, PartsChoice
from domain.money import Money
from messages.claims import (
    ChooseParts,
    ExtendReturn,
    Inspect,
    ParcelArrived,
    ParcelScanned,
)
from messages.mail import MailKind
from messages.record import DispatchRecorded
from workflows.parts.box_inspection import BoxInspection, BoxInspectionData
from workflows.parts.card_hold import CardHold
from workflows.parts.charged_claim import ChargedClaim
from workflows.parts.charges import Charges, ChargesData
from workflows.parts.claim_workflow import ClaimWorkflow, Phase
from workflows.parts.common_messages import CommonMessages
from workflows.parts.fees import Fees
from workflows.parts.hold_renewal import HoldRenewal
from workflows.parts.message_inbox import TimeReached
from workflows.parts.reminders import Reminders, RemindersData
from workflows.parts.replacement import Replacement
from workflows.parts.reservation import Reservation
from workflows.parts.return_window import ReturnWindow, ReturnWindowData
from workflows.parts.settlement import Settlement


@dataclass
class OriginalReturnData:
    charges: ChargesData = field(default_factory=ChargesData)
    reminders: RemindersData = field(default_factory=RemindersData)
    window: ReturnWindowData = field(default_factory=ReturnWindowData)
    box: BoxInspectionData = field(default_factory=BoxInspectionData)


class OriginalReturn:
    """`before_dispatch` returns the phase before, to which the claim may return after a decision."""

    def __init__(
        self,
        process: ClaimWorkflow,
        reservation: Reservation,
        hold: CardHold,
        renewal: HoldRenewal,
        fees: Fees,
        replacement: Replacement,
        before_dispatch: Callable[[], Phase],
        data: OriginalReturnData | None = None,
    ) -> None:
        restored = data or OriginalReturnData()
        self._process = process
        self._record, self._inbox = process.record, process.inbox
        self._before_dispatch = before_dispatch
        self._charges = Charges(self._record, process.gateway, hold, restored.charges)
        self._reminders = Reminders(restored.reminders)
        self._window = ReturnWindow(self._record, process.calls, self._reminders, restored.window)
        self._box = BoxInspection(self._record, process.calls, reservation, restored.box)
        self._settlement = Settlement(
            process, hold, renewal, fees, self._charges, self._window, replacement, self.waiting_phase
        )
        self._common = CommonMessages(process, renewal, self._charges, self._window, self._settlement)
        self._charged = ChargedClaim(
            process, self._window, self._box, self._settlement, self._common, self._arrived, self.await_inspection
        )

    @property
    def data(self) -> OriginalReturnData:
        return OriginalReturnData(self._charges.data, self._reminders.data, self._window.data, self._box.data)

    @property
    def settlement(self) -> Settlement:
        """The phases that move money."""
        return self._settlement

    @property
    def kept(self) -> Money:
        """What was taken from the customer beside the fee, and not refunded."""
        return self._charges.kept

    @property
    def charged(self) -> ChargedClaim:
        """The phases after a charge."""
        return self._charged

    @property
    def common(self) -> CommonMessages:
        """The messages that more than one state takes."""
        return self._common

    def opened(self, recorded: DispatchRecorded, outbound: str) -> None:
        """Open the return window, at first or again: the replacement was dispatched under the tracking number
        `outbound`. After a charge the claim waits for a late return again."""
        assert recorded.returning is not None, "a dispatch with window_days returns a window"
        self._window.opened(recorded.returning, recorded.reminders, outbound)
        if self._charges.has_any:
            self._settlement.wait_for_late_return()
        self._inbox.release_deferred()

    def new_unit_stays(self) -> Phase:
        """No card secures the new unit, which is here, so it does not leave again: staff decide."""
        self._record.flag(Attention.REPLACEMENT_RETURNED)
        self._record.wait_for(ClaimState.AWAITING_CURE, "for staff")
        why = "No other card was named in time, so the new unit stays here: staff decide."
        self._charges.hold_back(why, "for staff: the new unit came back")
        self._inbox.release_deferred()
        return self.waiting_phase()

    def next_timer_at(self) -> datetime | None:
        """When the claim's next timer fires, apart from the renewal of its hold."""
        claim = self._record.claim
        overdue = self._window.overdue_at if claim.state is ClaimState.INSPECTING else None
        notice = self._reminders.next_at if claim.state is ClaimState.AWAITING_RETURN else None
        return min((at for at in (claim.deadline, overdue, notice) if at is not None), default=None)

    # -- the phases --------------------------------------------------------------------------------------------------

    async def await_return(self) -> Phase | None:
        """Wait for the original; the default is charged the second after the due date (R-RET-2)."""
        while True:
            deadline, notice = self._record.claim.deadline, self._reminders.next_at
            until: datetime | None
            if notice is not None and (deadline is None or notice < deadline):
                until, summary = notice, self._reminders.summary
            else:
                until, summary = deadline, f"return due {deadline:%Y-%m-%d}" if deadline else "people"
            match await self._inbox.next(until, summary, deadline):
                case TimeReached() if self._window.deadline_passed and self._window.delivered_in_time():
                    self._hold_back_delivered()
                case TimeReached() if self._window.deadline_passed:
                    return self._settlement.charge_default
                case TimeReached():
                    self._remind()
                case ParcelScanned() as event:
                    await self._scanned_in_transit(event)
                case ParcelArrived() as event:
                    return self._arrived(event)
                case ExtendReturn() as decision:
                    await self._window.extend(decision)
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase

    async def await_inspection(self) -> Phase | None:
        """Wait for the inspection; when it is overdue the claim is flagged."""
        while True:
            match await self._inbox.next(self._window.overdue_at, "inspection overdue"):
                case TimeReached():
                    self._window.inspection_overdue()
                case Inspect() as decision:
                    if phase := await self._judge_box(decision):
                        return phase
                case ParcelArrived():
                    self._inbox.defer()
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase

    async def await_cure(self) -> Phase | None:
        """Wait for the right unit after a wrong one (R-INS-4)."""
        while True:
            match await self._process.next_before_deadline("cure window ends"):
                case TimeReached() if self._box.boxes_were_swapped:
                    # Edge case 11: staff decide on the defaults of both customers.
                    self._charges.hold_back(
                        "The default is due, but the box holds another case's unit: staff decide.",
                        "for staff: the box holds another case's unit",
                    )
                case TimeReached() if self._window.delivered_in_time():
                    self._hold_back_delivered()
                case TimeReached() if self._new_unit_is_here():
                    self._hold_back_new_unit()
                case TimeReached():
                    return self._settlement.charge_default
                case ParcelScanned() as event:
                    await self._window.scanned(event)
                case ParcelArrived() as event:
                    return self._arrived(event)
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase

    async def await_parts(self) -> Phase | None:
        """Wait until missing parts are sent or paid for; neither in time, they are charged (R-CMP-2)."""
        while True:
            match await self._process.next_before_deadline("parts due"):
                case TimeReached() if self._window.delivered_in_time():
                    self._hold_back_delivered()
                case TimeReached():
                    return self._settlement.charge_parts
                case ParcelScanned() as event:
                    await self._window.scanned(event)
                case ParcelArrived() as event:
                    return self._arrived(event)
                case ChooseParts(choice=PartsChoice.SEND) as decision:
                    self._window.parts_promised(decision)
                case ChooseParts():
                    return self._settlement.pay_for_parts
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase

    async def _judge_box(self, decision: Inspect) -> Phase | None:
        assessment = await self._box.inspected(decision)
        policy = self._record.policy
        match assessment.verdict:
            case Verdict.UNCLEAR:
                return None
            case Verdict.GOOD | Verdict.PARTS_MISSING if self._charges.has_any:
                return self._charged.refund_or_ask()
            case Verdict.GOOD:
                return self._settlement.release_hold
            case Verdict.MISMATCH if self._charges.has_any:
                self._settlement.wait_for_late_return()
                self._record.notify(MailKind.INSPECTED_MISMATCH)
                self._inbox.release_deferred()
                return self._charged.await_late_return
            case Verdict.MISMATCH:
                state, days, kind = ClaimState.AWAITING_CURE, policy.cure_days, MailKind.INSPECTED_MISMATCH
            case Verdict.PARTS_MISSING:
                state, days, kind = ClaimState.AWAITING_PARTS, policy.parts_days, MailKind.INSPECTED_PARTS
        if await self._window.await_cure(state, days, kind):
            self._inbox.release_deferred()
            return self.waiting_phase()
        if state is ClaimState.AWAITING_CURE and self._new_unit_is_here():
            self._record.wait_for(state, "for staff")
            self._hold_back_new_unit()
            self._record.notify(kind)
            self._inbox.release_deferred()
            return self.waiting_phase()
        return self._settlement.charge_default if state is ClaimState.AWAITING_CURE else self._settlement.charge_parts

    # -- what several phases share ------------------------------------------------------------------------------------

    def waiting_phase(self) -> Phase:
        """The phase for the claim's present state."""
        match self._record.claim.state:
            case ClaimState.AWAITING_DISPATCH | ClaimState.AWAITING_PAYMENT:
                return self._before_dispatch()
            case ClaimState.AWAITING_RETURN:
                return self.await_return
            case ClaimState.INSPECTING:
                return self.await_inspection
            case ClaimState.AWAITING_CURE:
                return self.await_cure
            case ClaimState.AWAITING_PARTS:
                return self.await_parts
            case ClaimState.DEFAULTED:
                return self._charged.await_late_return
            case _:
                return self._charged.watch_disputes

    def _new_unit_is_here(self) -> bool:
        """Whether the customer sent the new unit back: no machine charges for a unit that is in the warehouse."""
        returned = Attention.REPLACEMENT_RETURNED in self._record.claim.attention
        return returned and workflow.patched("returned-new-unit-held-back")

    def _hold_back_new_unit(self) -> None:
        why = "The default is due, but the new unit came back and is here: staff decide."
        self._charges.hold_back(why, "for staff: the new unit came back")

    def _hold_back_delivered(self) -> None:
        """Nothing is charged by a machine while the carrier says that we have the parcel: staff decide."""
        self._window.wait_for_warehouse()
        self._record.flag(Attention.DEFAULT_HELD_BACK)

    def _remind(self) -> None:
        latest = self._reminders.take_latest()
        if latest is MailKind.IN_TRANSIT:
            self._record.note("charge_postponed", "Charge postponed: the parcel is in transit.")
        else:
            returning = self._window.returning
            self._record.note(
                "reminder", f"Reminder: the return is due {returning.due_text or utc_text(returning.due_at)}."
            )
        if latest is not None:
            self._record.notify(latest)

    async def _scanned_in_transit(self, event: ParcelScanned) -> None:
        """Edge case 60: a customer who has sent the parcel is not reminded to send it."""
        await self._window.scanned(event)
        returning = self._window.returning
        self._reminders.set({MailKind.IN_TRANSIT: returning.due_at} if returns.carried_in_time(returning) else {})
        self._record.change(deadline=returns.waits_until(returning))

    def _arrived(self, event: ParcelArrived) -> Phase:
        self._record.unflag(Attention.DEFAULT_HELD_BACK)
        self._window.arrived(event, "for the inspection")
        return self.await_inspection
