"""Fakes of a claim's external services, in memory: they record requests and can be set to fail."""

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
from messages.claims import ShipTo
from messages.mail import MailKind, SendMail
from messages.payments import (
    AuthorizeHold,
    CapturedPart,
    CaptureHold,
    CardCharged,
    CardFound,
    ChargeCard,
    ComparePayments,
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
    PaymentsCompared,
    RefundPayment,
    ReleaseHold,
)
from messages.warehouse import (
    ChangeAddress,
    DispatchLeft,
    DispatchRequested,
    RequestDispatch,
    Warehouse,
    WithdrawDispatch,
)

ResultT = TypeVar("ResultT", bound=Message)


class FakePayments(Payments):
    """A gateway that stores responses by key. `declines` has the cards that decline, by account; `need_their_owner`
    those whose off-session charges are declined; `off_session` the keys of the charges that were asked off session.

    `lost_responses` counts, by purpose, the responses still to be lost. `unresponsive` has the purposes without
    effect and response, "all" for every one. `refuses` has the state returned by a refused capture, release,
    refund, authorization or charge (by the purpose in its key).
    """

    def __init__(self, hold_life: timedelta = timedelta(days=30)) -> None:
        self.hold_life = hold_life
        self.cards = {"pm_card_visa": Card("visa", "credit"), "pm_card_visa_debit": Card("visa", "debit")}
        self.declines: set[tuple[str, str]] = set()
        self.need_their_owner: set[str] = set()
        self.off_session: set[str] = set()
        self.lost_responses: Counter[str] = Counter()
        self.unresponsive: set[str] = set()
        self.refuses: dict[str, str] = {}
        self.soft_declines = 0
        self.results: dict[str, Message] = {}
        self.holds: dict[str, Hold] = {}
        self.charges: dict[str, Money] = {}
        self.refunds: Counter[str] = Counter()
        self.kept: dict[str, Money] = {}
        self.ledger_differs = 0
        self.calls: list[str] = []

    @activity.defn
    async def look_up_card(self, request: LookUpCard) -> CardFound:
        return CardFound(card=self.cards.get(request.payment_method, Card("visa", "credit")))

    @activity.defn
    async def authorize_hold(self, request: AuthorizeHold) -> HoldPlaced | PaymentDeclined | PaymentRefused:
        self._require_available(request.key)
        if "authorize" in self.refuses:
            return PaymentRefused(state=self.refuses["authorize"])
        kind = "renewal" if request.ordinal else "hold"
        if (kind, request.payment_method) in self.declines:
            return self._respond(request.key, PaymentDeclined(code="card_declined", retryable=False))
        if self.soft_declines > 0 and request.ordinal:
            self.soft_declines -= 1
            return self._respond(request.key, PaymentDeclined(code="insufficient_funds", retryable=True))
        nothing = request.amount.zero()
        hold = Hold(request.amount, HoldState.AUTHORIZED, nothing, nothing, request.at + self.hold_life)
        self.holds.setdefault(request.key, hold)
        return self._respond(request.key, HoldPlaced(payment_id=request.key, hold=self.holds[request.key]))

    @activity.defn
    async def hold_and_charge(self, request: HoldAndCharge) -> HeldAndCharged:
        hold = await self.authorize_hold(request.hold)
        if not isinstance(hold, HoldPlaced) or request.fee is None:
            return HeldAndCharged(hold=hold)
        return HeldAndCharged(hold=hold, fee=await self.charge_card(request.fee))

    @activity.defn
    async def capture_hold(self, request: CaptureHold) -> HoldPlaced | PaymentRefused:
        self._require_available(request.key)
        if "capture" in self.refuses:
            return PaymentRefused(state=self.refuses["capture"])
        if request.key not in self.results:
            hold = self._hold(request.hold_id, request.at)
            if hold.state is not HoldState.AUTHORIZED:
                return self._refused(hold)
            assert 0 < request.amount.amount <= hold.amount.amount
            self.holds[request.hold_id] = replace(hold, state=HoldState.CAPTURED, captured=request.amount)
        return self._respond(request.key, HoldPlaced(payment_id=request.hold_id, hold=self.holds[request.hold_id]))

    @activity.defn
    async def release_hold(self, request: ReleaseHold) -> HoldPlaced | PaymentRefused:
        self._require_available(request.key)
        if "release" in self.refuses:
            return PaymentRefused(state=self.refuses["release"])
        if request.key not in self.results:
            hold = self._hold(request.hold_id, request.at)
            if hold.state is not HoldState.AUTHORIZED:
                return self._refused(hold)
            self.holds[request.hold_id] = replace(hold, state=HoldState.RELEASED)
        return self._respond(request.key, HoldPlaced(payment_id=request.hold_id, hold=self.holds[request.hold_id]))

    @activity.defn
    async def charge_card(self, request: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused:
        self._require_available(request.key)
        if (purpose := request.key.split(":")[1]) in self.refuses:
            return PaymentRefused(state=self.refuses[purpose])
        if request.off_session:
            self.off_session.add(request.key)
        if (request.account, request.payment_method) in self.declines:
            return self._respond(request.key, PaymentDeclined(code="card_declined", retryable=False))
        if request.off_session and request.payment_method in self.need_their_owner:
            return self._respond(request.key, PaymentDeclined(code="authentication_required", retryable=False))
        self.charges.setdefault(request.key, request.amount)
        return self._respond(request.key, CardCharged(payment_id=request.key, amount=request.amount))

    @activity.defn
    async def refund_payment(self, request: RefundPayment) -> PaymentRefunded | PaymentRefused:
        self._require_available(request.key)
        if "refund" in self.refuses:
            return PaymentRefused(state=self.refuses["refund"])
        if request.key not in self.results:
            self.refunds[request.payment_id] += request.amount.amount
            captured = self.holds[request.payment_id].captured if request.payment_id in self.holds else None
            limit = captured or self.charges[request.payment_id]
            assert self.refunds[request.payment_id] <= limit.amount, "refunded more than was paid"
        refunded = Money(self.refunds[request.payment_id], request.amount.currency)
        return self._respond(request.key, PaymentRefunded(payment_id=request.payment_id, refunded=refunded))

    @activity.defn
    async def look_at_hold(self, request: LookAtHold) -> HoldPlaced | PaymentRefused:
        self._require_available(request.key)
        self.calls.append(request.key)
        if request.hold_id not in self.holds:
            return PaymentRefused(state="unknown")
        return HoldPlaced(payment_id=request.hold_id, hold=self._hold(request.hold_id, request.at))

    @activity.defn
    async def keep_deposit(self, request: KeepDeposit) -> None:
        self._require_available(request.key)
        self.calls.append(request.key)
        self.kept[request.key] = request.amount

    @activity.defn
    async def compare_payments(self, request: ComparePayments) -> PaymentsCompared:
        """The ledger always agrees, except by `ledger_differs`."""
        self._require_available(request.key)
        kept = Money(self.net_paid(request.subject), request.currency)
        holds = [
            CapturedPart(payment_id=key, reference=key, hold=hold, account="captured_elsewhere")
            for key, hold in self.holds.items()
            if key.startswith(request.subject) and hold.captured.amount > self.refunds[key]
        ]
        differs = Money(self.ledger_differs, request.currency)
        return PaymentsCompared(gateway=kept, ledger=kept + differs, holds=tuple(holds))

    def capture_by_hand(self, hold_id: str, amount: int | None = None) -> None:
        """Somebody captures the hold, or `amount` of it, on the gateway's own pages."""
        hold = self.holds[hold_id]
        captured = hold.amount if amount is None else Money(amount, hold.amount.currency)
        self.holds[hold_id] = replace(hold, state=HoldState.CAPTURED, captured=captured)

    def net_paid(self, subject: str = "") -> int:
        """The sum the customer paid, for one claim or all: captured and charged, less refunds. Minor units."""
        captured = {key: hold.captured.amount for key, hold in self.holds.items()}
        charged = {key: charge.amount for key, charge in self.charges.items()}
        paid = Counter(captured) + Counter(charged)
        paid.subtract(self.refunds)
        return sum(amount for key, amount in paid.items() if key.startswith(subject))

    def live_holds(self) -> int:
        return sum(hold.state is HoldState.AUTHORIZED for hold in self.holds.values())

    def _require_available(self, key: str) -> None:
        if self.unresponsive & {"all", key.split(":")[1]}:
            raise ApplicationError("no response", type="OutcomeUnknown")

    def _hold(self, hold_id: str, at: datetime) -> Hold:
        hold = self.holds[hold_id]
        if hold.state is HoldState.AUTHORIZED and hold.expires_at and hold.expires_at < at:
            hold = self.holds[hold_id] = replace(hold, state=HoldState.EXPIRED)
        return hold

    def _refused(self, hold: Hold) -> PaymentRefused:
        return PaymentRefused(state=hold.state, hold=hold if hold.state is HoldState.CAPTURED else None)

    def _respond(self, key: str, result: ResultT) -> ResultT:
        """Store the response, then lose it if set to: the effect has happened all the same."""
        self.calls.append(key)
        self.results.setdefault(key, result)
        purpose = key.split(":")[1]
        if self.lost_responses[purpose] > 0:
            self.lost_responses[purpose] -= 1
            raise ApplicationError("the response was lost", type="OutcomeUnknown")
        first = self.results[key]
        assert isinstance(first, type(result))
        return first


class FakeWarehouse(Warehouse):
    """A warehouse that keeps the requests it was given. With `too_late` nothing can be stopped any more; while it is
    `unresponsive` it answers no withdrawal and no other address."""

    def __init__(self) -> None:
        self.requested: dict[str, RequestDispatch] = {}
        self.withdrawn: set[str] = set()
        self.addresses: dict[str, ShipTo] = {}
        self.too_late = False
        self.unresponsive = False

    @activity.defn
    async def request_dispatch(self, request: RequestDispatch) -> DispatchRequested:
        self.requested[request.claim_id] = request
        self.withdrawn.discard(request.claim_id)
        return DispatchRequested(reference=f"WH-{len(self.requested)}")

    @activity.defn
    async def withdraw_dispatch(self, request: WithdrawDispatch) -> DispatchLeft | None:
        if self.unresponsive:
            raise ApplicationError("no response", type="OutcomeUnknown")
        if self.too_late:
            return DispatchLeft()
        self.withdrawn.add(request.claim_id)
        return None

    @activity.defn
    async def change_address(self, request: ChangeAddress) -> DispatchLeft | None:
        if self.unresponsive:
            raise ApplicationError("no response", type="OutcomeUnknown")
        if self.too_late:
            return DispatchLeft()
        self.addresses[request.claim_id] = request.ship_to
        return None


class FakeMail:
    """The outbox: the mails of the claims, once a kind and occurrence."""

    def __init__(self) -> None:
        self.sent: list[SendMail] = []

    def write(self, mail: SendMail) -> None:
        if not any(known.kind is mail.kind and known.occurrence == mail.occurrence for known in self.sent):
            self.sent.append(mail)

    def kinds(self) -> list[MailKind]:
        return [mail.kind for mail in self.sent]
