"""The expected state of one claim's payments: what each request must return, and what the gateway must have then."""

import itertools
from datetime import UTC, datetime
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from temporalio.exceptions import ApplicationError

from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    ChargeCard,
    HoldPlaced,
    PaymentRefunded,
    PaymentRefused,
    RefundPayment,
)
from tests.payments.payments_under_test import ExpectedPayment, PaymentsUnderTest, Request, Result

BEGINNING = datetime(2026, 3, 1, 12, tzinfo=UTC)
_runs = itertools.count()


class PaymentsModel(RuleBasedStateMachine):
    """The expected state of one claim's payments, kept beside the payments under test.

    `under_test` is set by the test that runs the machine.
    """

    under_test: ClassVar[PaymentsUnderTest]

    def __init__(self) -> None:
        super().__init__()
        self.subject = f"clm_{next(_runs)}"
        self.now = BEGINNING
        self.keys = itertools.count()
        self.known: dict[str, ExpectedPayment] = {}
        self.sent: list[tuple[Request, Result]] = []

    def next_key(self) -> str:
        return f"{self.subject}:{next(self.keys)}"

    def send(self, request: Request, lost: bool) -> Result:
        """Send; when the response is lost, send again under the same key, as a second attempt does."""
        if lost:
            self.under_test.lose_next_response = True
            assert self.fails(request) == ("OutcomeUnknown", False)
        result = self.under_test.send(request)
        self.sent.append((request, result))
        return result

    def fails(self, request: Request) -> tuple[str | None, bool] | None:
        """The error of an attempt, and whether it is non-retryable; None when it succeeds."""
        try:
            self.under_test.send(request)
        except ApplicationError as error:
            return error.type, error.non_retryable
        return None

    def pick(self, data: st.DataObject, kinds: tuple[str, ...]) -> ExpectedPayment:
        """Any payment made so far; more often than not one in one of the states `kinds`."""
        fitting = [k for k in self.known.values() if k.state in kinds]
        everyone = list(self.known.values())
        return data.draw(st.sampled_from(fitting * 3 + everyone))

    def expired_if_due(self, payment: ExpectedPayment) -> ExpectedPayment:
        if payment.state == "authorized" and payment.expires_at is not None and self.now >= payment.expires_at:
            payment.state = "expired"
        return payment

    def capture(self, payment: ExpectedPayment, amount: int, lost: bool) -> None:
        result = self.send(
            CaptureHold(
                subject=self.subject,
                key=self.next_key(),
                at=self.now,
                hold_id=payment.id,
                amount=Money(amount, payment.amount.currency),
                account="default_charges",
            ),
            lost,
        )
        taken = [each for each in self.known.values() if each.expires_at and each.captured != each.refunded]
        if any(each.id != payment.id for each in taken):
            # One hold of a claim is captured, never two (decision 0040).
            assert isinstance(result, PaymentRefused), result
            others = {part.payment_id for part in result.others}
            assert (result.state, others) == ("captured", {each.id for each in taken} - {payment.id})
        elif payment.state == "authorized" and amount <= payment.amount.amount:
            payment.state, payment.captured = "captured", amount
            assert isinstance(result, HoldPlaced), result
            assert result.hold.captured.amount == amount
            self.lets_others_go(payment.id)
        else:
            self.refused(payment, result)

    def lets_others_go(self, payment_id: str) -> None:
        """No other hold is live any more, and the end of each is booked."""
        for other in self.known.values():
            if other.id == payment_id or other.expires_at is None:
                continue
            if self.expired_if_due(other).state == "authorized":
                other.state = "released"
            other.expiry_booked = other.state == "expired"

    def refund(self, payment: ExpectedPayment, amount: int, lost: bool) -> None:
        result = self.send(
            RefundPayment(
                subject=self.subject,
                key=self.next_key(),
                at=self.now,
                payment_id=payment.id,
                amount=Money(amount, payment.amount.currency),
                account="default_charges" if payment.expires_at else "service_fees",
            ),
            lost,
        )
        if payment.state == "captured" and payment.refunded + amount <= payment.captured:
            payment.refunded += amount
            assert isinstance(result, PaymentRefunded), result
            assert result.refunded.amount == payment.refunded
        else:
            assert result == PaymentRefused(state=payment.state)

    def refused(self, payment: ExpectedPayment, result: Result) -> None:
        assert isinstance(result, PaymentRefused), result
        assert result.state == payment.state
        payment.expiry_booked = payment.state == "expired"

    def created(self) -> list[tuple[AuthorizeHold | ChargeCard, str]]:
        """The requests that created a payment, with its id."""
        return [
            (request, result.payment_id)
            for request, result in self.sent
            if isinstance(request, AuthorizeHold | ChargeCard) and isinstance(result, HoldPlaced | CardCharged)
        ]


def share_of(whole: int, share: str) -> int:
    """An amount relative to what there is; never nothing."""
    shares = {"one": 1, "half": whole // 2, "all": whole, "more": whole + 1}
    return max(shares[share], 1)
