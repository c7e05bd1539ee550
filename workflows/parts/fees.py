"""Workflows, a part: the fees a customer agreed to pay, and their refunds when nothing comes of it."""

from dataclasses import dataclass, field
from typing import Literal, assert_never

from temporalio import workflow

from domain.money import Money
from messages.ids import payment_key
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
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests

FeeAccount = Literal["service_fees", "flyaway_fees", "repair_fees", "parts_charges"]


@dataclass(frozen=True)
class PaidFee:
    """A charged fee. `number` counts the fees of the claim from 0 and names its refund."""

    number: int
    payment_id: str
    amount: Money
    account: Account


@dataclass
class FeesData:
    """What is paid and not given back, what was given back, and how often each purpose was tried."""

    paid: list[PaidFee] = field(default_factory=list)
    charged: int = 0
    refunded: Money | None = None
    tries: dict[str, int] = field(default_factory=dict)


class Fees:
    """Each try of a card is another authorization with a key of its own; the answer to a key is kept for ever."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests, data: FeesData | None = None) -> None:
        self._record = record
        self._gateway = gateway
        self._data = data or FeesData()

    @property
    def data(self) -> FeesData:
        return self._data

    def request(
        self, amount: Money, payment_method: str, account: FeeAccount, purpose: str, *, numbered: bool = True
    ) -> ChargeCard:
        """The next charge for `purpose`. Not `numbered`: there is one try of it in a claim."""
        tried = self._data.tries.get(purpose, 0)
        return ChargeCard(
            subject=self._record.claim.id,
            key=payment_key(self._record.claim.id, purpose, tried if numbered else None),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
        )

    async def charge(
        self, amount: Money, payment_method: str, account: FeeAccount, purpose: str, *, numbered: bool = True
    ) -> bool:
        """Charge a fee the customer has just agreed to; whether it is paid. Nothing to do for a fee of zero."""
        if not amount:
            return True
        async with self._gateway.step:
            request = self.request(amount, payment_method, account, purpose, numbered=numbered)
            summary = f"charge {amount} ({_name(account)})"
            charged = self.answered(request, await self._gateway.send(Payments.charge_card, request, summary))
            self._data.tries[purpose] = self._data.tries.get(purpose, 0) + 1
        return charged

    def answered(self, request: ChargeCard, answer: CardCharged | PaymentDeclined | PaymentRefused) -> bool:
        """Take the answer to a fee's charge; whether it is paid."""
        name = _name(request.account)
        match answer:
            case CardCharged():
                number = self._data.charged
                self._data.charged += 1
                self._data.paid.append(PaidFee(number, answer.payment_id, answer.amount, request.account))
                self._record.note("fee_charged", f"{request.amount} was charged ({name}).")
                return True
            case PaymentDeclined():
                self._record.note("charge_declined", f"The card declined {request.amount} ({name}).", answer.code)
                return False
            case PaymentRefused():
                self._gateway.report_refusal(f"charge {request.amount} ({name})", answer)
                return False
            case _:
                assert_never(answer)

    async def refund_all(self) -> Money | None:
        """Give back every fee; what was given back, None when that is nothing."""
        async with self._gateway.step:
            for fee in tuple(self._data.paid):
                request = RefundPayment(
                    subject=self._record.claim.id,
                    key=payment_key(self._record.claim.id, "refund-fee", fee.number),
                    at=workflow.now(),
                    payment_id=fee.payment_id,
                    amount=fee.amount,
                    account=fee.account,
                )
                answer = await self._gateway.send(Payments.refund_payment, request, f"refund {fee.amount}")
                self._data.paid.remove(fee)
                match answer:
                    case PaymentRefunded():
                        so_far = self._data.refunded
                        self._data.refunded = fee.amount if so_far is None else so_far + fee.amount
                        self._record.note("fee_refunded", f"{fee.amount} was refunded.")
                    case PaymentRefused():
                        self._gateway.report_refusal(f"give {fee.amount} back", answer)
                    case _:
                        assert_never(answer)
        return self._data.refunded


def _name(account: Account) -> str:
    return account.replace("_", " ").removesuffix("s")
