"""Workflows: keeping a hold alive: a new one first, then the old one goes; never charged early (R-RET-7).

Releasing first would leave nothing after a decline, so for a moment the customer's card bears two holds.
"""

from datetime import datetime

from temporalio import workflow

from domain import holds
from domain.kinds import Attention, HoldState
from domain.money import Money
from domain.reasons import RuleError
from messages.claims import ChangePaymentMethod, SubmitCareExpress
from messages.mail import MailKind
from messages.payments import PaymentDeclined
from workflows.exchange import Exchange


class Keeping(Exchange):
    """A Premium claim's hold while the claim is open. `_renew_at` is when the hold wants looking after next."""

    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)
        self._payment_method = ask.payment_method
        self._renew_at: datetime | None = None

    async def _hold_for(self, amount: Money) -> PaymentDeclined | None:
        """The first hold, with the customer present; the decline when the card says no."""
        declined = await self._place_hold(amount, self._payment_method)
        if declined is None:
            self._look_after_it()
        return declined

    def _wants_looking_after(self) -> datetime | None:
        """When the hold wants looking after, None when there is no live one."""
        hold = self._the_claim.hold
        return self._renew_at if hold is not None and hold.state is HoldState.AUTHORIZED else None

    async def _look_after_hold(self) -> None:
        """The time has come: renew it, or see it lapse when it could not be renewed."""
        hold = self._the_claim.hold
        assert hold is not None, "there is no hold to look after"
        if hold.expires_at is not None and workflow.now() > hold.expires_at:
            self._renew_at = None
            self._hold_ended(hold, HoldState.EXPIRED)
            return
        declined = await self._renew_hold(self._payment_method, off_session=True)
        if declined is None:
            return
        self._renew_at = holds.try_again_at(hold, workflow.now(), retryable=declined.retryable)
        if self._renew_at is None:
            self._renew_at = hold.expires_at
            self._flag(Attention.HOLD_AT_RISK)
            self._note("hold_at_risk", "The hold cannot be renewed with this card; the customer is asked for another.")
            self._mail(MailKind.HOLD_AT_RISK)

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
