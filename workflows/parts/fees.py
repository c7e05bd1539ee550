"""Workflow part: the fees that a customer agreed to pay, and their refunds."""

from dataclasses import dataclass, field
from typing import Literal, assert_never

from temporalio import workflow

from domain.money import Money, total
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
    """A charged fee. `number` counts the fees of the claim from 0 and is in the key of its refund."""

    number: int
    payment_id: str
    amount: Money
    account: Account


@dataclass
class FeesData:
    """The fees paid and not refunded, the sum refunded, and the attempts for each purpose."""

    paid: list[PaidFee] = field(default_factory=list)
    charged: int = 0
    refunded: Money | None = None
    tries: dict[str, int] = field(default_factory=dict)


class Fees:
    """Each attempt is another authorization with its own idempotency key; the result of a key never changes."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests, data: FeesData | None = None) -> None:
        self._record = record
        self._gateway = gateway
        self._data = data or FeesData()

    @property
    def data(self) -> FeesData:
        return self._data

    @property
    def kept(self) -> Money | None:
        """The sum of the fees paid and not refunded; None when none was ever charged."""
        if not self._data.tries and not self._data.charged:
            return None
        return total([fee.amount for fee in self._data.paid], self._record.claim.fee.currency)

    def request(
        self,
        amount: Money,
        payment_method: str,
        account: FeeAccount,
        purpose: str,
        *,
        off_session: bool,
        numbered: bool = True,
    ) -> ChargeCard:
        """The next charge for `purpose`. Not `numbered`: a claim has one attempt of it."""
        tried = self._data.tries.get(purpose, 0)
        return ChargeCard(
            subject=self._record.claim.id,
            key=payment_key(self._record.claim.id, purpose, tried if numbered else None),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            account=account,
            off_session=off_session,
        )

    async def charge(
        self,
        amount: Money,
        payment_method: str,
        account: FeeAccount,
        purpose: str,
        *,
        off_session: bool,
        numbered: bool = True,
    ) -> bool:
        """Charge a fee that the customer has agreed to. Returns whether it is paid; a fee of zero is.

        `off_session`: somebody else's decision makes it due now, so the customer is not there to confirm.
        """
        if not amount:
            return True
        async with self._gateway.step:
            request = self.request(amount, payment_method, account, purpose, off_session=off_session, numbered=numbered)
            summary = f"charge {amount} ({_name(account)})"
            charged = self.record_charge(request, await self._gateway.send(Payments.charge_card, request, summary))
            self._data.tries[purpose] = self._data.tries.get(purpose, 0) + 1
        return charged

    def record_charge(self, request: ChargeCard, response: CardCharged | PaymentDeclined | PaymentRefused) -> bool:
        """Record the response to a fee's charge. Returns whether it is paid."""
        name = _name(request.account)
        match response:
            case CardCharged():
                number = self._data.charged
                self._data.charged += 1
                self._data.paid.append(PaidFee(number, response.payment_id, response.amount, request.account))
                self._record.note("fee_charged", f"{request.amount} was charged ({name}).")
                return True
            case PaymentDeclined():
                self._record.note("charge_declined", f"The card declined {request.amount} ({name}).", response.code)
                return False
            case PaymentRefused():
                self._gateway.report_refusal(f"charge {request.amount} ({name})", response)
                return False
            case _:
                assert_never(response)

    async def refund_all(self) -> Money | None:
        """Refund every fee. Returns the sum refunded, None when there is none."""
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
                response = await self._gateway.send(Payments.refund_payment, request, f"refund {fee.amount}")
                self._data.paid.remove(fee)
                match response:
                    case PaymentRefunded():
                        so_far = self._data.refunded
                        self._data.refunded = fee.amount if so_far is None else so_far + fee.amount
                        self._record.note("fee_refunded", f"{fee.amount} was refunded.")
                    case PaymentRefused():
                        self._gateway.report_refusal(f"give {fee.amount} back", response)
                    case _:
                        assert_never(response)
        return self._data.refunded


def _name(account: Account) -> str:
    return account.replace("_", " ").removesuffix("s")
