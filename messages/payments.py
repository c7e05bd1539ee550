"""Messages: requests to the payment gateway. Amounts are in minor units; a decline is a result, not an error."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Final, Literal

from temporalio import activity

from domain.claim import Hold
from domain.eligibility import Card
from domain.money import Money
from messages.base import Message

CaptureAccount = Literal["default_charges", "parts_charges", "deposits"]
Account = Literal[
    "service_fees",
    "flyaway_fees",
    "repair_fees",
    "plan_sales",
    "default_charges",
    "parts_charges",
    "deposits",
    "captured_elsewhere",
]
"""Accounts of the ledger on which money of a customer is booked. `captured_elsewhere` has holds that somebody else has
captured, until their claim keeps or refunds them."""


class LookUpCard(Message):
    """Look up the card of `payment_method` (a gateway token). Nothing is charged or held."""

    payment_method: str


class CardFound(Message):
    """`card` is None when the gateway does not know the payment method."""

    card: Card | None


class PaymentRequest(Message):
    """`key` is the idempotency key, `at` the moment on the claim's clock, `subject` the claim or purchase it is for.

    A key names the purpose of the request and its object: `{claim}:capture:{ordinal of the hold}`. The table of payment
    attempts decides whether it was used; `at` is not its age and may differ in a retry.
    """

    subject: str
    key: str
    at: datetime


class AuthorizeHold(PaymentRequest):
    """Place a hold of `amount`. `ordinal` counts the holds of the claim from 0.

    `off_session`: the customer is not there to confirm.
    """

    amount: Money
    payment_method: str
    ordinal: int = 0
    off_session: bool = False


class CaptureHold(PaymentRequest):
    """Capture `amount` of the hold, once; the gateway releases the rest. Every other live hold of the subject is
    released too: a hold left over from a lost response must not outlive the capture. Refused when another hold of the
    subject was captured already: nothing is taken twice."""

    hold_id: str
    amount: Money
    account: CaptureAccount


class ReleaseHold(PaymentRequest):
    """Release the hold; with `others` every other live hold of the subject too, found by reference."""

    hold_id: str
    others: bool = False


class LookAtHold(PaymentRequest):
    """Read a hold from the gateway. Moves nothing; an expiry found by it is booked."""

    hold_id: str


class KeepDeposit(PaymentRequest):
    """Keep `amount` of a captured hold, booked on `source`, for `account`. Only the ledger changes; nothing happens to
    the card. `hold_id`, when somebody else captured it: its capture is booked first if it was not yet."""

    amount: Money
    account: CaptureAccount
    source: Account = "deposits"
    hold_id: str = ""


class ChargeCard(PaymentRequest):
    """Charge `amount` to `payment_method`. `account` is its account in the ledger; `off_session`: the customer is not
    there to confirm."""

    amount: Money
    payment_method: str
    account: Account
    off_session: bool = False


class HoldAndCharge(Message):
    """Place the hold and, if it is placed, charge the fee, each under its own key. `fee` None: a free service."""

    hold: AuthorizeHold
    fee: ChargeCard | None


class RefundPayment(PaymentRequest):
    """Refund `amount` of a charge or a captured hold, booked against the `account` it was booked on."""

    payment_id: str
    amount: Money
    account: Account


class PaymentDeclined(Message):
    """The issuer declined. `code` is the gateway's; `retryable`: the same card may be accepted later."""

    result: Literal["declined"] = "declined"
    code: str
    retryable: bool


class CapturedPart(Message):
    """A captured hold of the subject of which something is kept; `reference` is the key that placed it, `account` the
    ledger account on which the capture is booked."""

    payment_id: str
    reference: str
    hold: Hold
    account: Account


class PaymentRefused(Message):
    """Illegal in the payment's present state, for example a capture of an expired hold; or, with a state of
    `OUR_MISTAKES`, a request that will never be accepted as it stands.

    `hold` is the hold as the gateway has it, when it was captured already, `account` and `others` are as in
    `HoldPlaced`.
    """

    result: Literal["refused"] = "refused"
    state: str
    hold: Hold | None = None
    account: Account | None = None
    others: tuple[CapturedPart, ...] = ()


OUR_MISTAKES: Final = frozenset({"unfit", "KeyReused", "InvalidAmount", "LedgerConflict"})
"""States of a refusal that is a mistake of the programme or its settings, not of the customer or the card. The first is
the gateway's (a key, a currency or a customer is wrong), the others are our own checks'."""


class HoldPlaced(Message):
    """`hold` as the gateway has it now, `payment_id` its id there. `account` is the ledger account on which its capture
    is booked, told by a look. `others` are other holds of the subject that were found captured: somebody took money."""

    result: Literal["hold"] = "hold"
    payment_id: str
    hold: Hold
    account: Account | None = None
    others: tuple[CapturedPart, ...] = ()


class CardCharged(Message):
    result: Literal["charged"] = "charged"
    payment_id: str
    amount: Money


class HeldAndCharged(Message):
    """The results of both. `fee` is None when none was requested, or the hold was declined or refused."""

    hold: HoldPlaced | PaymentDeclined | PaymentRefused
    fee: CardCharged | PaymentDeclined | PaymentRefused | None = None


class PaymentRefunded(Message):
    """`refunded` is the sum refunded of that payment so far."""

    result: Literal["refunded"] = "refunded"
    payment_id: str
    refunded: Money


class DepositKept(Message):
    """The recorded result of `KeepDeposit`."""

    result: Literal["kept"] = "kept"


class ComparePayments(PaymentRequest):
    """Compare everything the gateway has taken for the subject with the ledger. Moves nothing; what the gateway did and
    the ledger does not have is booked. `currency` is that of the claim."""

    currency: str


class PaymentsCompared(Message):
    """The sums kept by the gateway, and by the ledger after what it did not have was booked. `holds` are the captured
    holds of which something is kept."""

    gateway: Money
    ledger: Money
    holds: tuple[CapturedPart, ...] = ()


class Payments(ABC):
    """The payment gateway. Every method may be retried with the same key and then returns the first result; once
    that is recorded nothing is sent again. `look_at_hold` always reads anew.

    When the gateway's response is lost the attempt fails and is retried with the same key, never with a new one.
    """

    @activity.defn
    @abstractmethod
    async def look_up_card(self, request: LookUpCard) -> CardFound: ...

    @activity.defn
    @abstractmethod
    async def authorize_hold(self, request: AuthorizeHold) -> HoldPlaced | PaymentDeclined | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def hold_and_charge(self, request: HoldAndCharge) -> HeldAndCharged: ...

    @activity.defn
    @abstractmethod
    async def capture_hold(self, request: CaptureHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def release_hold(self, request: ReleaseHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def charge_card(self, request: ChargeCard) -> CardCharged | PaymentDeclined | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def refund_payment(self, request: RefundPayment) -> PaymentRefunded | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def look_at_hold(self, request: LookAtHold) -> HoldPlaced | PaymentRefused: ...

    @activity.defn
    @abstractmethod
    async def keep_deposit(self, request: KeepDeposit) -> None: ...

    @activity.defn
    @abstractmethod
    async def compare_payments(self, request: ComparePayments) -> PaymentsCompared: ...
