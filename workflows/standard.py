"""Workflow of Care Express Standard: the customer sends the unit in first; the replacement ships after inspection."""

from dataclasses import dataclass, field

from temporalio import workflow

from domain import returns, settlement
from domain.dates import utc_text
from domain.inspection import Verdict
from domain.kinds import ClaimState, Outcome, PartsChoice
from domain.money import Money
from domain.reasons import RuleError
from messages.claims import (
    ChooseParts,
    Decision,
    Dispatch,
    Event,
    Inspect,
    ParcelArrived,
    ParcelDelivered,
    ParcelScanned,
    SubmitCareExpress,
)
from messages.mail import MailKind
from workflows.parts.box_inspection import BoxInspection, BoxInspectionData
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.fees import Fees, FeesData
from workflows.parts.message_inbox import TimeReached
from workflows.parts.reminders import Reminders
from workflows.parts.replacement import Replacement, ReplacementData
from workflows.parts.reservation import Reservation, ReservationData, care_express
from workflows.parts.return_window import ReturnWindow, ReturnWindowData
from workflows.parts.unit_return import UnitReturn


@dataclass
class StandardSnapshot:
    claim: ClaimData = field(default_factory=ClaimData)
    reservation: ReservationData = field(default_factory=ReservationData)
    fees: FeesData = field(default_factory=FeesData)
    window: ReturnWindowData = field(default_factory=ReturnWindowData)
    box: BoxInspectionData = field(default_factory=BoxInspectionData)
    replacement: ReplacementData = field(default_factory=ReplacementData)


@workflow.defn
class CareExpressStandard(ClaimWorkflow):
    """Reserve, charge the fee, await the unit, inspect, ship. A unit that is late: fee and use go back (R-EXP-2)."""

    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: StandardSnapshot | None) -> None:
        restored = snapshot or StandardSnapshot()
        super().__init__(request, request.ship_to, restored.claim)
        self.request = request
        self.reservation = Reservation(self.record, self.calls, restored.reservation)
        self.fees = Fees(self.record, self.gateway, restored.fees)
        self.window = ReturnWindow(self.record, self.calls, Reminders(), restored.window)
        self.box = BoxInspection(self.record, self.calls, self.reservation, restored.box)
        self.replacement = Replacement(self.record, self.calls, self.address, restored.replacement)
        self.unit_return = UnitReturn(self, "warehouse")

    @property
    def phases(self) -> tuple[object, ...]:
        return (self, self.unit_return)

    def snapshot(self, claim: ClaimData) -> StandardSnapshot:
        return StandardSnapshot(
            claim, self.reservation.data, self.fees.data, self.window.data, self.box.data, self.replacement.data
        )

    def paid(self) -> Money | None:
        return self.fees.kept

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: StandardSnapshot | None) -> str:
        return await self.run_phases(self.submit)

    async def submit(self) -> Phase | None:
        """Check the application and reserve a use (R-CLM-6)."""
        refused = await self.reservation.reserve(care_express(self.request, card=None), "reserve a use")
        if refused is not None:
            self.refuse_submission(refused)
            return None
        self.reservation.note_care_express(self.request)
        return self.charge_fee

    async def charge_fee(self) -> Phase | None:
        fee, card = self.record.claim.fee, self.request.payment_method
        charge = self.fees.charge(fee, card, "service_fees", "fee", off_session=False, numbered=False)
        if not await self.run_step(charge):
            self.record.close(Outcome.PAYMENT_DECLINED, gives_back=True)
            self.record.notify(MailKind.PAYMENT_DECLINED)
            await self.accept()
            return None
        due = (await self.window.expect_item(self.reservation.terms.expected)).due_at
        self.record.wait_for(ClaimState.AWAITING_ITEM, f"for the damaged unit until {utc_text(due)}", due)
        self.record.notify(MailKind.SETTLEMENT, fee)
        await self.accept()
        return self.await_item

    async def await_item(self) -> Phase | None:
        """The damaged unit arrives within thirty days, or the claim lapses (R-EXP-2)."""
        while True:
            match await self.next_before_deadline("unit expected by"):
                case TimeReached() if self.window.delivered_in_time():
                    self.window.wait_for_warehouse()
                case TimeReached():
                    return self.lapse
                case ParcelArrived() as event:
                    return self._arrived(event)
                case ParcelDelivered() as event:
                    self.window.delivered(event)
                case ParcelScanned() as event:
                    await self.window.scanned(event)
                    self.record.change(deadline=returns.waits_until(self.window.returning))
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def await_inspection(self) -> Phase | None:
        """Wait for the inspection; when it is overdue the claim is flagged."""
        while True:
            match await self.inbox.next(self.window.overdue_at, "inspection overdue"):
                case TimeReached():
                    self.window.inspection_overdue()
                case Inspect() as decision:
                    if phase := await self._judge_box(decision):
                        return phase
                case ParcelArrived():
                    self.inbox.defer()
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def _judge_box(self, decision: Inspect) -> Phase | None:
        policy = self.record.policy
        match (await self.box.inspected(decision)).verdict:
            case Verdict.UNCLEAR:
                return None
            case Verdict.GOOD:
                return self.order_replacement
            case Verdict.MISMATCH:
                state, days, kind = ClaimState.AWAITING_CURE, policy.cure_days, MailKind.INSPECTED_MISMATCH
            case Verdict.PARTS_MISSING:
                state, days, kind = ClaimState.AWAITING_PARTS, policy.parts_days, MailKind.INSPECTED_PARTS
        if not await self.window.await_cure(state, days, kind):
            return self.lapse
        self.inbox.release_deferred()
        return self.await_cure if state is ClaimState.AWAITING_CURE else self.await_parts

    async def await_cure(self) -> Phase | None:
        """Wait for the right unit after a wrong one (R-INS-4)."""
        return await self._await_correction()

    async def await_parts(self) -> Phase | None:
        """Wait until missing parts are sent or paid for; nothing ships before (R-CMP-1)."""
        return await self._await_correction()

    async def _await_correction(self) -> Phase | None:
        while True:
            match await self.next_before_deadline("unit expected by"):
                case TimeReached() if self.window.delivered_in_time():
                    self.window.wait_for_warehouse()
                case TimeReached():
                    return self.lapse
                case ParcelArrived() as event:
                    return self._arrived(event)
                case ParcelDelivered() as event:
                    self.window.delivered(event)
                case ParcelScanned() as event:
                    await self.window.scanned(event)
                case ChooseParts(choice=PartsChoice.SEND) as decision:
                    self.window.parts_promised(decision)
                case ChooseParts():
                    return self.pay_for_parts
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def pay_for_parts(self) -> Phase | None:
        """Charge the difference; the replacement is ordered only when it is paid (R-CMP-1)."""
        amount = settlement.differences(self.record.claim.missing, self.record.claim.fee.currency)
        card = self.request.payment_method
        if not await self.run_step(self.fees.charge(amount, card, "parts_charges", "parts", off_session=False)):
            message = f"The card declined {amount}. Send the parts, or try again."
            return await self.reject_decision(RuleError("payment_declined", "R-CMP-1", message), self.await_parts)
        self.record.change(missing=())
        return self.order_replacement

    async def order_replacement(self) -> Phase | None:
        await self.run_step(self.replacement.order_inline_first(with_battery=self.request.replace_battery))
        self.replacement.await_dispatch()
        return self.await_dispatch

    async def await_dispatch(self) -> Phase | None:
        """Wait until the warehouse ships or the customer cancels."""
        while True:
            match await self.inbox.next(self.replacement.overdue_at, "dispatch"):
                case TimeReached():
                    self.replacement.note_overdue()
                case Dispatch() as decision:
                    await self.replacement.dispatched(decision, expected=self.reservation.terms.expected)
                    self.replacement.close_as_replaced(bindable=self.reservation.terms.bindable)
                    return None
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def lapse(self) -> Phase | None:
        """The right unit did not come in time: fee and use go back (R-EXP-2), and a unit that is here."""
        refund = await self.run_step(self.fees.refund_all())
        await self._request_return()
        self.record.note("lapsed", "The right unit did not arrive in time; the case lapses.")
        self.record.close(Outcome.LAPSED, gives_back=True)
        self.record.notify(MailKind.LAPSED, refund)
        return self.unit_return.phase_after_closing()

    async def _request_return(self) -> None:
        if self.unit_return.is_here and workflow.patched("unit-goes-back-after-the-end"):
            await self.run_step(self.unit_return.request())

    async def compensate(self) -> Phase | None:
        ordered = self.record.claim.state is ClaimState.AWAITING_DISPATCH
        if ordered and not await self.run_step(self.replacement.withdraw()):
            return await self.reject_decision(self.replacement.too_late(), self.await_dispatch)
        refund = await self.run_step(self.fees.refund_all())
        await self._request_return()
        self.record.close(Outcome.CANCELLED, gives_back=True)
        self.record.notify(MailKind.CANCELLED, refund)
        return self.unit_return.phase_after_closing()

    # -- what several phases share -----------------------------------------------------------------------------------

    def accepts_during_step(self, decision: Decision) -> bool:
        return self.window.accepts_during_step(decision)

    async def handle_during_step(self, message: Event | Decision) -> None:
        self.window.handle_during_step(message)

    def _arrived(self, event: ParcelArrived) -> Phase:
        self.window.arrived(event, "for the inspection")
        return self.await_inspection
