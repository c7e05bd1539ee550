"""Workflow part: the phases that move a Premium claim's money: default, parts, late return, waiver, compensation.

Each charges or refunds once, whatever is repeated. A new run that repeats a step finds what was done.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from temporalio import workflow

from domain import lifecycle, returns, settlement
from domain.dates import utc_text
from domain.kinds import Attention, ClaimState, Outcome
from domain.money import Money
from domain.reasons import RuleError
from messages.mail import MailKind
from messages.payments import CaptureAccount
from workflows.parts.card_hold import CardHold
from workflows.parts.charges import Charges
from workflows.parts.claim_workflow import ClaimWorkflow, Phase
from workflows.parts.fees import Fees
from workflows.parts.hold_renewal import HoldRenewal
from workflows.parts.replacement import Replacement
from workflows.parts.return_window import ReturnWindow


class Settlement:
    """The amounts come from domain.settlement. `waiting_phase` returns the phase for the claim's present state."""

    def __init__(
        self,
        process: ClaimWorkflow,
        hold: CardHold,
        renewal: HoldRenewal,
        fees: Fees,
        charges: Charges,
        window: ReturnWindow,
        replacement: Replacement,
        waiting_phase: Callable[[], Phase],
    ) -> None:
        self._process = process
        self._record = process.record
        self._hold = hold
        self._renewal = renewal
        self._fees = fees
        self._charges = charges
        self._window = window
        self._replacement = replacement
        self._waiting_phase = waiting_phase

    async def release_hold(self) -> Phase | None:
        """R-INS-2: release the hold, or refund a deposit in full."""
        amount = self._hold.amount
        deposit = await self._process.run_step(self._hold.release())
        self._record.close(Outcome.HOLD_RELEASED)
        self._record.notify(MailKind.REFUND if deposit else MailKind.RELEASED, deposit or amount)
        return None

    async def charge_default(self) -> Phase | None:
        """Charge the whole hold, once; then wait for a late return as long as one would be refunded (R-RET-6).

        The charge is held back where staff must decide.
        """
        amount, card = self._hold.amount, self._renewal.payment_method
        charged = await self._process.run_step(self._charges.collect(amount, "default_charges", card, agreed=False))
        if charged is None:
            self._charges.hold_back(f"The default is due, and {self._charges.why_held_back()}: staff decide.")
            return self._waiting_phase()
        if charged:
            amount = self._charges.net_amount  # less than the hold when somebody else has captured a part of it
        late_fee, claim = Money(self._record.policy.late_fee, amount.currency), self._record.claim
        reasons = claim.reasons or (
            settlement.default_reason(claim.serial_number, self._window.returning, amount, late_fee, charged=charged),
        )
        self._record.unflag(Attention.HOLD_AT_RISK)
        until = await self._record.end_of_day(self._record.policy.dispute_days)
        self._record.change(reasons=reasons, dispute_until=until)
        if workflow.now() > self._window.returning.late_until:
            self._record.close(Outcome.DEFAULT_CHARGED)
        else:
            self.wait_for_late_return()
        self._record.notify(MailKind.CHARGED if charged else MailKind.AMOUNT_OWED, amount)
        self._process.inbox.release_deferred()
        return self._waiting_phase()

    def wait_for_late_return(self) -> None:
        until, text = self._window.returning.late_until, self._window.returning.late_text
        self._record.wait_for(ClaimState.DEFAULTED, f"for a late return until {text or utc_text(until)}", until)

    async def charged_early(self) -> bool:
        """Whether a default that no person approved was not due yet, by a scan that was told later (R-RET-4)."""
        return not self._charges.approved_by_staff and await self._window.longer_wait() is not None

    async def undo_default(self) -> Phase | None:
        """Give the default back: the carrier took the parcel in time, so it is waited for (R-RET-4, edge case 4)."""
        refund = await self._process.run_step(self._charges.undo("in-transit"))
        if self._charges.has_any:  # the gateway refused the refund, so the charge stands and the claim is flagged
            return self._waiting_phase()
        title = "The carrier took the parcel in time, which was told later: the default is given back."
        self._record.note("default_undone", title)
        self._record.change(dispute_until=None)
        await self._window.resume()
        self._record.notify(MailKind.REFUND, refund)
        return self._waiting_phase()

    async def keep_charge(self) -> Phase | None:
        """Staff keep a charge although a parcel came, or was delivered, after it (R-RET-10)."""
        self._record.unflag(Attention.REFUND_DUE, Attention.DEFAULT_HELD_BACK, Attention.DELIVERED_NOT_RECEIVED)
        if not self._record.closed:
            self._record.close(Outcome.DEFAULT_CHARGED)
        return self._waiting_phase()

    async def charge_parts(self) -> Phase | None:
        return await self._charge_parts("neither sent nor paid", agreed=False)

    async def pay_for_parts(self) -> Phase | None:
        return await self._charge_parts("the customer pays for them", agreed=True)

    async def _charge_parts(self, why: str, *, agreed: bool) -> Phase:
        """Capture the price differences from the hold; what exceeds it is invoiced (R-CMP-2, edge case 19).

        `agreed`: the customer has just chosen to pay. The charge is held back where staff must decide.
        """
        hold, card = self._hold.amount, self._renewal.payment_method
        amount = settlement.parts_capture(self._record.claim.missing, hold)
        charged = await self._process.run_step(self._charges.collect(amount, "parts_charges", card, agreed=agreed))
        if charged is None:
            self._charges.hold_back(f"The missing parts are due, and {self._charges.why_held_back()}: staff decide.")
            return self._waiting_phase()
        taken = self._charges.net_amount if charged else amount
        self._record.note("parts_charged", f"The missing parts are charged: {why}.")
        rest = settlement.differences(self._record.claim.missing, hold.currency) - amount
        if rest:
            self._charges.add_owed(rest, f"{rest} beyond the hold is invoiced.")
        self._record.change(dispute_until=await self._record.end_of_day(self._record.policy.dispute_days))
        self._record.close(Outcome.PARTS_CHARGED)
        self._record.notify(MailKind.CHARGED if charged else MailKind.AMOUNT_OWED, taken)
        return self._waiting_phase()

    async def refund_late_return(self) -> Phase | None:
        """Refund a good return after the charge: less the late fee, or in full if it was in time (R-RET-10)."""
        claim, arrived = self._record.claim, self._window.returning.arrived_at
        assert arrived is not None, "inspected without an arrival"
        charged = self._charges.net_amount if self._charges.has_payments else claim.amount_owed
        refund = settlement.late_refund(
            charged,
            in_time=returns.in_time(self._window.returning, arrived),
            late_fee=Money(self._record.policy.late_fee, charged.currency),
            missing=claim.missing,
        )
        if self._charges.has_payments:
            refund = await self._process.run_step(self._charges.refund(refund, "late-return"))
        else:
            # Nothing was captured, it was owed: what would have been retained is still owed.
            self._charges.reduce_owed(refund)
        self._record.close(Outcome.LATE_RETURN_REFUNDED)
        self._record.notify(MailKind.REFUND, refund)
        if self._record.claim.amount_owed and workflow.patched("late-fee-owed-stays-payable"):
            self._record.change(dispute_until=None)
            return self._waiting_phase()
        return None

    async def waive(self) -> Phase | None:
        """Staff waive the charge: release the hold, or refund what was captured (R-AUD-1, edge case 58)."""
        held = self._hold.amount
        refund = await self._process.run_step(self._charges.refund(self._charges.net_amount, "waiver"))
        refund += await self._process.run_step(self._hold.release())
        self._record.change(amount_owed=refund.zero(), dispute_until=None)
        self._record.unflag(Attention.AMOUNT_OWED, Attention.REFUND_DUE)
        self._record.close(Outcome.WAIVED)
        self._record.notify(MailKind.REFUND if refund else MailKind.RELEASED, refund or held)
        return None

    async def undo_replacement(self) -> Phase | None:
        """The new unit came back and the customer keeps the original (R-EXP-10): the hold is released, or what was
        captured is refunded; the fee stays unless the policy gives it back. One that was to leave again is stopped
        first."""
        if lifecycle.ships_again(self._record.claim) and not await self._stopped():
            return self._waiting_phase()
        if refused := await self._replacement.undo():
            if self._record.claim.state is ClaimState.AWAITING_DISPATCH:
                await self._process.run_step(self._replacement.order(with_battery=False))
                self._replacement.await_dispatch()
            return await self._process.reject_decision(refused, self._waiting_phase())
        refund = await self._process.run_step(self._charges.refund(self._charges.net_amount, "undone-replacement"))
        refund += await self._process.run_step(self._hold.release())
        if self._record.policy.refund_undone_fee:
            fee = await self._process.run_step(self._fees.refund_all())
            refund = refund if fee is None else refund + fee
        self._record.change(amount_owed=refund.zero(), dispute_until=None)
        self._record.unflag(Attention.AMOUNT_OWED)
        self._record.close(Outcome.CANCELLED)
        self._record.notify(MailKind.CANCELLED, refund or None)
        return None

    async def compensate(self) -> Phase | None:
        """Before dispatch, reverse everything (R-EXP-9); later, only release the hold. A replacement that was to leave
        again is stopped first."""
        if lifecycle.ships_again(self._record.claim) and not await self._stopped():
            return self._waiting_phase()
        owed = self._record.claim.amount_owed
        if self._charges.has_payments or (owed and workflow.patched("owed-is-a-charged-default")):
            self._record.close(Outcome.DEFAULT_CHARGED)
            return None
        refund: Money | None = None
        shipped = self._record.claim.dispatched_on is not None
        if not shipped:
            if not await self._stopped():
                return self._waiting_phase()
            refund = await self._process.run_step(self._fees.refund_all())
        deposit = await self._process.run_step(self._hold.release())
        if deposit:
            refund = deposit if refund is None else refund + deposit
        self._record.close(Outcome.CANCELLED, gives_back=not shipped)
        self._record.notify(MailKind.CANCELLED, refund)
        return None

    async def _stopped(self) -> bool:
        """Whether the warehouse stops the dispatch; else the decision is rejected."""
        if await self._process.run_step(self._replacement.withdraw()):
            return True
        await self._process.reject_decision(self._replacement.too_late(), None)
        return False

    async def pay_owed(self) -> Phase | None:
        return await self._with_offered_card(self._pay_owed())

    async def change_card(self) -> Phase | None:
        return await self._with_offered_card(self._process.run_step(self._renewal.change_card()))

    async def _with_offered_card(self, step: Coroutine[Any, Any, None]) -> Phase | None:
        try:
            await step
        except RuleError as declined:
            return await self._process.reject_decision(declined, self._waiting_phase())
        return self._waiting_phase()

    async def _pay_owed(self) -> None:
        """R-RET-9: charge the offered card; RuleError `payment_declined` when it is declined."""
        owed, card = self._record.claim.amount_owed, self._renewal.offered_payment_method
        account: CaptureAccount = "parts_charges" if self._record.claim.missing else "default_charges"
        if not await self._process.run_step(self._charges.charge_owed(card, account)):
            raise RuleError("payment_declined", "R-RET-9", f"The card declined {owed}. Another one may be tried.")
        self._record.notify(MailKind.CHARGED, owed)
