"""Workflows: keeping a hold alive: a new one first, then the old one goes; never charged early (R-RET-7).

Releasing first would leave nothing after a decline, so for a moment the customer's card bears two holds.
"""

from datetime import datetime

from temporalio import workflow

from domain import holds
from domain.claim import Hold
from domain.kinds import Attention, ClaimState, HoldPolicy, HoldState
from domain.money import Money
from domain.reasons import RuleError
from messages.claims import ChangePaymentMethod, SubmitCareExpress
from messages.mail import MailKind
from messages.payments import HoldAndCharge, PaymentDeclined, Payments
from workflows.security import Security
from workflows.steps import FEWER_EVENTS


class Keeping(Security):
    """A Premium claim's hold while the claim is open. `_renew_at` is when the hold wants looking after next."""

    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)
        self._payment_method = ask.payment_method
        self._renew_at: datetime | None = None

    async def _hold_and_charge(self, amount: Money, fee: Money) -> PaymentDeclined | None:
        """The first hold and, once it stands, the fee, with the customer present; the decline of either."""
        if not workflow.patched(FEWER_EVENTS):
            declined = await self._place_hold(amount, self._payment_method)
            if declined is not None:
                return declined
            self._look_after_it()
            return await self._charge(fee, self._payment_method, "service_fees", "fee")
        hold = self._asks_hold(amount, self._payment_method)
        charge = self._asks_fee(fee, self._payment_method, "service_fees", "fee") if fee else None
        ask = HoldAndCharge(hold=hold, fee=charge)
        answer = await self._effect(Payments.hold_and_charge, ask, f"hold {amount}, charge {fee}")
        declined = self._held(hold, answer.hold)
        if declined is not None:
            return declined
        self._look_after_it()
        return self._fee_answered(charge, answer.fee) if charge and answer.fee else None

    def _wants_looking_after(self) -> datetime | None:
        """When the hold wants looking after; None when there is no live one, or nothing to secure any more."""
        hold = self._the_claim.hold
        if hold is None or hold.state is HoldState.CAPTURED or self._the_claim.state is ClaimState.DEFAULTED:
            return None
        return self._renew_at

    async def _look_after_hold(self) -> None:
        """The time has come: renew it; or it could not be renewed, and now it is too late (decision 13)."""
        hold = self._the_claim.hold
        assert hold is not None, "there is no hold to look after"
        passed = hold.expires_at is not None and workflow.now() > hold.expires_at
        if passed and not workflow.patched("a-lapse-is-looked-at"):
            self._renew_at = None
            self._hold_ended(hold, HoldState.EXPIRED)
        elif Attention.HOLD_AT_RISK not in self._the_claim.attention:
            await self._renew_in_time(hold)
        elif not passed and self._policy.hold_policy is HoldPolicy.CAPTURE_AND_REFUND:
            self._renew_at = hold.expires_at
            if await self._take_deposit():
                self._unflag(Attention.HOLD_AT_RISK)
                self._mail(MailKind.DEPOSIT_TAKEN, hold.amount)
        else:
            self._renew_at = None
            await self._look_at_hold()

    async def _renew_in_time(self, hold: Hold) -> None:
        declined = await self._renew_hold(self._payment_method, off_session=True)
        if declined is None:
            return
        self._renew_at = holds.try_again_at(hold, workflow.now(), retryable=declined.retryable)
        if self._renew_at is None:
            self._renew_at = holds.give_up_at(hold, self._policy.hold_policy)
            self._flag(Attention.HOLD_AT_RISK)
            self._note("hold_at_risk", "The hold cannot be renewed with this card; the customer is asked for another.")
            self._mail(MailKind.HOLD_AT_RISK)

    def _cares_for(self, payment_id: str) -> bool:
        hold = self._the_claim.hold if self._claim else None
        return payment_id == self._hold_id and hold is not None and hold.state is HoldState.AUTHORIZED

    async def _hear_of_payment(self, payment_id: str) -> None:
        """The gateway has news of the hold. What it says now is the truth; one that has ended is replaced at once."""
        if not self._cares_for(payment_id):
            return  # it was renewed or ended while the news waited
        before = self._the_claim.hold
        await self._look_at_hold()
        hold = self._the_claim.hold
        if hold == before or hold is None:
            return
        if hold.state is HoldState.AUTHORIZED:
            self._look_after_it()
        elif hold.state is not HoldState.CAPTURED:
            self._renew_at = workflow.now()

    async def _change_card(self, decision: ChangePaymentMethod) -> None:
        """Another card: it bears the hold from now on, or nothing changes."""
        declined = await self._renew_hold(decision.payment_method, off_session=False)
        if declined is not None:
            await self._save()
            raise RuleError("payment_declined", "R-RET-7", "The card declined the hold. Another one may be tried.")
        self._payment_method = decision.payment_method
        self._note("card_changed", "The hold is on another card now.", actor=decision.actor)

    async def _renew_hold(self, payment_method: str, *, off_session: bool) -> PaymentDeclined | None:
        hold = self._the_claim.hold
        assert hold is not None, "there is no hold to renew"
        declined = await self._replace_hold(hold.amount, payment_method, off_session=off_session)
        if declined is None:
            self._unflag(Attention.HOLD_AT_RISK)
            self._look_after_it()
        return declined

    def _look_after_it(self) -> None:
        hold = self._the_claim.hold
        self._renew_at = holds.renew_at(hold) if hold is not None else None
