"""Workflows: the till of a claim: its fees and their refunds. Says what was moved; never why."""

from typing import Final, Literal

from temporalio import workflow

from domain.kinds import Attention
from domain.money import Money
from messages.ids import payment_key
from messages.mail import MailKind
from messages.payments import (
    Account,
    CardCharged,
    ChargeCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
)
from workflows.desk import ClaimDesk

REFUSALS_ARE_TOLD: Final = "refusals-are-told"
"""Where a gateway's no to a capture, a release or a refund is met since then, people are told (decision 0029)."""

FeeAccount = Literal["service_fees", "flyaway_fees", "repair_fees", "parts_charges"]


class Till(ClaimDesk):
    """What the customer agrees to pay, and gets back when nothing comes of it. Every step keeps its key for ever."""

    def __init__(self) -> None:
        super().__init__()
        self._paid: list[tuple[CardCharged, Account]] = []

    async def _charge(
        self, amount: Money, payment_method: str, account: FeeAccount, purpose: str, ordinal: int | None = None
    ) -> PaymentDeclined | None:
        """Charge a fee the customer has just agreed to; nothing to do for a fee of zero."""
        if not amount:
            return None
        ask = self._asks_fee(amount, payment_method, account, purpose, ordinal)
        answer = await self._effect(Payments.charge_card, ask, f"charge {amount} ({_called(account)})")
        return self._fee_answered(ask, answer)

    def _asks_fee(
        self, amount: Money, payment_method: str, account: FeeAccount, purpose: str, ordinal: int | None = None
    ) -> ChargeCard:
        key = payment_key(self._the_claim.id, purpose, ordinal)
        return self._asks_charge(amount, payment_method, account, key)

    def _fee_answered(self, ask: ChargeCard, answer: CardCharged | PaymentDeclined) -> PaymentDeclined | None:
        what = _called(ask.account)
        if isinstance(answer, PaymentDeclined):
            self._note("charge_declined", f"The card declined {ask.amount} ({what}).", answer.code)
            return answer
        self._paid.append((answer, ask.account))
        self._note("fee_charged", f"{ask.amount} was charged ({what}).")
        return None

    async def _refund_everything_paid(self) -> Money | None:
        """Give back every fee; what was given back, None when that is nothing."""
        refunded = None
        for n, (charged, account) in enumerate(self._paid):
            key = payment_key(self._the_claim.id, "refund-fee", n)
            if await self._refund(charged.payment_id, charged.amount, account, key, f"refund {charged.amount}") is None:
                continue
            self._note("fee_refunded", f"{charged.amount} was refunded.")
            refunded = charged.amount if refunded is None else refunded + charged.amount
        self._paid = []
        return refunded

    async def _charge_card(
        self,
        amount: Money,
        payment_method: str,
        account: Account,
        key: str,
        summary: str,
        *,
        off_session: bool = False,
    ) -> CardCharged | PaymentDeclined:
        ask = self._asks_charge(amount, payment_method, account, key, off_session=off_session)
        return await self._effect(Payments.charge_card, ask, summary)

    def _asks_charge(
        self, amount: Money, payment_method: str, account: Account, key: str, *, off_session: bool = False
    ) -> ChargeCard:
        return ChargeCard(
            subject=self._the_claim.id,
            key=key,
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
            off_session=off_session,
        )

    async def _refund(
        self, payment_id: str, amount: Money, account: Account, key: str, summary: str
    ) -> PaymentRefunded | PaymentRefused | None:
        """None when the gateway refused, which people are told. (PaymentRefused: in claims from before that.)"""
        ask = RefundPayment(
            subject=self._the_claim.id,
            key=key,
            at=workflow.now(),
            payment_id=payment_id,
            amount=amount,
            account=account,
        )
        answer = await self._effect(Payments.refund_payment, ask, summary)
        return None if isinstance(answer, PaymentRefused) and self._refused(f"give {amount} back", answer) else answer

    @property
    def _was_refused(self) -> bool:
        """Whether the gateway has refused this claim something, so that what is booked may not be what happened."""
        return Attention.PAYMENT_REFUSED in self._the_claim.attention

    def _mail(self, kind: MailKind, amount: Money | None = None) -> None:
        if kind in _SAY_IT_IS_BACK and self._was_refused:
            self._note("mail_withheld", "The customer was not told of money that may not be back yet.")
        else:
            super()._mail(kind, amount)

    def _refused(self, what: str, answer: PaymentRefused) -> bool:
        """Tell people that the gateway refused to do it. False in a claim that went on without, before it was told."""
        if not workflow.patched(REFUSALS_ARE_TOLD):
            return False
        self._flag(Attention.PAYMENT_REFUSED)
        self._note("payment_refused", f"The gateway refused to {what}.", f"The payment's state there: {answer.state}.")
        return True


_SAY_IT_IS_BACK = (MailKind.RELEASED, MailKind.REFUND)


def _called(account: Account) -> str:
    return account.replace("_", " ").removesuffix("s")
