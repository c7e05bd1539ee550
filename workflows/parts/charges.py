"""Workflow part: charges for a default or missing parts: captured, owed, refunded. It does not decide on them."""

from dataclasses import dataclass, field, replace
from typing import assert_never

from temporalio import workflow

from domain.hold import CapturedElsewhere, CapturedHold, DepositHold, UnknownHold
from domain.kinds import Attention, HoldPolicy
from domain.money import Money, total
from messages.ids import payment_key
from messages.payments import (
    OUR_MISTAKES,
    CaptureAccount,
    CardCharged,
    ChargeCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
)
from workflows.parts.card_hold import CardHold
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_data import CapturedPayment


@dataclass(frozen=True)
class Refund:
    """The total of a refund, and what of it is still to be refunded."""

    in_all: Money
    left: Money


@dataclass
class ChargesData:
    """The captured payments, how often the amount owed was charged, how often a charge of the saved card was never
    accepted, whether staff have approved a charge, the refunds by purpose, and how many defaults were undone."""

    taken: list[CapturedPayment] = field(default_factory=list)
    owed_tries: int = 0
    mistakes: int = 0
    approved_by_staff: bool = False
    refunds: dict[str, Refund] = field(default_factory=dict)
    undone: int = 0


class Charges:
    """An amount is captured from the hold, else charged to the saved card, else owed; once, whatever is repeated."""

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
    def has_any(self) -> bool:
        """Whether something was captured, or is owed instead."""
        return bool(self._data.taken or self._record.claim.amount_owed)

    @property
    def net_amount(self) -> Money:
        """The captured payments less their refunds."""
        return total([payment.left for payment in self._data.taken], self._record.claim.fee.currency)

    @property
    def has_payments(self) -> bool:
        return bool(self._data.taken)

    @property
    def kept(self) -> Money:
        """`net_amount`, and what is kept of a hold that was captured without being charged for anything."""
        hold, counted = self._hold.state, {payment.payment_id for payment in self._data.taken}
        match hold:
            case DepositHold():
                return self.net_amount + hold.amount
            case CapturedHold() | CapturedElsewhere() if hold.payment_id not in counted:
                return self.net_amount + hold.captured - hold.refunded
            case _:
                return self.net_amount

    @property
    def approved_by_staff(self) -> bool:
        return self._data.approved_by_staff

    def approve(self) -> None:
        """Staff have approved charging the card without a live hold or after a refusal of the gateway."""
        self._data.approved_by_staff = True

    async def collect(
        self, amount: Money, account: CaptureAccount, payment_method: str, *, agreed: bool
    ) -> bool | None:
        """Capture `amount` of the hold, else charge the saved card, else it is owed (R-RET-9).

        Returns whether it was paid; None when staff must decide first. `agreed`: the customer has just chosen to pay.
        """
        if not (agreed or self._data.approved_by_staff or await self._record.customer_informed()):
            return None
        if await self._capture(amount, account):
            return True
        if self._staff_must_decide(agreed):
            return None
        if isinstance(self._hold.state, UnknownHold) and workflow.patched("look-before-the-saved-card"):
            # It may be captured after all: then nothing is charged beside it.
            async with self._gateway.step:
                await self._hold.search_captured()
                await self._hold.refresh()
            if await self._capture(amount, account):
                return True
        return await self._charge_saved_card(amount, account, payment_method)

    async def _capture(self, amount: Money, account: CaptureAccount) -> bool:
        captured = await self._hold.collect(amount, account)
        if captured is not None:
            self._data.taken.append(captured)
        return captured is not None

    def why_held_back(self) -> str:
        if Attention.UNREACHABLE in self._record.claim.attention and not self._data.approved_by_staff:
            return "no notice of it could be delivered to the customer"
        match self._hold.state:
            case CapturedElsewhere():
                return "the hold was captured and refunded, and not by this claim"
            case UnknownHold():
                return "the gateway refused to capture the hold"
            case _ if self._record.payment_was_refused:
                return "the gateway has refused a payment of this claim"
            case _:
                return "nothing is held any more"

    def hold_back(self, why: str, wait_reason: str = "for staff: a charge is due that no machine makes") -> None:
        """Do not charge what is due: staff approve the charge or waive it."""
        self._record.flag(Attention.DEFAULT_HELD_BACK)
        self._record.change(deadline=None, wait_reason=wait_reason)
        self._record.note("default_held_back", why)

    async def charge_owed(self, payment_method: str, account: CaptureAccount) -> bool:
        """Charge the amount owed to a card that the customer names. Returns whether it was paid.

        Each attempt has its own idempotency key.
        """
        amount = self._record.claim.amount_owed
        async with self._gateway.step:
            key = payment_key(self._record.claim.id, "owed", self._data.owed_tries)
            request = self._request(amount, account, payment_method, key, off_session=False)
            response = await self._gateway.send(Payments.charge_card, request, f"charge {amount} that is owed")
            self._data.owed_tries += 1
            match response:
                case CardCharged():
                    self._data.taken.append(CapturedPayment(response.payment_id, amount, account))
                    self._record.change(amount_owed=amount.zero())
                    self._record.unflag(Attention.AMOUNT_OWED)
                    self._record.note("owed_paid", f"{amount} that was owed was paid.")
                    return True
                case PaymentDeclined():
                    self._record.note("charge_declined", f"The card declined {amount}.", response.code)
                case PaymentRefused():
                    self._gateway.report_refusal(f"charge {amount} that is owed", response)
                case _:
                    assert_never(response)
        return False

    async def refund(self, amount: Money, purpose: str) -> Money:
        """Refund `amount` of the captured payments, the latest first.

        Returns the total, also when a new run continues a refund that an earlier run began.
        """
        plan = self._data.refunds.setdefault(purpose, Refund(amount, amount))
        async with self._gateway.step:
            for number, payment in reversed(list(enumerate(self._data.taken))):
                part = payment.left.least(plan.left)
                if part and await self._refund_payment(number, payment, part, purpose):
                    plan = replace(plan, left=plan.left - part)
                    self._data.refunds[purpose] = plan
        return plan.in_all

    async def undo(self, purpose: str) -> Money:
        """Give back everything that was captured, and what is owed instead. Returns what was given back.

        A later charge is another one: it has a key of its own.
        """
        refund = await self.refund(self.net_amount, purpose)
        if self._record.claim.amount_owed:
            self.reduce_owed(self._record.claim.amount_owed)
        if not self.net_amount:
            self._data.taken = []
            self._data.undone += 1
        return refund

    def add_owed(self, amount: Money, title: str, details: str = "") -> None:
        self._record.change(amount_owed=self._record.claim.amount_owed + amount)
        self._record.flag(Attention.AMOUNT_OWED)
        self._record.note("amount_owed", title, details)

    def reduce_owed(self, amount: Money) -> None:
        self._record.change(amount_owed=self._record.claim.amount_owed - amount)
        if not self._record.claim.amount_owed:
            self._record.unflag(Attention.AMOUNT_OWED)

    async def _refund_payment(self, number: int, payment: CapturedPayment, part: Money, purpose: str) -> bool:
        request = RefundPayment(
            subject=self._record.claim.id,
            key=payment_key(self._record.claim.id, f"refund-{purpose}", number),
            at=workflow.now(),
            payment_id=payment.payment_id,
            amount=part,
            account=payment.account,
        )
        response = await self._gateway.send(Payments.refund_payment, request, f"refund {part}")
        match response:
            case PaymentRefunded():
                self._data.taken[number] = replace(payment, left=payment.left - part)
                self._hold.note_refund(payment.payment_id, response.refunded)
                self._record.note("refunded", f"{part} was refunded.")
                return True
            case PaymentRefused():
                self._gateway.report_refusal(f"give {part} back", response)
                return False
            case _:
                assert_never(response)

    def _staff_must_decide(self, agreed: bool) -> bool:
        """Whether staff must approve a charge to the card: after the gateway refused to capture a hold that has not
        ended, since the money may be captured or held already, after somebody else has captured and refunded the hold,
        and under the policy `manual` (decision 13)."""
        if self._data.approved_by_staff:
            return False
        if isinstance(self._hold.state, CapturedElsewhere):
            return True
        manual = self._record.policy.hold_policy is HoldPolicy.MANUAL and not agreed
        return manual or self._record.payment_was_refused

    async def _charge_saved_card(self, amount: Money, account: CaptureAccount, payment_method: str) -> bool | None:
        """Whether it was paid, else it is owed; None when it is our mistake that it was not: staff try again."""
        async with self._gateway.step:
            # One charge of the saved card for a default; another one only after it was never accepted, or undone.
            key = payment_key(self._record.claim.id, "default", (self._data.mistakes + self._data.undone) or None)
            request = self._request(amount, account, payment_method, key, off_session=True)
            response = await self._gateway.send(Payments.charge_card, request, f"charge {amount} to the saved card")
            match response:
                case CardCharged():
                    self._data.taken.append(CapturedPayment(response.payment_id, amount, account))
                    self._record.note("card_charged", f"The hold had lapsed; {amount} was charged to the saved card.")
                    return True
                case PaymentDeclined():
                    self.add_owed(amount, f"{amount} is owed: the saved card declined.", response.code)
                case PaymentRefused(state=state) if state in OUR_MISTAKES and workflow.patched(
                    "our-mistake-is-not-owed"
                ):
                    self._data.mistakes += 1
                    self._data.approved_by_staff = False
                    self._gateway.report_refusal(f"charge {amount} to the saved card", response)
                    return None
                case PaymentRefused():
                    self._gateway.report_refusal(f"charge {amount} to the saved card", response)
                    self.add_owed(
                        amount, f"{amount} is owed: it could not be charged to the saved card.", response.state
                    )
                case _:
                    assert_never(response)
        return False

    def _request(
        self, amount: Money, account: CaptureAccount, payment_method: str, key: str, *, off_session: bool
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
