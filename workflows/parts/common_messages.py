"""Workflow part: the messages that a Premium claim takes in more than one state, and while a step is in flight."""

from domain.kinds import Attention, ClaimState
from domain.reasons import RuleError
from messages.claims import (
    ChangePaymentMethod,
    Decide,
    Decision,
    Event,
    ExtendReturn,
    ParcelArrived,
    ParcelDelivered,
    PaymentChanged,
    UndoReplacement,
    Waive,
)
from workflows.parts.charges import Charges
from workflows.parts.claim_workflow import ClaimWorkflow, Phase
from workflows.parts.hold_renewal import HoldRenewal
from workflows.parts.message_inbox import TimeReached
from workflows.parts.return_window import ReturnWindow
from workflows.parts.settlement import Settlement


class CommonMessages:
    """Each message leads to a phase of the settlement or to an event in the timeline."""

    def __init__(
        self,
        process: ClaimWorkflow,
        renewal: HoldRenewal,
        charges: Charges,
        window: ReturnWindow,
        settlement: Settlement,
    ) -> None:
        self._process = process
        self._record, self._inbox = process.record, process.inbox
        self._renewal = renewal
        self._charges = charges
        self._window = window
        self._settlement = settlement

    def in_any_state(self, message: Event | Decision | TimeReached) -> Phase | None:
        """Handle a message that more than one state takes. Returns the next phase; None to stay in the same."""
        match message:
            case Decide(approve=True) as decision if self._charges.has_any:
                self._record.note(
                    "charge_kept", "Staff decided that the charge stays.", decision.reason, decision.actor
                )
                return self._settlement.keep_charge
            case Waive() | Decide(approve=False) as decision:
                if not decision.reason:
                    raise RuleError("invalid_request", "R-AUD-1", "A waiver needs a reason.")
                self._record.note("waived", "Staff waived the charge.", decision.reason, decision.actor)
                return self._settlement.waive
            case Decide() as decision:
                self._record.note("default_approved", "Staff decided to charge.", decision.reason, decision.actor)
                self._record.unflag(Attention.DEFAULT_HELD_BACK, Attention.UNREACHABLE)
                self._charges.approve()
                parts = self._record.claim.state is ClaimState.AWAITING_PARTS
                return self._settlement.charge_parts if parts else self._settlement.charge_default
            case UndoReplacement() as decision:
                self._record.note(
                    "undo_decided", "Staff undo the replacement, which came back.", decision.reason, decision.actor
                )
                return self._settlement.undo_replacement
            case ChangePaymentMethod() as decision:
                self._renewal.offer_card(decision.payment_method, decision.actor)
                return self._settlement.pay_owed if self._record.claim.amount_owed else self._settlement.change_card
            case PaymentChanged() as event:
                self._renewal.payment_changed(event.payment_id)
                self._process.check.heard(event)
            case ParcelArrived() as event if self._record.closed:
                self._window.late_parcel(event)
            case ParcelDelivered() as event:
                self._window.delivered(event)
            case _:
                return self._process.in_any_state(message)
        return None

    def accepts_during_step(self, decision: Decision) -> bool:
        """What needs no payment."""
        return isinstance(decision, ExtendReturn) or self._window.accepts_during_step(decision)

    async def handle_during_step(self, message: Event | Decision) -> None:
        """Record events, and execute what `accepts_during_step`."""
        match message:
            case PaymentChanged():
                self._renewal.payment_changed(message.payment_id)
            case ExtendReturn():
                await self._window.extend(message)
            case _:
                self._window.handle_during_step(message)
