"""Messages: the commands that start a claim, its events (signals) and its decisions (updates)."""

from datetime import datetime
from typing import Final, Literal

from domain.claim import Claim, Incident
from domain.kinds import Action, Component, PartsChoice, RepairChoice, Tier
from domain.money import Money
from domain.reasons import Reason
from messages.base import Message
from messages.quoted_amounts import QuotedAmounts


class ShipTo(Message):
    """A postal address as it was typed; `country` is ISO 3166 alpha-2, `region` a state or prefecture."""

    name: str
    line1: str
    line2: str | None = None
    city: str
    region: str | None = None
    postal_code: str | None = None
    country: str
    phone: str | None = None


class SubmitCareExpress(Message):
    """Start a Care Express claim. `terms_version` is what the customer agreed to, at `accepted_at`."""

    claim_id: str
    serial_number: str
    tier: Tier
    incident: Incident
    replace_battery: bool
    payment_method: str
    ship_to: ShipTo
    accepted_terms: bool
    terms_version: str
    quote: QuotedAmounts | None = None
    actor: str = "customer"


class SubmitFlyaway(Message):
    """Start a flyaway claim. `flight_record` is the reference under which the flight data was uploaded."""

    claim_id: str
    serial_number: str
    incident: Incident
    flight_record: str
    confirmed_unrecoverable: bool
    payment_method: str
    ship_to: ShipTo
    accepted_terms: bool
    terms_version: str
    actor: str = "customer"


class SubmitRepair(Message):
    """Start an online repair: the unit comes in on a free label and goes back to `return_address`."""

    claim_id: str
    serial_number: str
    incident: Incident
    return_address: ShipTo
    actor: str = "customer"


class SubmitMaintenance(Message):
    """Start a maintenance job with `maintenance_code`."""

    claim_id: str
    serial_number: str
    maintenance_code: str
    return_address: ShipTo
    actor: str = "customer"


class ClaimAccepted(Message):
    """The claim was created. With `outcome` payment_declined it is closed already."""

    result: Literal["accepted"] = "accepted"
    claim: Claim


class ClaimRefused(Message):
    """No claim was created; nothing was reserved, held or charged."""

    result: Literal["refused"] = "refused"
    reasons: tuple[Reason, ...]


class Event(Message):
    """Something that has already happened. A repeated `event_id` has no effect."""

    event_id: str
    actor: str


class ParcelScanned(Event):
    """The carrier took the customer's parcel at `scanned_at`."""

    carrier: str
    tracking_number: str
    scanned_at: datetime


class ParcelArrived(Event):
    """The parcel reached the warehouse at `arrived_at`; `reason` says why that is back-dated."""

    arrived_at: datetime
    reason: str | None = None


class ParcelDelivered(Event):
    """The carrier says that it delivered the customer's parcel to us at `delivered_at`."""

    carrier: str
    tracking_number: str
    delivered_at: datetime


class PaymentChanged(Event):
    """A webhook of the gateway about the payment. The workflow reads the payment; the webhook itself proves nothing.
    `kind` is the gateway's name of an event that people must hear of, empty for any other."""

    payment_id: str
    kind: str = ""


class MailFailed(Event):
    """The mail of `kind` and `occurrence` was given up: it could not be delivered, for `reason`."""

    kind: str
    occurrence: int
    reason: str


class OwnerCorrected(Event):
    """The owner's name, address, telephone or language was corrected: the same person (R-XFR-2)."""

    mail_address: bool = False


class Decision(Message):
    """A decision of a person. `actor` is the role of that person."""

    actor: str


class Dispatch(Decision):
    """The replacement left the warehouse. `serial_number_confirmed`: a person has read its label again."""

    replacement_serial_number: str
    carrier: str | None = None
    tracking_number: str | None = None
    serial_number_confirmed: bool = False


class Inspect(Decision):
    """The result of an inspection. An empty `serial_number` is an unreadable label.

    `not_genuine` names the components in the box that are not genuine; without any, `genuine` is about all of them.
    """

    serial_number: str
    genuine: bool
    components: tuple[Component, ...]
    notes: str = ""
    photos: tuple[str, ...] = ()
    not_genuine: tuple[Component, ...] = ()


class ExtendReturn(Decision):
    days: int
    reason: str


class Waive(Decision):
    reason: str


class Decide(Decision):
    """Flyaway: approve or reject. A default held back: charge it (approve) or let it go. A large repair quote: send it
    to the customer (approve) or drop it; `by` identifies the person's key (R-REP-6)."""

    approve: bool
    reason: str = ""
    by: str = ""


class UndoReplacement(Decision):
    """The new unit came back: the customer keeps the original (R-EXP-10)."""

    reason: str


class ResendReplacement(Decision):
    """The new unit came back: it is shipped to the customer again, and the original is still expected (R-EXP-10)."""

    reason: str


class ChooseParts(Decision):
    choice: PartsChoice


class ChangePaymentMethod(Decision):
    payment_method: str


class CorrectAddress(Decision):
    """Ship to another address: possible until the replacement, or the customer's own unit, has left (R-CLM-12)."""

    ship_to: ShipTo


class CancelClaim(Decision):
    reason: str = ""


class ReportFound(Decision):
    """Flyaway: the drone was found."""


class QuoteRepair(Decision):
    """The workshop's findings, the price of a paid repair, and whether the warranty covers it.

    `by` identifies the key of the person, for a large quote (R-REP-6).
    """

    findings: str
    amount: Money
    warranty: bool
    by: str = ""


class WithdrawQuote(Decision):
    """Withdraw the quote before anything was chosen (R-REP-5)."""

    reason: str


class ChooseRepair(Decision):
    """One of the options of a repair quote; `payment_method` where it costs something. `quote_version` is the version
    that it was chosen from (R-REP-5)."""

    choice: RepairChoice
    payment_method: str | None = None
    quote_version: int | None = None


class StopRepair(Decision):
    """Stop a repair or a maintenance in service; the unit goes back and what was paid is refunded (R-REP-7)."""

    reason: str


class Complete(Decision):
    """The unit was shipped back; `repaired_serial_number` when the repair changed it (R-REP-4)."""

    repaired_serial_number: str | None = None
    tracking_number: str | None = None
    serial_number_confirmed: bool = False


ParcelEvent = ParcelScanned | ParcelArrived | ParcelDelivered
ClaimEventMessage = ParcelScanned | ParcelArrived | ParcelDelivered | PaymentChanged | MailFailed | OwnerCorrected

DECISIONS: Final[dict[Action, type[Decision]]] = {
    Action.DISPATCH: Dispatch,
    Action.INSPECTION: Inspect,
    Action.EXTENSION: ExtendReturn,
    Action.WAIVER: Waive,
    Action.DECISION: Decide,
    Action.PARTS_CHOICE: ChooseParts,
    Action.PAYMENT_METHOD: ChangePaymentMethod,
    Action.CANCEL: CancelClaim,
    Action.FOUND: ReportFound,
    Action.REPAIR_QUOTE: QuoteRepair,
    Action.REPAIR_QUOTE_WITHDRAWAL: WithdrawQuote,
    Action.REPAIR_CHOICE: ChooseRepair,
    Action.REPAIR_STOP: StopRepair,
    Action.COMPLETION: Complete,
    Action.REPLACEMENT_UNDO: UndoReplacement,
    Action.REPLACEMENT_RESEND: ResendReplacement,
    Action.SHIP_TO: CorrectAddress,
}
"""The updates of a claim, by name, with the message of each."""
SIGNALS: Final[dict[str, type[Event]]] = {
    Action.RETURN_SCAN.value: ParcelScanned,
    Action.ARRIVAL.value: ParcelArrived,
    "delivery": ParcelDelivered,
    "payment_changed": PaymentChanged,
    "mail_failed": MailFailed,
    "owner_corrected": OwnerCorrected,
}
"""The signals of a claim, by name, with the message of each."""
