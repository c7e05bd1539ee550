"""A state machine over simulated payments: whatever is asked in whatever order, payments.md's invariants hold.

It keeps its own idea of every payment, asks for amounts relative to it, lets time pass, loses answers and repeats
requests. It knows nothing of the database but the two views it looks at after each step: gateway and ledger.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.gateway import Gateway, Payment
from activities.payments import GatewayPayments
from activities.simulated_bank import SimulatedBank
from activities.simulated_cards import card_behind, hold_window
from activities.simulated_gateway import SimulatedGateway
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    ChargeCard,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    RefundPayment,
    ReleaseHold,
)
from store.database import Database
from store.ledger_view import CARD, HOLDS_OPEN, ledger

Ask = AuthorizeHold | CaptureHold | ReleaseHold | LookAtHold | ChargeCard | RefundPayment | KeepDeposit
Answer = HoldPlaced | CardCharged | PaymentRefunded | PaymentDeclined | PaymentRefused | None
BEGINNING = datetime(2026, 3, 1, 12, tzinfo=UTC)
_runs = itertools.count()


@dataclass
class Known:
    """What the machine believes of one payment."""

    id: str
    amount: Money
    expires_at: datetime | None
    state: str
    captured: int = 0
    refunded: int = 0
    expiry_booked: bool = False


@dataclass
class World:
    """What is tested, and the loop it runs in: hypothesis calls rules, not coroutines."""

    database: Database
    loop: asyncio.AbstractEventLoop
    bank: Callable[[AsyncSession], Gateway] = SimulatedBank
    payments: type[GatewayPayments] = GatewayPayments
    losing: bool = field(default=False)
    """Whether the next answer gets lost."""

    def __post_init__(self) -> None:
        self.gateway = SimulatedGateway(self.database, environment="test", lose_answers=self._loses, bank=self.bank)
        self.party = self.payments(self.gateway)

    def _loses(self, _key: str) -> bool:
        lost, self.losing = self.losing, False
        return lost

    def ask(self, request: Ask) -> Answer:
        """One attempt of an activity."""
        return self.loop.run_until_complete(self._ask(request))

    async def _ask(self, request: Ask) -> Answer:
        match request:
            case AuthorizeHold():
                return await self.party.authorize_hold(request)
            case CaptureHold():
                return await self.party.capture_hold(request)
            case ReleaseHold():
                return await self.party.release_hold(request)
            case LookAtHold():
                return await self.party.look_at_hold(request)
            case ChargeCard():
                return await self.party.charge_card(request)
            case RefundPayment():
                return await self.party.refund_payment(request)
            case KeepDeposit():
                await self.party.keep_deposit(request)
                return None

    def found(self, subject: str, at: datetime) -> dict[str, Payment]:
        """Every payment of the subject as the gateway has it."""
        payments = self.loop.run_until_complete(self.gateway.find(subject, at=at))
        return {payment.id: payment for payment in payments}

    def balances(self, subject: str) -> dict[str, dict[str, int]]:
        """The ledger's balances by account and currency."""

        async def read() -> Any:
            async with self.database.reading() as session:
                return (await ledger(session, subject)).balances

        balances = self.loop.run_until_complete(read())
        return {account: {m.currency: m.amount for m in amounts} for account, amounts in balances.items()}


CURRENCIES = st.sampled_from(["USD", "JPY"])
CARDS = st.sampled_from(["pm_card_visa", "pm_card_visa", "pm_card_amex", "pm_card_chargeDeclined"])
ALONE = st.booleans()
LOST = st.sampled_from([False, False, False, True])
SHARES = st.sampled_from(["one", "half", "all", "more"])


class PaymentsMachine(RuleBasedStateMachine):
    """One claim's payments. `world` is set by the test that runs it."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.subject = f"clm_{next(_runs)}"
        self.now = BEGINNING
        self.keys = itertools.count()
        self.known: dict[str, Known] = {}
        self.asked: list[tuple[Ask, Answer]] = []

    def next_key(self) -> str:
        return f"{self.subject}:{next(self.keys)}"

    def ask(self, request: Ask, lost: bool) -> Answer:
        """Ask; when the answer gets lost, ask again under the same key, as a second attempt does."""
        if lost:
            self.world.losing = True
            assert self.fails(request) == ("OutcomeUnknown", False)
        answer = self.world.ask(request)
        self.asked.append((request, answer))
        return answer

    def fails(self, request: Ask) -> tuple[str | None, bool] | None:
        """With which error an attempt fails, and whether for good; None when it was answered."""
        try:
            self.world.ask(request)
        except ApplicationError as error:
            return error.type, error.non_retryable
        return None

    def pick(self, data: st.DataObject, kinds: tuple[str, ...]) -> Known:
        """Any payment made so far; more often than not one in one of the states `kinds`."""
        fitting = [k for k in self.known.values() if k.state in kinds]
        everyone = list(self.known.values())
        return data.draw(st.sampled_from(fitting * 3 + everyone))

    def touched(self, payment: Known) -> Known:
        if payment.state == "authorized" and payment.expires_at is not None and self.now >= payment.expires_at:
            payment.state = "expired"
        return payment

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
        answer = self.ask(request, lost)
        if card == "pm_card_chargeDeclined":
            assert answer == PaymentDeclined(code="card_declined", retryable=False)
            return
        assert isinstance(answer, HoldPlaced)
        assert answer.payment_id not in self.known
        behind = card_behind(card)
        assert behind is not None
        assert answer.hold.expires_at == self.now + hold_window(behind, off_session=alone, extended=False)
        self.known[answer.payment_id] = Known(answer.payment_id, request.amount, answer.hold.expires_at, "authorized")

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
        answer = self.ask(request, lost)
        if card == "pm_card_chargeDeclined":
            assert answer == PaymentDeclined(code="card_declined", retryable=False)
            return
        assert isinstance(answer, CardCharged)
        assert answer.payment_id not in self.known
        assert answer.amount == request.amount
        self.known[answer.payment_id] = Known(answer.payment_id, request.amount, None, "captured", captured=amount)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), share=SHARES, lost=LOST)
    def captures(self, data: st.DataObject, share: str, lost: bool) -> None:
        payment = self.touched(self.pick(data, ("authorized",)))
        self.capture(payment, _share(payment.amount.amount, share), lost)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), lost=LOST)
    def captures_a_little_too_much(self, data: st.DataObject, lost: bool) -> None:
        payment = self.touched(self.pick(data, ("authorized",)))
        self.capture(payment, payment.amount.amount + 1, lost)

    @precondition(lambda self: any(known.state != "authorized" for known in self.known.values()))
    @rule(data=st.data(), lost=LOST)
    def captures_what_has_ended(self, data: st.DataObject, lost: bool) -> None:
        payment = data.draw(st.sampled_from([k for k in self.known.values() if k.state != "authorized"]))
        self.capture(payment, payment.amount.amount, lost)

    def capture(self, payment: Known, amount: int, lost: bool) -> None:
        answer = self.ask(
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
        if payment.state == "authorized" and amount <= payment.amount.amount:
            payment.state, payment.captured = "captured", amount
            assert isinstance(answer, HoldPlaced), answer
            assert answer.hold.captured.amount == amount
            self.lets_others_go(payment.id)
        else:
            self.refused(payment, answer)

    @precondition(lambda self: self.known)
    @rule(data=st.data(), others=st.booleans(), lost=LOST)
    def releases(self, data: st.DataObject, others: bool, lost: bool) -> None:
        payment = self.touched(self.pick(data, ("authorized",)))
        request = ReleaseHold(subject=self.subject, key=self.next_key(), at=self.now, hold_id=payment.id, others=others)
        answer = self.ask(request, lost)
        if payment.state == "authorized":
            payment.state = "released"
            assert isinstance(answer, HoldPlaced), answer
        else:
            self.refused(payment, answer)
        if others:
            self.lets_others_go(payment.id)

    def lets_others_go(self, payment_id: str) -> None:
        """No hold beside the one that was asked about lives on, and the ledger knows how each ended."""
        for other in self.known.values():
            if other.id == payment_id or other.expires_at is None:
                continue
            if self.touched(other).state == "authorized":
                other.state = "released"
            other.expiry_booked = other.state == "expired"

    @precondition(lambda self: self.known)
    @rule(data=st.data(), lost=LOST)
    def looks(self, data: st.DataObject, lost: bool) -> None:
        payment = self.touched(self.pick(data, ("authorized",)))
        answer = self.ask(LookAtHold(subject=self.subject, key=self.next_key(), at=self.now, hold_id=payment.id), lost)
        assert isinstance(answer, HoldPlaced)
        assert answer.hold.state == payment.state
        payment.expiry_booked = payment.state == "expired"

    @rule(amount=st.integers(1, 500_000), currency=CURRENCIES)
    def keeps_a_deposit(self, amount: int, currency: str) -> None:
        asked = KeepDeposit(
            subject=self.subject,
            key=self.next_key(),
            at=self.now,
            amount=Money(amount, currency),
            account="default_charges",
        )
        self.world.ask(asked)  # never lost: no gateway is asked

    @precondition(lambda self: self.known)
    @rule(data=st.data(), share=SHARES, lost=LOST)
    def refunds(self, data: st.DataObject, share: str, lost: bool) -> None:
        payment = self.touched(self.pick(data, ("captured",)))
        self.refund(payment, _share(payment.captured - payment.refunded, share), lost)

    @precondition(lambda self: any(known.refunded for known in self.known.values()))
    @rule(data=st.data(), lost=LOST)
    def refunds_again_a_little_too_much(self, data: st.DataObject, lost: bool) -> None:
        payment = data.draw(st.sampled_from([k for k in self.known.values() if k.refunded]))
        self.refund(payment, payment.captured - payment.refunded + 1, lost)

    def refund(self, payment: Known, amount: int, lost: bool) -> None:
        answer = self.ask(
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
            assert isinstance(answer, PaymentRefunded), answer
            assert answer.refunded.amount == payment.refunded
        else:
            assert answer == PaymentRefused(state=payment.state)

    def refused(self, payment: Known, answer: Answer) -> None:
        assert answer == PaymentRefused(state=payment.state)
        payment.expiry_booked = payment.state == "expired"

    @rule(hours=st.sampled_from([1, 24, 24 * 4 + 18, 24 * 6, 24 * 7]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def asks_again_under_the_same_key(self, data: st.DataObject) -> None:
        request, answer = data.draw(st.sampled_from(self.asked))
        again = self.world.ask(request)
        if isinstance(request, CaptureHold | ReleaseHold) and self.swept(request, answer):
            self.lets_others_go(request.hold_id)
        if isinstance(request, CaptureHold | ReleaseHold | LookAtHold):
            asked_about = self.known[request.hold_id]
            asked_about.expiry_booked = asked_about.state == "expired"
        if isinstance(request, LookAtHold) or isinstance(answer, PaymentRefused):
            assert isinstance(again, PaymentRefused | HoldPlaced)  # with the state of now
        else:
            assert again == answer

    def swept(self, request: CaptureHold | ReleaseHold, answer: Answer) -> bool:
        """Whether the request let other holds go, and so does again."""
        return request.others if isinstance(request, ReleaseHold) else isinstance(answer, HoldPlaced)

    @precondition(lambda self: any(not isinstance(request, LookAtHold) for request, _ in self.asked))
    @rule(data=st.data())
    def uses_a_key_for_something_else(self, data: st.DataObject) -> None:
        # A look moves nothing, so nothing is remembered under its key.
        request, _ = data.draw(st.sampled_from([a for a in self.asked if not isinstance(a[0], LookAtHold)]))
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
    def gateway_and_ledger_agree_with_what_was_answered(self) -> None:
        found = self.world.found(self.subject, self.now)
        assert set(found) == set(self.known)
        taken: dict[str, int] = {}
        held: dict[str, int] = {}
        for payment_id, payment in found.items():
            mine = self.touched(self.known[payment_id])
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
                still = payment.amount.amount  # the ledger hears of an expiry when somebody asks for the hold
            held[currency] = held.get(currency, 0) + still
        balances = self.world.balances(self.subject)
        for currency, amount in taken.items():  # 13, 14
            assert sum(account.get(currency, 0) for account in balances.values()) == 0
            assert balances.get(CARD, {}).get(currency, 0) == -amount
            assert balances.get(HOLDS_OPEN, {}).get(currency, 0) == held[currency]


def _share(whole: int, share: str) -> int:
    """An amount relative to what there is; never nothing."""
    shares = {"one": 1, "half": whole // 2, "all": whole, "more": whole + 1}
    return max(shares[share], 1)
