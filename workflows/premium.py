"""Workflows: Care Express Premium: the replacement ships at once against a hold, the original comes back in time."""

from dataclasses import replace
from datetime import datetime

from temporalio import workflow

from domain import lifecycle, returns
from domain.eligibility import Card
from domain.inspection import Verdict
from domain.kinds import Attention, ClaimState, Outcome
from domain.money import Money
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ChooseParts,
    Decide,
    Dispatch,
    ExtendReturn,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    PaymentChanged,
    SubmitCareExpress,
    Waive,
)
from messages.mail import MailKind
from messages.payments import LookUpCard, Payments
from messages.record import ComputeWindow, Record
from workflows.desk import Letter
from workflows.settling import Settling
from workflows.shipping import utc

_CHARGED = (Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED)
_RETURNABLE = (ClaimState.AWAITING_RETURN, ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS, ClaimState.DEFAULTED)


@workflow.defn
class CareExpressPremium(Settling):
    """Reserve, hold, charge the fee, ship, await the return, inspect, settle. Returns the outcome."""

    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)
        self._dispatched_at: datetime | None = None

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await self._tell(self._story())

    async def _story(self) -> None:
        if not await self._submit():
            return
        await self._live()
        await self._watch_disputes()

    async def _submit(self) -> bool:
        """Nothing ships without a certain hold and a certain fee; if either fails the other is undone (R-EXP-6)."""
        if not await self._agree(await self._card()):
            return False
        if await self._hold_and_charge(self._hold_amount(), self._the_claim.fee) is not None:
            await self._release_hold()
            self._close(Outcome.PAYMENT_DECLINED, gives_back=True)
            self._mail(MailKind.PAYMENT_DECLINED)
            await self._answer_submission()
            return False
        self._await_dispatch()
        self._mail(MailKind.SETTLEMENT, self._the_claim.fee)
        await self._answer_submission()
        await self._request_dispatch(self._asked.ship_to, with_battery=self._asked.replace_battery)
        return True

    async def _card(self) -> Card | None:
        ask, summary = LookUpCard(payment_method=self._asked.payment_method), "look the card up"
        found = await self._at_once(Payments.look_up_card, ask, summary)
        if found is None:
            found = await self._effect(Payments.look_up_card, ask, summary)
        return found.card

    def _hold_amount(self) -> Money:
        quoted = self._asked.quote.hold if self._asked.quote else None
        return quoted or self._terms.offer.hold

    # -- the next thing that can happen ---------------------------------------------------------------------------

    async def _time_has_come(self) -> None:
        care = self._wants_looking_after()
        if self._deadline_has_passed():
            await self._deadline_passed()
        elif care is not None and workflow.now() > care:
            await self._look_after_hold()
        elif self._the_claim.state is ClaimState.INSPECTING:
            self._inspection_overdue()
        else:
            self._remind()

    def _alarm(self) -> tuple[datetime | None, str]:
        wake, what = self._next_of_the_claim()
        care = self._wants_looking_after()
        if care is not None and (wake is None or care < wake):
            return care, f"renew hold {care:%Y-%m-%d}"
        return wake, what

    def _next_of_the_claim(self) -> tuple[datetime | None, str]:
        claim = self._the_claim
        if claim.state is ClaimState.INSPECTING:
            return self._overdue_at, "inspection overdue"
        notice = self._next_notice() if claim.state is ClaimState.AWAITING_RETURN else None
        if notice is not None and (claim.deadline is None or notice[0] < claim.deadline):
            return notice
        what = _WAITS_FOR.get(claim.state, "deadline")
        return claim.deadline, f"{what} {claim.deadline:%Y-%m-%d}" if claim.deadline else what

    def _remind(self) -> None:
        latest = self._latest_notice()
        if latest is MailKind.IN_TRANSIT:
            self._note("charge_postponed", "Charge postponed: the parcel is in transit.")
        else:
            self._note("reminder", f"Reminder: the return is due {utc(self._returning.due_at)}.")
        self._mail(latest)

    async def _deadline_passed(self) -> None:
        match self._the_claim.state:
            case ClaimState.AWAITING_RETURN:
                await self._default(reasons=None)
            case ClaimState.AWAITING_CURE if self._foreign and self._foreign.open_claim_id and self._foreign.same_owner:
                # Edge case 11: two boxes were swapped. Neither customer's default is charged by a machine.
                self._hold_default_back(
                    "The default is due, but the box holds another case's unit: staff decide.",
                    "for staff: the box holds another case's unit",
                )
            case ClaimState.AWAITING_CURE:
                await self._default(self._the_claim.reasons)
            case ClaimState.AWAITING_PARTS:
                await self._charge_parts("neither sent nor paid")
            case ClaimState.DEFAULTED:
                self._close(Outcome.DEFAULT_CHARGED)
            case _:
                raise AssertionError(f"no deadline in {self._the_claim.state}")

    # -- what letters do ------------------------------------------------------------------------------------------

    async def _act(self, letter: Letter) -> None:
        state = self._the_claim.state
        match letter.message:
            case ParcelArrived() | ParcelScanned() if state is ClaimState.AWAITING_DISPATCH:
                self._keep(letter)
            case ParcelArrived() if state is ClaimState.INSPECTING:
                self._keep(letter)
            case ParcelArrived() as event if self._too_late_for_a_machine(event):
                self._flag(Attention.REFUND_DUE)
                self._note(
                    "late_parcel", "A parcel arrived after the last day for a refund: staff decide.", actor=event.actor
                )
            case ParcelArrived() as event if state in _RETURNABLE:
                self._unflag(Attention.DEFAULT_HELD_BACK)
                self._arrived(event)
            case ParcelScanned() as event if state in _RETURNABLE:
                await self._scanned_on_its_way(event)
            case PaymentChanged() as event:
                await self._hear_of_payment(event.payment_id)
            case Dispatch() as decision:
                await self._dispatched(decision)
            case CancelClaim() as decision:
                self._note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                await self._undo()
            case Inspect() as decision:
                await self._settle(decision)
            case ExtendReturn() as decision:
                await self._extend(decision)
            case Waive() as decision:
                await self._waive(decision.reason, decision.actor)
            case ChooseParts() as decision:
                await self._parts(decision)
            case ChangePaymentMethod() as decision if self._the_claim.amount_owed:
                await self._pay_what_is_owed(decision)
            case ChangePaymentMethod() as decision:
                await self._change_card(decision)
            case Decide(approve=True) as decision:
                self._note("default_approved", "Staff decided to charge.", decision.reason, decision.actor)
                self._unflag(Attention.DEFAULT_HELD_BACK)
                if state is ClaimState.AWAITING_PARTS:
                    await self._charge_parts("staff approved it", approved=True, by_staff=True)
                else:
                    await self._default(self._the_claim.reasons or None, approved=True)
            case Decide() as decision:
                await self._waive(decision.reason, decision.actor)
            case _:
                self._unexpected(letter)

    def _too_late_for_a_machine(self, event: ParcelArrived) -> bool:
        """After a charge, and after the last day on which it would be refunded without asking (R-RET-10)."""
        claim = self._the_claim
        charged = claim.state is ClaimState.DEFAULTED or (
            claim.state is ClaimState.CLOSED and claim.outcome in _CHARGED
        )
        closed = claim.state is ClaimState.CLOSED
        return charged and (closed or not returns.refundable(self._returning, event.arrived_at))

    async def _dispatched(self, decision: Dispatch) -> None:
        recorded = await self._record_dispatch(
            decision, window_days=self._terms.window_days, expected=self._terms.expected
        )
        assert recorded.returning is not None, "a window was asked for"
        self._dispatched_at = workflow.now()
        self._notices = {MailKind(kind): at for kind, at in recorded.reminders.items() if at > workflow.now()}
        due = recorded.returning.due_at
        self._change(
            returning=recorded.returning,
            state=ClaimState.AWAITING_RETURN,
            deadline=due,
            wait_reason=f"for the original until {utc(due)}",
        )
        self._mail(MailKind.SHIPPED)
        if self._terms.bindable:
            self._mail(MailKind.REBIND)
        self._release_kept()

    async def _scanned_on_its_way(self, event: ParcelScanned) -> None:
        await self._scanned(event)
        if self._the_claim.state is ClaimState.AWAITING_RETURN:
            # Edge case 60: whoever has sent the parcel is not reminded to send it.
            self._notices = {}
            if returns.carried_in_time(self._returning):
                self._notices = {MailKind.IN_TRANSIT: self._returning.due_at}
            self._change(deadline=returns.waits_until(self._returning))

    async def _extend(self, decision: ExtendReturn) -> None:
        now, claim = workflow.now(), self._the_claim
        window = lifecycle.require_extension(claim, decision.days, now, self._policy)
        ask = ComputeWindow(
            started_at=self._dispatched_at or now,
            days=window.window_days,
            extended=decision.days,
            time_zone=window.time_zone,
            expected=window.expected,
            policy=self._policy,
        )
        longer = await self._recorded(Record.compute_window, ask, f"extend by {decision.days} days")
        lifecycle.require_hold_until(claim, longer.returning.due_at)
        returning = replace(longer.returning, scanned_at=window.scanned_at, arrived_at=window.arrived_at)
        # A kind already sent is not sent again for the new date (R-NOT-1: once a case and kind).
        for kind in [kind for kind in self._notices if kind in longer.reminders]:
            self._notices[kind] = longer.reminders[kind]
        due = returns.waits_until(returning)
        self._change(returning=returning, deadline=due, wait_reason=f"for the original until {utc(due)}")
        self._note(
            "extended", f"The return window was extended by {decision.days} days.", decision.reason, decision.actor
        )
        self._mail(MailKind.EXTENDED)

    async def _settle(self, decision: Inspect) -> None:
        assessment = await self._inspected(decision)
        charged = bool(self._taken or self._the_claim.amount_owed)
        match assessment.verdict:
            case Verdict.UNCLEAR:
                return
            case Verdict.GOOD | Verdict.PARTS_MISSING if charged:
                await self._refund_late_return()
            case Verdict.GOOD:
                await self._received_in_order()
            case Verdict.MISMATCH if charged:
                self._await_late_return()
                self._mail(MailKind.INSPECTED_MISMATCH)
                self._release_kept()
            case Verdict.MISMATCH:
                if not await self._await_cure(
                    ClaimState.AWAITING_CURE, self._policy.cure_days, MailKind.INSPECTED_MISMATCH
                ):
                    await self._default(assessment.reasons)
            case Verdict.PARTS_MISSING:
                if not await self._await_cure(
                    ClaimState.AWAITING_PARTS, self._policy.parts_days, MailKind.INSPECTED_PARTS
                ):
                    await self._charge_parts("the time to send them has passed")

    async def _watch_disputes(self) -> None:
        """A charge can be waived for 30 days (R-AUD-1), and what is owed can be paid until it is (R-RET-9)."""
        while self._the_claim.outcome in _CHARGED:
            until = self._the_claim.dispute_until
            if until is None and not self._the_claim.amount_owed:
                return
            letter = await self._next(
                until, f"dispute window ends {until:%Y-%m-%d}" if until else "payment of what is owed"
            )
            if letter is not None:
                await self._handle(letter)
            else:
                self._change(dispute_until=None)
                await self._save()


_WAITS_FOR = {
    ClaimState.AWAITING_DISPATCH: "dispatch",
    ClaimState.AWAITING_RETURN: "return due",
    ClaimState.AWAITING_CURE: "cure window ends",
    ClaimState.AWAITING_PARTS: "parts due",
    ClaimState.DEFAULTED: "late return until",
}
