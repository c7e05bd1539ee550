"""Workflow part: the phases of a Premium claim until its replacement leaves, against a live hold or a deposit alone.

When the hold ends before, the customer is asked for another card; without one the claim is cancelled (R-EXP-6). A
replacement that came back leaves again in the same way (R-EXP-10).
"""

from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from domain.dates import utc_text
from domain.kinds import Attention, ClaimState
from messages.claims import Dispatch, ParcelArrived, ParcelDelivered, ParcelScanned, ResendReplacement
from messages.mail import MailKind
from messages.record import ComputeWindow, Record
from workflows.parts.claim_workflow import ClaimWorkflow, Phase
from workflows.parts.hold_renewal import HoldRenewal
from workflows.parts.message_inbox import TimeReached
from workflows.parts.original_return import OriginalReturn
from workflows.parts.replacement import Replacement
from workflows.parts.reservation import Reservation


@dataclass
class SecuredDispatchData:
    """`remind_at` has the reminders to name a card that are still to be sent."""

    remind_at: list[datetime] = field(default_factory=list)


class SecuredDispatch:
    """`with_battery`: a battery ships with the replacement. `original` follows the dispatch."""

    def __init__(
        self,
        process: ClaimWorkflow,
        reservation: Reservation,
        renewal: HoldRenewal,
        replacement: Replacement,
        original: OriginalReturn,
        with_battery: bool,
        data: SecuredDispatchData | None = None,
    ) -> None:
        self._process = process
        self._record, self._inbox, self._calls = process.record, process.inbox, process.calls
        self._reservation = reservation
        self._renewal = renewal
        self._replacement = replacement
        self._original = original
        self._with_battery = with_battery
        self._data = data or SecuredDispatchData()

    @property
    def data(self) -> SecuredDispatchData:
        return self._data

    def next_timer_at(self) -> datetime | None:
        """When the claim's next timer fires, apart from its deadline and the renewal of its hold."""
        return min(self._data.remind_at, default=None) if self._waits_for_card else self._replacement.overdue_at

    def waiting_phase(self) -> Phase:
        """The phase for the claim's present state, before the dispatch."""
        return self.resume_dispatch if self._waits_for_card else self.await_dispatch

    def begin_again(self, decision: ResendReplacement) -> Phase:
        """Ship the new unit, which came back, to the customer again (R-EXP-10): the phase that asks the warehouse.

        RuleError `hold_not_live` when nothing secures it (R-EXP-6).
        """
        self._renewal.require_secured()
        title = "Staff send the replacement, which came back, out again."
        self._record.note("resend_decided", title, decision.reason, decision.actor)
        self._record.unflag(Attention.REPLACEMENT_RETURNED, Attention.DEFAULT_HELD_BACK)
        self._record.change(reasons=(), missing=())
        self._renewal.dispatch_awaited_again()
        self._replacement.ship_again()
        self._record.notify(MailKind.SHIPS_AGAIN)
        return self.order_replacement

    # -- the phases ----------------------------------------------------------------------------------------------------

    async def order_replacement(self) -> Phase | None:
        await self._process.run_step(self._replacement.order(with_battery=self._with_battery))
        return self._original.waiting_phase()

    async def await_dispatch(self) -> Phase | None:
        """Wait until the warehouse ships or the customer cancels (R-EXP-9). A parcel that comes first is deferred."""
        while True:
            match await self._inbox.next(self._replacement.overdue_at, "dispatch", interrupted=self._must_stop):
                case TimeReached() if self._must_stop():
                    return self.withdraw_unsecured
                case TimeReached():
                    self._replacement.note_overdue()
                case Dispatch() as decision:
                    await self.dispatched(decision)
                    return self._original.waiting_phase()
                case ParcelArrived() | ParcelScanned() | ParcelDelivered():
                    self._inbox.defer()
                case other:
                    if phase := self._original.common.in_any_state(other):
                        return phase

    async def withdraw_unsecured(self) -> Phase | None:
        """The hold has ended, or somebody else has captured a part of it, which is refunded: ask the warehouse to stop,
        then the customer for another card.

        A deposit that was kept for as long as the policy allows is given back with everything else.
        """
        if self._renewal.wait_over:
            self._record.note("wait_over", "Nothing has shipped for too long: the claim is cancelled.")
            return self._original.settlement.compensate
        self._record.flag(Attention.HOLD_AT_RISK)
        if not await self._process.run_step(self._replacement.withdraw()):
            return self.await_dispatch
        await self._process.run_step(self._renewal.refund_part())
        request = ComputeWindow(
            started_at=workflow.now(),
            days=self._record.policy.card_days,
            extended=0,
            time_zone=self._record.time_zone,
            expected=(),
            policy=self._record.policy,
        )
        computed = await self._calls.database(Record.compute_window, request, "window: another card")
        until = computed.returning.due_at
        self._data.remind_at = sorted(at for at in computed.reminders.values() if at > workflow.now())
        self._record.wait_for(ClaimState.AWAITING_PAYMENT, f"for another card until {utc_text(until)}", until)
        self._record.note("card_asked", "The hold has ended before the replacement left: another card is needed.")
        self._record.notify(MailKind.CARD_NEEDED)
        return self.await_card

    async def await_card(self) -> Phase | None:
        """Wait for another card; without one in time the claim is cancelled and the fee refunded. A unit that came back
        stays here instead, and staff decide."""
        while True:
            deadline = self._record.claim.deadline
            until = min((at for at in (deadline, *self._data.remind_at) if at is not None), default=None)
            match await self._inbox.next(until, "another card", interrupted=lambda: not self._renewal.unsecured):
                case TimeReached() if not self._renewal.unsecured:
                    return self.resume_dispatch
                case TimeReached() if (
                    deadline is not None and workflow.now() > deadline and self._replacement.ships_again
                ):
                    return self._original.new_unit_stays()
                case TimeReached() if deadline is not None and workflow.now() > deadline:
                    self._record.note("card_not_named", "No other card was named in time; the claim is cancelled.")
                    return self._original.settlement.compensate
                case TimeReached():
                    self._remind()
                case ParcelArrived() | ParcelScanned() | ParcelDelivered():
                    self._inbox.defer()
                case other:
                    if phase := self._original.common.in_any_state(other):
                        return phase

    async def resume_dispatch(self) -> Phase | None:
        """Another card was named: ask the warehouse again if it holds the amount, else go on waiting."""
        if self._renewal.unsecured:
            return self.await_card
        self._data.remind_at = []
        self._record.unflag(Attention.HOLD_AT_RISK)
        self._replacement.await_dispatch()
        await self._process.run_step(self._replacement.order_inline_first(with_battery=self._with_battery))
        return self._original.waiting_phase()  # it may have been dispatched meanwhile

    # -- what they share -----------------------------------------------------------------------------------------------

    async def dispatched(self, decision: Dispatch) -> None:
        """Record the dispatch; RuleError `hold_not_live` when nothing secures it."""
        if not self._record.claim.leaving:
            self._renewal.require_secured()
        terms = self._reservation.terms
        recorded = await self._replacement.dispatched(decision, window_days=terms.window_days, expected=terms.expected)
        self._original.opened(recorded, decision.tracking_number or "")
        self._record.notify(MailKind.SHIPPED)
        if terms.bindable and not self._replacement.ships_again:
            self._record.notify(MailKind.REBIND)

    @property
    def _waits_for_card(self) -> bool:
        return self._record.claim.state is ClaimState.AWAITING_PAYMENT

    def _must_stop(self) -> bool:
        return (self._renewal.unsecured or self._renewal.wait_over) and not self._record.claim.leaving

    def _remind(self) -> None:
        """The latest reminder that is due; the others were overtaken by an outage and are not sent."""
        self._data.remind_at = [at for at in self._data.remind_at if at >= workflow.now()]
        self._record.note("reminder", "Reminder: another card is needed before the replacement can ship.")
        self._record.notify(MailKind.CARD_NEEDED)
