"""A state machine over simulated payments: the invariants of payments.md hold for any sequence of requests.

It has a model of every payment, requests amounts relative to it, lets time pass, loses responses and repeats requests.
After each step it compares the model with gateway and ledger.
"""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from activities.payments.simulated.cards import card_details, hold_lifetime
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CardCharged,
    ChargeCard,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    PaymentDeclined,
    ReleaseHold,
)
from store.reads.ledger import CARD, HOLDS_OPEN
from tests.payments.payments_model import PaymentsModel, share_of
from tests.payments.payments_under_test import ExpectedPayment

CURRENCIES = st.sampled_from(["USD", "JPY"])
CARDS = st.sampled_from(["pm_card_visa", "pm_card_visa", "pm_card_amex", "pm_card_chargeDeclined"])
ALONE = st.booleans()
LOST = st.sampled_from([False, False, False, True])
SHARES = st.sampled_from(["one", "half", "all", "more"])


class PaymentsStateMachine(PaymentsModel):
    """The rules: random requests for one claim's payments, with lost responses and repetitions."""

    @rule(amount=st.integers(2, 500_000), currency=CURRENCIES, card=CARDS, alone=ALONE, lost=LOST)
    def places_a_hold(self, amount: int, currency: str, card: str, alone: bool, lost: bool) -> None:
        request = AuthorizeHold(
            subject=self.subject,
            key=self.next_key(),
            at=self.now,
            amount=Money(amount, currency),
            payment_method=card,
            off_session=alone,
        )
        result = self.send(request, lost)
        if card == "pm_card_chargeDeclined":
            assert result == PaymentDeclined(code="card_declined", retryable=False)
            return
        assert isinstance(result, HoldPlaced)
        assert result.payment_id not in self.known
        behind = card_details(card)
        assert behind is not None
        assert result.hold.expires_at == self.now + hold_lifetime(behind, off_session=alone, extended=False)
        self.known[result.payment_id] = ExpectedPayment(
            result.payment_id, request.amount, result.hold.expires_at, "authorized"
        )

    @rule(amount=st.integers(1, 500_000), currency=CURRENCIES, card=CARDS, lost=LOST)
    def charges_a_card(self, amount: int, currency: str, card: str, lost: bool) -> None:
        request = ChargeCard(
            subject=self.subject,
            key=self.next_key(),
            at=self.now,
            amount=Money(amount, currency),
            payment_method=card,
            account="service_fees",
        )
        result = self.send(request, lost)
        if card == "pm_card_chargeDeclined":
            assert result == PaymentDeclined(code="card_declined", retryable=False)
            return
        assert isinstance(result, CardCharged)
        assert result.payment_id not in self.known
        assert result.amount == request.amount
        self.known[result.payment_id] = ExpectedPayment(
            result.payment_id, request.amount, None, "captured", captured=amount
        )

    @precondition(lambda self: self.known)
    @rule(data=st.data(), share=SHARES, lost=LOST)
    def captures(self, data: st.DataObject, share: str, lost: bool) -> None:
        payment = self.expired_if_due(self.pick(data, ("authorized",)))
        self.capture(payment, share_of(payment.amount.amount, share), lost)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), lost=LOST)
    def captures_a_little_too_much(self, data: st.DataObject, lost: bool) -> None:
        payment = self.expired_if_due(self.pick(data, ("authorized",)))
        self.capture(payment, payment.amount.amount + 1, lost)

    @precondition(lambda self: any(known.state != "authorized" for known in self.known.values()))
    @rule(data=st.data(), lost=LOST)
    def captures_what_has_ended(self, data: st.DataObject, lost: bool) -> None:
        payment = data.draw(st.sampled_from([k for k in self.known.values() if k.state != "authorized"]))
        self.capture(payment, payment.amount.amount, lost)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), others=st.booleans(), lost=LOST)
    def releases(self, data: st.DataObject, others: bool, lost: bool) -> None:
        payment = self.expired_if_due(self.pick(data, ("authorized",)))
        request = ReleaseHold(subject=self.subject, key=self.next_key(), at=self.now, hold_id=payment.id, others=others)
        result = self.send(request, lost)
        if payment.state == "authorized":
            payment.state = "released"
            assert isinstance(result, HoldPlaced), result
        else:
            self.refused(payment, result)
        if others:
            self.lets_others_go(payment.id)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), lost=LOST)
    def looks(self, data: st.DataObject, lost: bool) -> None:
        payment = self.expired_if_due(self.pick(data, ("authorized",)))
        result = self.send(LookAtHold(subject=self.subject, key=self.next_key(), at=self.now, hold_id=payment.id), lost)
        assert isinstance(result, HoldPlaced)
        assert result.hold.state == payment.state
        payment.expiry_booked = payment.state == "expired"

    @rule(amount=st.integers(1, 500_000), currency=CURRENCIES)
    def keeps_a_deposit(self, amount: int, currency: str) -> None:
        request = KeepDeposit(
            subject=self.subject,
            key=self.next_key(),
            at=self.now,
            amount=Money(amount, currency),
            account="default_charges",
        )
        self.under_test.send(request)  # never lost: no gateway is called

    @precondition(lambda self: self.known)
    @rule(data=st.data(), share=SHARES, lost=LOST)
    def refunds(self, data: st.DataObject, share: str, lost: bool) -> None:
        payment = self.expired_if_due(self.pick(data, ("captured",)))
        self.refund(payment, share_of(payment.captured - payment.refunded, share), lost)

    @precondition(lambda self: any(known.refunded for known in self.known.values()))
    @rule(data=st.data(), lost=LOST)
    def refunds_again_a_little_too_much(self, data: st.DataObject, lost: bool) -> None:
        payment = data.draw(st.sampled_from([k for k in self.known.values() if k.refunded]))
        self.refund(payment, payment.captured - payment.refunded + 1, lost)

    @rule(hours=st.sampled_from([1, 24, 24 * 4 + 18, 24 * 6, 24 * 7]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def repeats_a_request(self, data: st.DataObject) -> None:
        """The recorded result is returned and nothing is sent; a look is never recorded."""
        request, result = data.draw(st.sampled_from(self.sent))
        again = self.under_test.send(request)
        if isinstance(request, LookAtHold):
            assert isinstance(again, HoldPlaced)
            payment = self.known[request.hold_id]
            payment.expiry_booked = payment.state == "expired"
        else:
            assert again == result

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def repeats_a_key_at_the_gateway(self, data: st.DataObject) -> None:
        """The gateway recognises its keys even when no attempt was recorded, because of a crash."""
        request, payment_id = data.draw(st.sampled_from(self.created()))
        assert self.under_test.repeat_at_gateway(request, request.amount) == payment_id
        assert self.under_test.repeat_at_gateway(request, request.amount + Money(1, request.amount.currency)) is None

    @precondition(lambda self: any(not isinstance(request, LookAtHold) for request, _ in self.sent))
    @rule(data=st.data())
    def uses_a_key_for_something_else(self, data: st.DataObject) -> None:
        # A look moves nothing, so nothing is remembered under its key.
        request, _ = data.draw(st.sampled_from([a for a in self.sent if not isinstance(a[0], LookAtHold)]))
        other = ChargeCard(
            subject=self.subject,
            key=request.key,
            at=self.now,
            amount=Money(777_777, "USD"),
            payment_method="pm_card_visa",
            account="default_charges",
        )
        assert self.fails(other) == ("KeyReused", True)

    @invariant()
    def gateway_and_ledger_agree_with_the_results(self) -> None:
        found = self.under_test.found(self.subject, self.now)
        assert set(found) == set(self.known)
        taken: dict[str, int] = {}
        held: dict[str, int] = {}
        for payment_id, payment in found.items():
            mine = self.expired_if_due(self.known[payment_id])
            # 1, 6: one end, and it stays. 2, 3, 4: sums.
            assert payment.status == mine.state
            assert payment.capture_before == mine.expires_at
            assert (payment.captured.amount, payment.refunded.amount) == (mine.captured, mine.refunded)
            assert 0 <= payment.refunded.amount <= payment.captured.amount <= payment.amount.amount
            assert (payment.captured.amount > 0) == (payment.status == "captured")
            assert payment.held.amount == (mine.amount.amount if mine.state == "authorized" else 0)
            currency = payment.amount.currency
            taken[currency] = taken.get(currency, 0) + payment.captured.amount - payment.refunded.amount
            still = payment.held.amount
            if mine.state == "expired" and not mine.expiry_booked:
                still = payment.amount.amount  # an expiry is booked when the hold is next read
            held[currency] = held.get(currency, 0) + still
        balances = self.under_test.balances(self.subject)
        for currency, amount in taken.items():  # 13, 14
            assert sum(account.get(currency, 0) for account in balances.values()) == 0
            assert balances.get(CARD, {}).get(currency, 0) == -amount
            assert balances.get(HOLDS_OPEN, {}).get(currency, 0) == held[currency]
