"""Messages: what is asked of the payment gateway. Money is minor units; a decline is an answer, not an error."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Literal

from temporalio import activity

from domain.claim import Hold
from domain.eligibility import Card
from domain.money import Money
from messages.base import Message

TakeAccount = Literal["default_charges", "parts_charges", "deposits"]
Account = Literal[
    "service_fees",
    "flyaway_fees",
    "repair_fees",
    "plan_sales",
    "default_charges",
    "parts_charges",
    "deposits",
]


class LookUpCard(Message):
    """Ask what kind of card `payment_method` (a gateway token) is. Nothing is charged or held."""

    payment_method: str


class CardFound(Message):
    """`card` is None when the gateway does not know the payment method."""

    card: Card | None


class PaymentRequest(Message):
    """`key` is the idempotency key, `at` the moment on the claim's clock, `subject` the claim or purchase it is for.

    A key names what the request acts upon and what it means: `{claim}:capture:{ordinal of the hold}`. Only the table of
    payment attempts says whether it was used; `at` says nothing of its age and may differ when a request is repeated.
    """

    subject: str
    key: str
    at: datetime


class AuthorizeHold(PaymentRequest):
    """Place a hold of `amount`. `ordinal` counts the holds of the claim from 0.

    `off_session`: nobody is there to confirm.
    """

    amount: Money
    payment_method: str
    ordinal: int = 0
    off_session: bool = False


class CaptureHold(PaymentRequest):
    """Take `amount` of the hold, once; the rest is released by the gateway, and so is every other live hold of the
    subject: one left over from an answer that never came must not outlive the verdict."""

    hold_id: str
    amount: Money
    account: TakeAccount


class ReleaseHold(PaymentRequest):
    """Let the hold go; with `others` every other live hold of the subject too, found by reference."""

    hold_id: str
    others: bool = False


class LookAtHold(PaymentRequest):
    """Ask the gateway what has become of a hold. Nothing moves; an expiry that comes to light is booked."""

    hold_id: str


class KeepDeposit(PaymentRequest):
    """Of a deposit taken earlier, `amount` is kept for `account`. The ledger alone moves; the card does not."""

    amount: Money
    account: TakeAccount


class ChargeCard(PaymentRequest):
    """Charge `amount` to `payment_method`. `account` says in the ledger what for; `off_session`: nobody is there to
    confirm."""

    amount: Money
    payment_method: str
    account: Account
    off_session: bool = False


class HoldAndCharge(Message):
    """Place the hold and, once it stands, charge the fee, each under its own key. `fee` is None for a free service."""

    hold: AuthorizeHold
    fee: ChargeCard | None


class RefundPayment(PaymentRequest):
    """Give back `amount` of a charge or a captured hold, booked against the `account` it was booked on."""

    payment_id: str
    amount: Money
    account: Account


class PaymentDeclined(Message):
    """The card said no. `code` is the gateway's; `retryable` whether the same card may say yes later."""

    result: Literal["declined"] = "declined"
    code: str
    retryable: bool


class PaymentRefused(Message):
    """Illegal in the payment's present state, for example a capture of an expired hold; or, with `state="unfit"`, a
    request that the gateway will never carry out as it stands, for example a payment method it does not know."""

    result: Literal["refused"] = "refused"
    state: str


class HoldPlaced(Message):
    """`hold` as the gateway has it now, `payment_id` its id there."""

    result: Literal["hold"] = "hold"
    payment_id: str
    hold: Hold


class CardCharged(Message):
    result: Literal["charged"] = "charged"
    payment_id: str
    amount: Money


class HeldAndCharged(Message):
    """What became of both. `fee` is None when none was asked for, or the hold was declined or refused."""

    hold: HoldPlaced | PaymentDeclined | PaymentRefused
    fee: CardCharged | PaymentDeclined | PaymentRefused | None = None


class PaymentRefunded(Message):
    """`refunded` is the sum given back of that payment so far."""

    result: Literal["refunded"] = "refunded"
    payment_id: str
    refunded: Money


class DepositKept(Message):
    """What is written down as the answer to `KeepDeposit`."""

    result: Literal["kept"] = "kept"


class Payments(ABC):
    """The payment gateway. Every method may be called again with the same key and then answers as the first time; once
    the first answer is written down nothing is sent again. A look is answered afresh.

    When the gateway's answer is unknown the attempt fails and is retried with the same key; it never uses a new one.
    """

    @activity.defn
    @abstractmethod
    async def look_up_card(self, ask: LookUpCard) -> CardFound: ...

    @activity.defn
    @abstractmethod
    async def authorize_hold(self, ask: AuthorizeHold) -> HoldPlaced | PaymentDeclined | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def hold_and_charge(self, ask: HoldAndCharge) -> HeldAndCharged: ...

    @activity.defn
    @abstractmethod
    async def capture_hold(self, ask: CaptureHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def release_hold(self, ask: ReleaseHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def charge_card(self, ask: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def refund_payment(self, ask: RefundPayment) -> PaymentRefunded | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def look_at_hold(self, ask: LookAtHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def keep_deposit(self, ask: KeepDeposit) -> None: ...
