"""Workflows: what secures a Premium claim: its hold, the deposit that may take its place, what is charged in the end.

Says what was moved; never why.
"""

from dataclasses import dataclass, replace

from temporalio import workflow

from domain.claim import Hold
from domain.kinds import Attention, HoldState
from domain.money import Money, total
from messages.claims import SubmitCareExpress
from messages.ids import payment_key
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    ReleaseHold,
    TakeAccount,
)
from workflows.exchange import Exchange


@dataclass
class Taken:
    """A charge beside the fees, or a deposit. `left` is what of it has not been given back."""

    payment_id: str
    left: Money
    account: TakeAccount


_GONE = ("released", "expired")
"""What may have become of a hold without anybody's fault: nothing is held any more, and nothing was taken."""


class Security(Exchange):
    """At most one current hold or deposit, and one default or parts charge. Every step keeps its key for ever."""

    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)
        self._hold_id: str | None = None
        self._hold_no = 0
        self._hold_tries = 0
        self._deposit: Taken | None = None
        self._looks = 0
        self._taken: list[Taken] = []
        self._owed_tries = 0

    async def _place_hold(
        self, amount: Money, payment_method: str, *, off_session: bool = False
    ) -> PaymentDeclined | None:
        """Authorize a hold; the decline when the card says no."""
        ask = self._asks_hold(amount, payment_method, off_session=off_session)
        return self._held(ask, await self._effect(Payments.authorize_hold, ask, f"hold {amount}"))

    def _asks_hold(self, amount: Money, payment_method: str, *, off_session: bool = False) -> AuthorizeHold:
        """Each try is a new question, with its own ordinal."""
        ordinal, self._hold_tries = self._hold_tries, self._hold_tries + 1
        return AuthorizeHold(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "authorize", ordinal),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            ordinal=ordinal,
            off_session=off_session,
        )

    def _held(self, ask: AuthorizeHold, answer: HoldPlaced | PaymentDeclined) -> PaymentDeclined | None:
        if isinstance(answer, PaymentDeclined):
            self._note("hold_declined", f"The card declined a hold of {ask.amount}.", answer.code)
            return answer
        self._hold_id, self._hold_no = answer.payment_id, ask.ordinal
        self._change(hold=answer.hold)
        self._note("hold_authorized", f"A hold of {ask.amount} was placed.")
        return None

    async def _replace_hold(self, amount: Money, payment_method: str, *, off_session: bool) -> PaymentDeclined | None:
        """Authorize a new hold first and release the old one then; after a decline the old one stays current."""
        old_id, old_no = self._hold_id, self._hold_no
        declined = await self._place_hold(amount, payment_method, off_session=off_session)
        if declined is None and old_id is not None:
            await self._save()  # from here on the new one is the claim's, whatever becomes of the old one
            await self._effect(Payments.release_hold, self._release(old_id, old_no), f"release the old {amount}")
            self._note("old_hold_released", "The hold was renewed; the old one is released.")
        return declined

    def _release(self, hold_id: str, ordinal: int, *, others: bool = False) -> ReleaseHold:
        key = payment_key(self._the_claim.id, "release", ordinal)
        return ReleaseHold(subject=self._the_claim.id, key=key, at=workflow.now(), hold_id=hold_id, others=others)

    async def _release_hold(self) -> None:
        """Let the security go, whatever it has become meanwhile: the hold, or the deposit that was taken for it."""
        hold = self._the_claim.hold
        if self._deposit is not None:
            await self._refund_deposit(self._deposit.left)
            return
        if self._hold_id is None or hold is None or hold.state is not HoldState.AUTHORIZED:
            return
        ask = self._release(self._hold_id, self._hold_no, others=True)
        answer = await self._effect(Payments.release_hold, ask, f"release {hold.amount}")
        if isinstance(answer, HoldPlaced):
            self._change(hold=answer.hold)
            self._note("hold_released", f"The hold of {hold.amount} was released.")
        elif answer.state in _GONE or not self._refused(f"release the hold of {hold.amount}", answer):
            self._hold_ended(hold, answer.state)

    async def _look_at_hold(self) -> None:
        """Ask the gateway what has become of the hold; what it says is the truth, and an expiry is booked by it."""
        hold = self._the_claim.hold
        assert hold is not None, "there is no hold to look at"
        assert self._hold_id is not None, "a hold without an id"
        self._looks += 1
        ask = LookAtHold(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "look", self._looks),
            at=workflow.now(),
            hold_id=self._hold_id,
        )
        answer = await self._effect(Payments.look_at_hold, ask, "look at the hold")
        if isinstance(answer, PaymentRefused):
            self._note("hold_unknown", "The gateway does not know the hold.", answer.state)
        elif answer.hold != hold:
            self._change(hold=answer.hold)
            if answer.hold.state is not hold.state:
                self._note("hold_ended", f"The gateway reports the hold as {answer.hold.state}.")

    async def _capture(self, amount: Money, account: TakeAccount, purpose: str = "capture") -> bool:
        """Take `amount` out of the live hold; False when there is none, it has ended, or the gateway refuses."""
        claim, hold = self._the_claim, self._the_claim.hold
        if self._hold_id is None or hold is None or hold.state is not HoldState.AUTHORIZED:
            return False
        capture = CaptureHold(
            subject=claim.id,
            key=payment_key(claim.id, purpose),
            at=workflow.now(),
            hold_id=self._hold_id,
            amount=amount,
            account=account,
        )
        answer = await self._effect(Payments.capture_hold, capture, f"capture {amount}")
        if isinstance(answer, HoldPlaced):
            self._change(hold=answer.hold)
            return True
        if answer.state in _GONE or not self._refused(f"capture {amount}", answer):
            self._hold_ended(hold, answer.state)
        return False

    async def _take_deposit(self) -> bool:
        """Capture the whole hold before it is lost, to be given back when the unit comes (decision 13)."""
        hold = self._the_claim.hold
        if hold is None or self._hold_id is None or not await self._capture(hold.amount, "deposits", "deposit"):
            return False
        self._deposit = Taken(self._hold_id, hold.amount, "deposits")
        self._note("deposit_taken", f"The hold could not be renewed; {hold.amount} was taken as a deposit.")
        return True

    def _deposited(self) -> Money:
        """What is kept as a deposit now."""
        return self._deposit.left if self._deposit else self._the_claim.fee.zero()

    async def _refund_deposit(self, amount: Money) -> None:
        """Give back `amount` of the deposit; nothing of it is left as a deposit then, given back or refused."""
        deposit, hold = self._deposit, self._the_claim.hold
        assert deposit is not None, "no deposit was taken"
        self._deposit = None
        if not amount:
            return
        key = payment_key(self._the_claim.id, "refund-deposit")
        answer = await self._refund(deposit.payment_id, amount, "deposits", key, f"refund {amount} (deposit)")
        if answer is None:
            return
        if hold is not None and isinstance(answer, PaymentRefunded):
            self._change(hold=replace(hold, refunded=answer.refunded))
        self._note("deposit_refunded", f"{amount} of the deposit was refunded.")

    async def _keep_deposit(self, amount: Money, account: TakeAccount) -> None:
        """`amount` of the deposit is ours now; the rest goes back."""
        deposit = self._deposit
        assert deposit is not None, "no deposit was taken"
        ask = KeepDeposit(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "keep-deposit"),
            at=workflow.now(),
            amount=amount,
            account=account,
        )
        await self._effect(Payments.keep_deposit, ask, f"keep {amount} of the deposit")
        self._taken.append(Taken(deposit.payment_id, amount, account))
        self._note("deposit_kept", f"{amount} of the deposit was kept.")
        await self._refund_deposit(deposit.left - amount)

    async def _collect_from_security(self, amount: Money, account: TakeAccount) -> bool:
        """Take `amount` out of what secures the claim, deposit or hold; False when nothing does any more."""
        if self._deposit is not None:
            await self._keep_deposit(amount, account)
            return True
        if self._hold_id is None or not await self._capture(amount, account):
            return False
        self._taken.append(Taken(self._hold_id, amount, account))
        self._note("hold_captured", f"{amount} of the hold was charged.")
        return True

    async def _collect_off_session(self, amount: Money, account: TakeAccount, payment_method: str) -> bool:
        """Nothing secures the claim any more: charge the saved card, or the amount is owed (R-RET-9).

        True when it was paid. Nothing is ever taken twice: the key does not depend on how often we ask.
        """
        key = payment_key(self._the_claim.id, "default")
        summary = f"charge {amount} to the saved card"
        answer = await self._charge_card(amount, payment_method, account, key, summary, off_session=True)
        if isinstance(answer, CardCharged):
            self._taken.append(Taken(answer.payment_id, amount, account))
            self._note("card_charged", f"The hold had lapsed; {amount} was charged to the saved card.")
            return True
        self._change(amount_owed=self._the_claim.amount_owed + amount)
        self._flag(Attention.AMOUNT_OWED)
        self._note("amount_owed", f"{amount} is owed: the saved card declined.", answer.code)
        return False

    async def _charge_owed(self, amount: Money, payment_method: str, account: TakeAccount) -> bool:
        """Charge what is owed to a card its owner names; each try is a new question. True when it was paid."""
        key = payment_key(self._the_claim.id, "owed", self._owed_tries)
        self._owed_tries += 1
        answer = await self._charge_card(amount, payment_method, account, key, f"charge {amount} that is owed")
        if isinstance(answer, PaymentDeclined):
            self._note("charge_declined", f"The card declined {amount}.", answer.code)
            await self._save()
            return False
        self._taken.append(Taken(answer.payment_id, amount, account))
        self._note("owed_paid", f"{amount} that was owed was paid.")
        return True

    def _taken_in_all(self) -> Money:
        """What was taken beside the fees and not given back."""
        return total([taken.left for taken in self._taken], self._the_claim.fee.currency)

    async def _give_back(self, amount: Money, purpose: str) -> None:
        """Refund `amount` of what was taken, the latest charge first."""
        for n, taken in reversed(list(enumerate(self._taken))):
            part = taken.left.least(amount)
            if not part:
                continue
            key = payment_key(self._the_claim.id, f"refund-{purpose}", n)
            answer = await self._refund(taken.payment_id, part, taken.account, key, f"refund {part}")
            if answer is None:
                continue
            taken.left -= part
            amount -= part
            hold = self._the_claim.hold
            if hold is not None and taken.payment_id == self._hold_id and isinstance(answer, PaymentRefunded):
                self._change(hold=replace(hold, refunded=answer.refunded))
            self._note("refunded", f"{part} was refunded.")

    def _hold_ended(self, hold: Hold, state: str) -> None:
        """The gateway says the hold is over: what it says is the truth."""
        self._change(hold=replace(hold, state=HoldState(state)))
        self._note("hold_ended", f"The gateway reports the hold as {state}.")
