"""The outside parties of a claim, by hand and in memory: they remember what was done and can be told to misbehave."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from domain.claim import Hold
from domain.eligibility import Card
from domain.kinds import HoldState
from domain.money import Money
from messages.base import Message
from messages.mail import MailKind, SendMail
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    HeldAndCharged,
    HoldAndCharge,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    LookUpCard,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    RefundPayment,
    ReleaseHold,
)
from messages.warehouse import DispatchRequested, RequestDispatch, Warehouse, WithdrawDispatch

Answer = TypeVar("Answer", bound=Message)


class FakePayments(Payments):
    """A gateway that remembers answers by key. `declines` names cards.

    `lost_answers` counts, by purpose, the answers still to be lost. `silent` has the purposes of which nothing is done
    and nothing answered, "all" for every one. `refuses` has, by what is refused (capture, release, refund), the state
    that is answered.
    """

    def __init__(self, hold_life: timedelta = timedelta(days=30)) -> None:
        self.hold_life = hold_life
        self.cards = {"pm_card_visa": Card("visa", "credit"), "pm_card_visa_debit": Card("visa", "debit")}
        self.declines: set[tuple[str, str]] = set()
        self.lost_answers: Counter[str] = Counter()
        self.silent: set[str] = set()
        self.refuses: dict[str, str] = {}
        self.soft_declines = 0
        self.answers: dict[str, Message] = {}
        self.holds: dict[str, Hold] = {}
        self.charges: dict[str, Money] = {}
        self.refunds: Counter[str] = Counter()
        self.kept: dict[str, Money] = {}
        self.calls: list[str] = []

    @activity.defn
    async def look_up_card(self, ask: LookUpCard) -> CardFound:
        return CardFound(card=self.cards.get(ask.payment_method, Card("visa", "credit")))

    @activity.defn
    async def authorize_hold(self, ask: AuthorizeHold) -> HoldPlaced | PaymentDeclined:
        self._reach(ask.key)
        kind = "renewal" if ask.ordinal else "hold"
        if (kind, ask.payment_method) in self.declines:
            return self._answer(ask.key, PaymentDeclined(code="card_declined", retryable=False))
        if self.soft_declines > 0 and ask.ordinal:
            self.soft_declines -= 1
            return self._answer(ask.key, PaymentDeclined(code="insufficient_funds", retryable=True))
        nothing = ask.amount.zero()
        hold = Hold(ask.amount, HoldState.AUTHORIZED, nothing, nothing, ask.at + self.hold_life)
        self.holds.setdefault(ask.key, hold)
        return self._answer(ask.key, HoldPlaced(payment_id=ask.key, hold=self.holds[ask.key]))

    @activity.defn
    async def hold_and_charge(self, ask: HoldAndCharge) -> HeldAndCharged:
        hold = await self.authorize_hold(ask.hold)
        if isinstance(hold, PaymentDeclined) or ask.fee is None:
            return HeldAndCharged(hold=hold)
        return HeldAndCharged(hold=hold, fee=await self.charge_card(ask.fee))

    @activity.defn
    async def capture_hold(self, ask: CaptureHold) -> HoldPlaced | PaymentRefused:
        self._reach(ask.key)
        if "capture" in self.refuses:
            return PaymentRefused(state=self.refuses["capture"])
        if ask.key not in self.answers:
            hold = self._hold(ask.hold_id, ask.at)
            if hold.state is not HoldState.AUTHORIZED:
                return PaymentRefused(state=hold.state)
            assert 0 < ask.amount.amount <= hold.amount.amount
            self.holds[ask.hold_id] = replace(hold, state=HoldState.CAPTURED, captured=ask.amount)
        return self._answer(ask.key, HoldPlaced(payment_id=ask.hold_id, hold=self.holds[ask.hold_id]))

    @activity.defn
    async def release_hold(self, ask: ReleaseHold) -> HoldPlaced | PaymentRefused:
        self._reach(ask.key)
        if "release" in self.refuses:
            return PaymentRefused(state=self.refuses["release"])
        if ask.key not in self.answers:
            hold = self._hold(ask.hold_id, ask.at)
            if hold.state is not HoldState.AUTHORIZED:
                return PaymentRefused(state=hold.state)
            self.holds[ask.hold_id] = replace(hold, state=HoldState.RELEASED)
        return self._answer(ask.key, HoldPlaced(payment_id=ask.hold_id, hold=self.holds[ask.hold_id]))

    @activity.defn
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined:
        self._reach(ask.key)
        if (ask.account, ask.payment_method) in self.declines:
            return self._answer(ask.key, PaymentDeclined(code="card_declined", retryable=False))
        self.charges.setdefault(ask.key, ask.amount)
        return self._answer(ask.key, CardCharged(payment_id=ask.key, amount=ask.amount))

    @activity.defn
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused:
        self._reach(ask.key)
        if "refund" in self.refuses:
            return PaymentRefused(state=self.refuses["refund"])
        if ask.key not in self.answers:
            self.refunds[ask.payment_id] += ask.amount.amount
            captured = self.holds[ask.payment_id].captured if ask.payment_id in self.holds else None
            limit = captured or self.charges[ask.payment_id]
            assert self.refunds[ask.payment_id] <= limit.amount, "refunded more than was taken"
        refunded = Money(self.refunds[ask.payment_id], ask.amount.currency)
        return self._answer(ask.key, PaymentRefunded(payment_id=ask.payment_id, refunded=refunded))

    @activity.defn
    async def look_at_hold(self, ask: LookAtHold) -> HoldPlaced | PaymentRefused:
        self._reach(ask.key)
        self.calls.append(ask.key)
        if ask.hold_id not in self.holds:
            return PaymentRefused(state="unknown")
        return HoldPlaced(payment_id=ask.hold_id, hold=self._hold(ask.hold_id, ask.at))

    @activity.defn
    async def keep_deposit(self, ask: KeepDeposit) -> None:
        self._reach(ask.key)
        self.calls.append(ask.key)
        self.kept[ask.key] = ask.amount

    def taken(self) -> int:
        """What the customer has paid in the end: captured and charged, less refunds. Minor units."""
        captured = sum(hold.captured.amount for hold in self.holds.values())
        return captured + sum(charge.amount for charge in self.charges.values()) - self.refunds.total()

    def live_holds(self) -> int:
        return sum(hold.state is HoldState.AUTHORIZED for hold in self.holds.values())

    def _reach(self, key: str) -> None:
        if self.silent & {"all", key.split(":")[1]}:
            raise ApplicationError("nobody answers", type="OutcomeUnknown")

    def _hold(self, hold_id: str, at: datetime) -> Hold:
        hold = self.holds[hold_id]
        if hold.state is HoldState.AUTHORIZED and hold.expires_at and hold.expires_at < at:
            hold = self.holds[hold_id] = replace(hold, state=HoldState.EXPIRED)
        return hold

    def _answer(self, key: str, answer: Answer) -> Answer:
        """Remember the answer, then lose it if asked to: the effect has happened all the same."""
        self.calls.append(key)
        self.answers.setdefault(key, answer)
        purpose = key.split(":")[1]
        if self.lost_answers[purpose] > 0:
            self.lost_answers[purpose] -= 1
            raise ApplicationError("the answer was lost", type="OutcomeUnknown")
        first = self.answers[key]
        assert isinstance(first, type(answer))
        return first


class FakeWarehouse(Warehouse):
    """A warehouse that keeps the requests it was given."""

    def __init__(self) -> None:
        self.requested: dict[str, RequestDispatch] = {}
        self.withdrawn: set[str] = set()

    @activity.defn
    async def request_dispatch(self, ask: RequestDispatch) -> DispatchRequested:
        self.requested[ask.claim_id] = ask
        return DispatchRequested(reference=f"WH-{len(self.requested)}")

    @activity.defn
    async def withdraw_dispatch(self, ask: WithdrawDispatch) -> None:
        self.withdrawn.add(ask.claim_id)


class FakeMail:
    """The outbox: what the claims have written to be sent, once a kind and occurrence."""

    def __init__(self) -> None:
        self.sent: list[SendMail] = []

    def write(self, mail: SendMail) -> None:
        if not any(known.kind is mail.kind and known.occurrence == mail.occurrence for known in self.sent):
            self.sent.append(mail)

    def kinds(self) -> list[MailKind]:
        return [mail.kind for mail in self.sent]
