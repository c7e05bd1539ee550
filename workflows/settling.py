"""Workflows: how a Premium claim ends in money: default, parts, late return, waiver, undo. The till moves it."""

from temporalio import workflow

from domain import returns, settlement
from domain.claim import Hold
from domain.kinds import Attention, ClaimState, HoldPolicy, Outcome, PartsChoice
from domain.money import Money
from domain.reasons import Reason, RuleError
from messages.claims import ChangePaymentMethod, ChooseParts
from messages.mail import MailKind
from messages.payments import TakeAccount
from workflows.keeping import Keeping
from workflows.shipping import utc


class Settling(Keeping):
    """The ends of a Premium claim. Each charges or gives back once, whatever comes twice."""

    @property
    def _hold(self) -> Hold:
        hold = self._the_claim.hold
        assert hold is not None, "Premium without a hold"
        return hold

    async def _default(self, reasons: tuple[Reason, ...] | None, *, approved: bool = False) -> None:
        """Charge the whole hold, once; then wait for a late return as long as one would be refunded (R-RET-6).

        `reasons` None: nothing was received. `approved`: staff have said so.
        """
        amount = self._hold.amount
        charged = await self._collect_from_security(amount, "default_charges")
        if not charged:
            if self._staff_decide(approved, by_staff=approved):
                self._hold_default_back(f"The default is due, and {self._why_not()}: staff decide.")
                return
            charged = await self._collect_off_session(amount, "default_charges", self._payment_method)
        if reasons is None:
            late_fee = Money(self._policy.late_fee, amount.currency)
            serial = self._the_claim.serial_number
            reasons = (settlement.default_reason(serial, self._returning, amount, late_fee, charged=charged),)
        self._unflag(Attention.HOLD_AT_RISK)
        self._change(reasons=reasons, dispute_until=await self._deadline(self._policy.dispute_days))
        if workflow.now() > self._returning.late_until:
            self._close(Outcome.DEFAULT_CHARGED)
        else:
            self._await_late_return()
        self._mail(MailKind.CHARGED if charged else MailKind.AMOUNT_OWED, amount)
        self._release_kept()

    def _staff_decide(self, approved: bool, *, by_staff: bool) -> bool:
        """Whether nothing is charged to the card before staff have said so: decision 13, `manual`, without a live hold;

        and where the gateway refused to capture a hold that has not ended: the money may be taken, or held, already.
        """
        manual = self._policy.hold_policy is HoldPolicy.MANUAL
        return (self._was_refused and not by_staff) or (manual and not approved)

    def _why_not(self) -> str:
        if self._was_refused:
            return "the gateway refused to capture the hold"
        return "nothing is held any more"

    def _hold_default_back(
        self, why: str, wait_reason: str = "for staff: a charge is due that no machine makes"
    ) -> None:
        """What is due is not charged by a machine: staff approve it or let it go."""
        self._flag(Attention.DEFAULT_HELD_BACK)
        self._change(deadline=None, wait_reason=wait_reason)
        self._note("default_held_back", why)

    def _await_late_return(self) -> None:
        until = self._returning.late_until
        self._change(state=ClaimState.DEFAULTED, deadline=until, wait_reason=f"for a late return until {utc(until)}")

    async def _received_in_order(self) -> None:
        """R-INS-2: nothing is held any more, and a deposit goes back in full."""
        deposit = self._deposited()
        await self._release_hold()
        self._close(Outcome.HOLD_RELEASED)
        self._mail(MailKind.REFUND if deposit else MailKind.RELEASED, deposit or self._hold.amount)

    async def _refund_late_return(self) -> None:
        """A good return after the charge: refunded less the late fee, in full when it had been in time (R-RET-10)."""
        arrived = self._returning.arrived_at
        assert arrived is not None, "inspected without an arrival"
        in_time = returns.in_time(self._returning, arrived)
        late_fee = Money(self._policy.late_fee, self._hold.amount.currency)
        missing = self._the_claim.missing
        if not self._taken:
            # Nothing was taken, it was owed: what would have been kept is still owed.
            owed = self._the_claim.amount_owed
            refund = settlement.late_refund(owed, in_time=in_time, late_fee=late_fee, missing=missing)
            self._change(amount_owed=owed - refund)
            if owed == refund:
                self._unflag(Attention.AMOUNT_OWED)
            self._note("no_longer_owed", f"{refund} is no longer owed.")
        else:
            refund = settlement.late_refund(self._taken_in_all(), in_time=in_time, late_fee=late_fee, missing=missing)
            await self._give_back(refund, "late-return")
        self._close(Outcome.LATE_RETURN_REFUNDED)
        self._mail(MailKind.REFUND, refund)

    async def _pay_what_is_owed(self, decision: ChangePaymentMethod) -> None:
        """R-RET-9: paid with whichever card works; the device can be claimed on again."""
        owed = self._the_claim.amount_owed
        account: TakeAccount = "parts_charges" if self._the_claim.missing else "default_charges"
        if not await self._charge_owed(owed, decision.payment_method, account):
            raise RuleError("payment_declined", "R-RET-9", f"The card declined {owed}. Another one may be tried.")
        self._change(amount_owed=owed.zero())
        self._unflag(Attention.AMOUNT_OWED)
        self._mail(MailKind.CHARGED, owed)

    async def _parts(self, decision: ChooseParts) -> None:
        if decision.choice is PartsChoice.SEND:
            self._note("parts_promised", "The customer sends the missing parts.", actor=decision.actor)
            return
        await self._charge_parts("the customer pays for them", approved=True)

    async def _charge_parts(self, why: str, *, approved: bool = False, by_staff: bool = False) -> None:
        """Capture the differences out of the hold; what exceeds it is invoiced, never forced (R-CMP-2, edge 19)."""
        hold = self._hold.amount
        amount = settlement.parts_capture(self._the_claim.missing, hold)
        charged = await self._collect_from_security(amount, "parts_charges")
        if not charged:
            if self._staff_decide(approved, by_staff=by_staff):
                self._hold_default_back(f"The missing parts are due, and {self._why_not()}: staff decide.")
                return
            charged = await self._collect_off_session(amount, "parts_charges", self._payment_method)
        self._note("parts_charged", f"The missing parts are charged: {why}.")
        rest = settlement.differences(self._the_claim.missing, hold.currency) - amount
        if rest:
            self._change(amount_owed=self._the_claim.amount_owed + rest)
            self._flag(Attention.AMOUNT_OWED)
            self._note("amount_owed", f"{rest} beyond the hold is invoiced.")
        self._change(dispute_until=await self._deadline(self._policy.dispute_days))
        self._close(Outcome.PARTS_CHARGED)
        self._mail(MailKind.CHARGED if charged else MailKind.AMOUNT_OWED, amount)

    async def _waive(self, reason: str, actor: str) -> None:
        """Staff let it go, with a reason: the hold is released, or what was taken is given back (R-AUD-1, edge 58)."""
        if not reason:
            raise RuleError("invalid_request", "R-AUD-1", "A waiver needs a reason.")
        self._note("waived", "Staff waived the charge.", reason, actor)
        nothing = self._nothing()
        taken = self._taken_in_all()
        refund = taken + self._deposited()
        await self._give_back(taken, "waiver")
        await self._release_hold()
        self._change(amount_owed=nothing, dispute_until=None)
        self._unflag(Attention.AMOUNT_OWED, Attention.REFUND_DUE)
        self._close(Outcome.WAIVED)
        self._mail(MailKind.REFUND if refund else MailKind.RELEASED, refund or self._hold.amount)

    async def _undo(self) -> None:
        """Before dispatch everything is undone (R-EXP-9); later only the hold is let go."""
        if self._taken:
            self._close(Outcome.DEFAULT_CHARGED)
            return
        deposit = self._deposited()
        await self._release_hold()
        refund: Money | None = deposit if deposit and not self._was_refused else None
        shipped = self._the_claim.dispatched_on is not None
        if not shipped:
            await self._withdraw_dispatch()
            fee = await self._refund_everything_paid()
            refund = fee if refund is None or fee is None else fee + refund
        self._close(Outcome.CANCELLED, gives_back=not shipped)
        self._mail(MailKind.CANCELLED, refund)
