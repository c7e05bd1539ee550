"""Workflows, a part: what is charged in the end, default or parts: taken, owed, given back. Never why."""

from dataclasses import dataclass, field, replace
from typing import assert_never

from temporalio import workflow

from domain.hold import CapturedElsewhere, UnknownHold
from domain.kinds import Attention, HoldPolicy
from domain.money import Money, total
from messages.ids import payment_key
from messages.payments import (
    CardCharged,
    ChargeCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
    TakeAccount,
)
from workflows.parts.card_hold import CardHold, Taken
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests


@dataclass(frozen=True)
class Refund:
    """What is given back in all, and what of it is still to be given back."""

    in_all: Money
    left: Money


@dataclass
class ChargesData:
    """What was taken beside the fees, how often what is owed was charged, whether staff have approved a charge, and
    the refunds by purpose."""

    taken: list[Taken] = field(default_factory=list)
    owed_tries: int = 0
    approved_by_staff: bool = False
    refunds: dict[str, Refund] = field(default_factory=dict)


class Charges:
    """Out of the hold first, then from the saved card, then it is owed. Each is taken once, whatever comes twice."""

    def __init__(
        self, record: ClaimRecord, gateway: GatewayRequests, hold: CardHold, data: ChargesData | None = None
    ) -> None:
        self._record = record
        self._gateway = gateway
        self._hold = hold
        self._data = data or ChargesData()

    @property
    def data(self) -> ChargesData:
        return self._data

    @property
    def any(self) -> bool:
        """Whether something was taken, or is owed instead."""
        return bool(self._data.taken or self._record.claim.amount_owed)

    @property
    def taken(self) -> Money:
        """What was taken beside the fees and not given back."""
        return total([taken.left for taken in self._data.taken], self._record.claim.fee.currency)

    @property
    def anything_taken(self) -> bool:
        return bool(self._data.taken)

    def approve(self) -> None:
        """Staff have decided that what is due may be charged to the card, without a live hold or beside a refusal."""
        self._data.approved_by_staff = True

    async def collect(self, amount: Money, account: TakeAccount, payment_method: str, *, agreed: bool) -> bool | None:
        """Take `amount`: out of the hold, else from the saved card, else it is owed (R-RET-9).

        Whether it was taken; None when staff must decide first. `agreed`: the customer has just chosen to pay.
        """
        taken = await self._hold.collect(amount, account)
        if taken is not None:
            self._data.taken.append(taken)
            return True
        if self._staff_must_decide(agreed):
            return None
        return await self._charge_saved_card(amount, account, payment_method)

    def why_held_back(self) -> str:
        match self._hold.state:
            case CapturedElsewhere():
                return "the hold was captured, and not by this claim"
            case UnknownHold():
                return "the gateway refused to capture the hold"
            case _ if self._record.payment_was_refused:
                return "the gateway has refused a payment of this claim"
            case _:
                return "nothing is held any more"

    def hold_back(self, why: str, wait_reason: str = "for staff: a charge is due that no machine makes") -> None:
        """What is due is not charged by a machine: staff approve it or let it go."""
        self._record.flag(Attention.DEFAULT_HELD_BACK)
        self._record.change(deadline=None, wait_reason=wait_reason)
        self._record.note("default_held_back", why)

    async def charge_owed(self, payment_method: str, account: TakeAccount) -> bool:
        """Charge what is owed to a card its owner names; each try has a key of its own. Whether it was paid."""
        amount = self._record.claim.amount_owed
        async with self._gateway.step:
            key = payment_key(self._record.claim.id, "owed", self._data.owed_tries)
            request = self._request(amount, account, payment_method, key, off_session=False)
            answer = await self._gateway.send(Payments.charge_card, request, f"charge {amount} that is owed")
            self._data.owed_tries += 1
            match answer:
                case CardCharged():
                    self._data.taken.append(Taken(answer.payment_id, amount, account))
                    self._record.change(amount_owed=amount.zero())
                    self._record.unflag(Attention.AMOUNT_OWED)
                    self._record.note("owed_paid", f"{amount} that was owed was paid.")
                    return True
                case PaymentDeclined():
                    self._record.note("charge_declined", f"The card declined {amount}.", answer.code)
                case PaymentRefused():
                    self._gateway.report_refusal(f"charge {amount} that is owed", answer)
                case _:
                    assert_never(answer)
        return False

    async def give_back(self, amount: Money, purpose: str) -> Money:
        """Refund `amount` of what was taken, the latest charge first. What it is in all, also when a new run goes on
        with a refund that another has begun."""
        plan = self._data.refunds.setdefault(purpose, Refund(amount, amount))
        async with self._gateway.step:
            for number, taken in reversed(list(enumerate(self._data.taken))):
                part = taken.left.least(plan.left)
                if part and await self._refund(number, taken, part, purpose):
                    plan = replace(plan, left=plan.left - part)
                    self._data.refunds[purpose] = plan
        return plan.in_all

    def owe(self, amount: Money, title: str, details: str = "") -> None:
        self._record.change(amount_owed=self._record.claim.amount_owed + amount)
        self._record.flag(Attention.AMOUNT_OWED)
        self._record.note("amount_owed", title, details)

    def no_longer_owed(self, amount: Money) -> None:
        self._record.change(amount_owed=self._record.claim.amount_owed - amount)
        if not self._record.claim.amount_owed:
            self._record.unflag(Attention.AMOUNT_OWED)

    async def _refund(self, number: int, taken: Taken, part: Money, purpose: str) -> bool:
        request = RefundPayment(
            subject=self._record.claim.id,
            key=payment_key(self._record.claim.id, f"refund-{purpose}", number),
            at=workflow.now(),
            payment_id=taken.payment_id,
            amount=part,
            account=taken.account,
        )
        answer = await self._gateway.send(Payments.refund_payment, request, f"refund {part}")
        match answer:
            case PaymentRefunded():
                self._data.taken[number] = replace(taken, left=taken.left - part)
                self._hold.note_refund(taken.payment_id, answer.refunded)
                self._record.note("refunded", f"{part} was refunded.")
                return True
            case PaymentRefused():
                self._gateway.report_refusal(f"give {part} back", answer)
                return False
            case _:
                assert_never(answer)

    def _staff_must_decide(self, agreed: bool) -> bool:
        """Nothing is charged to the card before staff have said so: where the gateway refused to capture a hold that
        has not ended, since the money may be taken or held already; and under the policy `manual` (decision 13)."""
        if self._data.approved_by_staff:
            return False
        manual = self._record.policy.hold_policy is HoldPolicy.MANUAL and not agreed
        return manual or self._record.payment_was_refused

    async def _charge_saved_card(self, amount: Money, account: TakeAccount, payment_method: str) -> bool:
        async with self._gateway.step:
            key = payment_key(self._record.claim.id, "default")
            request = self._request(amount, account, payment_method, key, off_session=True)
            answer = await self._gateway.send(Payments.charge_card, request, f"charge {amount} to the saved card")
            match answer:
                case CardCharged():
                    self._data.taken.append(Taken(answer.payment_id, amount, account))
                    self._record.note("card_charged", f"The hold had lapsed; {amount} was charged to the saved card.")
                    return True
                case PaymentDeclined():
                    self.owe(amount, f"{amount} is owed: the saved card declined.", answer.code)
                case PaymentRefused():
                    self._gateway.report_refusal(f"charge {amount} to the saved card", answer)
                    self.owe(amount, f"{amount} is owed: it could not be charged to the saved card.", answer.state)
                case _:
                    assert_never(answer)
        return False

    def _request(
        self, amount: Money, account: TakeAccount, payment_method: str, key: str, *, off_session: bool
    ) -> ChargeCard:
        return ChargeCard(
            subject=self._record.claim.id,
            key=key,
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
            off_session=off_session,
        )
