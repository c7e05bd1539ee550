"""Workflows: the till of a claim: its fee, its hold, its charges and refunds. Says what was moved; never why."""

from dataclasses import dataclass, replace
from typing import Literal

from temporalio import workflow

from domain.claim import Hold
from domain.kinds import Attention, HoldState
from domain.money import Money, total
from messages.ids import payment_key
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    ChargeCard,
    HoldPlaced,
    PaymentDeclined,
    PaymentRefunded,
    Payments,
    RefundPayment,
    ReleaseHold,
    TakeAccount,
)
from workflows.desk import ClaimDesk

FeeAccount = Literal["service_fees", "flyaway_fees", "repair_fees", "parts_charges"]


@dataclass
class Taken:
    """A charge beside the fees. `left` is what of it has not been given back."""

    payment_id: str
    left: Money
    account: TakeAccount


class Till(ClaimDesk):
    """At most one current hold, one fee and one default or parts charge a claim. Every step keeps its key for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._hold_id: str | None = None
        self._hold_no = 0
        self._hold_tries = 0
        self._paid: list[tuple[CardCharged, FeeAccount]] = []
        self._taken: list[Taken] = []
        self._owed_tries = 0

    async def _place_hold(
        self, amount: Money, payment_method: str, *, off_session: bool = False
    ) -> PaymentDeclined | None:
        """Authorize a hold; the decline when the card says no. Each try is a new question, with its own ordinal."""
        ordinal, self._hold_tries = self._hold_tries, self._hold_tries + 1
        ask = AuthorizeHold(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "authorize", ordinal),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            ordinal=ordinal,
            off_session=off_session,
        )
        answer = await self._effect(Payments.authorize_hold, ask, f"hold {amount}")
        if isinstance(answer, PaymentDeclined):
            self._note("hold_declined", f"The card declined a hold of {amount}.", answer.code)
            return answer
        self._hold_id, self._hold_no = answer.payment_id, ordinal
        self._change(hold=answer.hold)
        self._note("hold_authorized", f"A hold of {amount} was placed.")
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

    async def _charge(
        self, amount: Money, payment_method: str, account: FeeAccount, purpose: str, ordinal: int | None = None
    ) -> PaymentDeclined | None:
        """Charge a fee the customer has just agreed to; nothing to do for a fee of zero."""
        if not amount:
            return None
        ask = ChargeCard(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, purpose, ordinal),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
        )
        what = account.replace("_", " ").removesuffix("s")
        answer = await self._effect(Payments.charge_card, ask, f"charge {amount} ({what})")
        if isinstance(answer, PaymentDeclined):
            self._note("charge_declined", f"The card declined {amount} ({what}).", answer.code)
            return answer
        self._paid.append((answer, account))
        self._note("fee_charged", f"{amount} was charged ({what}).")
        return None

    async def _refund_everything_paid(self) -> Money | None:
        """Give back every fee; the last one given back, None when nothing had been paid."""
        refunded = None
        for n, (charged, account) in enumerate(self._paid):
            ask = RefundPayment(
                subject=self._the_claim.id,
                key=payment_key(self._the_claim.id, "refund-fee", n),
                at=workflow.now(),
                payment_id=charged.payment_id,
                amount=charged.amount,
                account=account,
            )
            await self._effect(Payments.refund_payment, ask, f"refund {charged.amount}")
            self._note("fee_refunded", f"{charged.amount} was refunded.")
            refunded = charged.amount if refunded is None else refunded + charged.amount
        self._paid = []
        return refunded

    async def _release_hold(self) -> None:
        """Let the hold go, whatever it has become meanwhile."""
        hold = self._the_claim.hold
        if self._hold_id is None or hold is None or hold.state is not HoldState.AUTHORIZED:
            return
        ask = self._release(self._hold_id, self._hold_no, others=True)
        answer = await self._effect(Payments.release_hold, ask, f"release {hold.amount}")
        if isinstance(answer, HoldPlaced):
            self._change(hold=answer.hold)
            self._note("hold_released", f"The hold of {hold.amount} was released.")
        else:
            self._hold_ended(hold, answer.state)

    async def _collect(self, amount: Money, account: TakeAccount, payment_method: str) -> bool:
        """Take `amount` out of the hold; off the card when the hold has lapsed; else it is owed (R-RET-9).

        True when the money was taken. Nothing is ever taken twice: the keys do not depend on how often we ask.
        """
        claim, hold = self._the_claim, self._the_claim.hold
        if self._hold_id is not None and hold is not None and hold.state is HoldState.AUTHORIZED:
            capture = CaptureHold(
                subject=claim.id,
                key=payment_key(claim.id, "capture"),
                at=workflow.now(),
                hold_id=self._hold_id,
                amount=amount,
                account=account,
            )
            answer = await self._effect(Payments.capture_hold, capture, f"capture {amount}")
            if isinstance(answer, HoldPlaced):
                self._change(hold=answer.hold)
                self._taken.append(Taken(self._hold_id, amount, account))
                self._note("hold_captured", f"{amount} of the hold was charged.")
                return True
            self._hold_ended(hold, answer.state)
        return await self._collect_off_session(amount, account, payment_method)

    async def _collect_off_session(self, amount: Money, account: TakeAccount, payment_method: str) -> bool:
        charge = ChargeCard(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "default"),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
            off_session=True,
        )
        answer = await self._effect(Payments.charge_card, charge, f"charge {amount} to the saved card")
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
        ask = ChargeCard(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "owed", self._owed_tries),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
        )
        self._owed_tries += 1
        answer = await self._effect(Payments.charge_card, ask, f"charge {amount} that is owed")
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
            ask = RefundPayment(
                subject=self._the_claim.id,
                key=payment_key(self._the_claim.id, f"refund-{purpose}", n),
                at=workflow.now(),
                payment_id=taken.payment_id,
                amount=part,
                account=taken.account,
            )
            answer = await self._effect(Payments.refund_payment, ask, f"refund {part}")
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
