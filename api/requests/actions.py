"""API: bodies of a claim's events and decisions. Each becomes one Temporal signal or update."""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictBool, StrictInt, ValidationInfo, field_validator

from api.openapi_examples import with_example
from api.requests.base import (
    WHOLE_NUMBER,
    Body,
    Components,
    Currency,
    Instant,
    Line,
    ReadSerial,
    ReasonText,
    Reference,
    RequiredText,
    Serial,
    Text,
)
from domain.kinds import Component, PartsChoice, RepairChoice
from domain.money import Money


class DispatchBody(Body):
    model_config = with_example(
        {"replacement_serial_number": "1581F45T7228D00B", "carrier": "UPS", "tracking_number": "1Z999"}
    )

    replacement_serial_number: Serial
    carrier: Line | None = None
    tracking_number: Reference | None = None
    serial_number_confirmed: StrictBool = False


class ReturnScanBody(Body):
    """`scanned_at` left out means now, on the claim's own clock."""

    model_config = with_example({"carrier": "UPS", "tracking_number": "1Z998", "scanned_at": "2026-12-05T16:00:00Z"})

    carrier: Line
    tracking_number: Reference
    scanned_at: Instant | None = None


class ArrivalBody(Body):
    """`arrived_at` left out means now; more than an hour ago needs a `reason`."""

    model_config = with_example(
        {"arrived_at": "2026-12-07T09:15:00Z", "reason": "Found in the yard, gate scan attached."}
    )

    arrived_at: Instant | None = None
    reason: ReasonText | None = None


class InspectionBody(Body):
    """`components` are the ones in the box. An empty `serial_number` is a label that cannot be read.

    With `genuine` false, `not_genuine` names those of the `components` that are of another make; left out, none of them
    is genuine. A part of another make counts as missing (R-CMP-1); the device itself makes the default (R-INS-3).
    """

    model_config = with_example(
        {
            "serial_number": "1581F45T7228D00A",
            "genuine": True,
            "components": ["aircraft", "gimbal_camera", "propellers", "battery"],
            "notes": "Front arm broken.",
            "photos": ["box-1.jpg"],
        },
        {
            "if": {"properties": {"genuine": {"const": True}}},
            "then": {"properties": {"not_genuine": {"maxItems": 0}}},
        },
    )

    serial_number: ReadSerial
    genuine: StrictBool
    components: Components
    notes: Text = ""
    photos: Annotated[tuple[Reference, ...], Field(max_length=50)] = ()
    not_genuine: Components = ()

    @field_validator("not_genuine")
    @classmethod
    def _in_the_box(cls, named: tuple[Component, ...], info: ValidationInfo) -> tuple[Component, ...]:
        if named and info.data.get("genuine"):
            raise ValueError("names components although `genuine` is true")
        if strange := [c for c in named if c not in info.data.get("components", named)]:
            raise ValueError(f"names what is not among `components`: {', '.join(strange)}")
        return named


class ExtensionBody(Body):
    model_config = with_example({"days": 5, "reason": "Customer is in hospital."})

    days: Annotated[StrictInt, Field(ge=1, le=7), WHOLE_NUMBER]
    reason: ReasonText


class WaiverBody(Body):
    model_config = with_example({"reason": "Lost by our own carrier."})

    reason: ReasonText


class ReplacementUndoBody(Body):
    model_config = with_example({"reason": "The customer would rather keep the original."})

    reason: ReasonText


class ReplacementResendBody(Body):
    model_config = with_example({"reason": "The customer sends the original after all."})

    reason: ReasonText


class DecisionBody(Body):
    """A rejection needs a `reason`."""

    model_config = with_example(
        {"approve": True, "reason": "The flight record ends over the sea."},
        {
            "if": {"properties": {"approve": {"const": False}}},
            "then": {"required": ["reason"], "properties": {"reason": {"pattern": r"\S"}}},
        },
    )

    approve: StrictBool
    reason: Text = ""


class PartsChoiceBody(Body):
    model_config = with_example({"choice": "pay"})

    choice: PartsChoice


class PaymentMethodBody(Body):
    model_config = with_example({"payment_method": "pm_card_mastercard"})

    payment_method: Reference


class CancelBody(Body):
    model_config = with_example({"reason": "Repaired elsewhere."})

    reason: Text = ""


class FoundBody(Body):
    """No fields."""

    model_config = with_example({})


class MoneyBody(Body):
    """`amount` in minor units (cents, yen) of `currency` (ISO 4217)."""

    model_config = with_example({"amount": 21500, "currency": "USD"})

    amount: Annotated[StrictInt, Field(ge=0, le=10**12), WHOLE_NUMBER]
    currency: Currency

    def money(self) -> Money:
        return Money(self.amount, self.currency)


class RepairQuoteBody(Body):
    """What the workshop found, what a paid repair costs, and whether the warranty bears it."""

    model_config = with_example(
        {
            "findings": "Front arm and gimbal broken by an impact.",
            "amount": {"amount": 21500, "currency": "USD"},
            "warranty": False,
        }
    )

    findings: RequiredText
    amount: MoneyBody
    warranty: StrictBool


PAID_CHOICES: Final = (RepairChoice.REPLACEMENT, RepairChoice.PAID_REPAIR)


class RepairChoiceBody(Body):
    """`payment_method` is needed for `replacement` and `paid_repair`.

    `quote_version` is `repair.version` as the customer saw it. It may be left out for the first version, and for what
    costs nothing; another one than the version in force is refused (R-REP-5).
    """

    model_config = with_example(
        {"choice": "paid_repair", "payment_method": "pm_card_visa"},
        {
            "if": {"properties": {"choice": {"enum": [choice.value for choice in PAID_CHOICES]}}},
            "then": {"required": ["payment_method"], "properties": {"payment_method": {"type": "string"}}},
        },
    )

    choice: RepairChoice
    payment_method: Reference | None = None
    quote_version: Annotated[StrictInt, Field(ge=1), WHOLE_NUMBER] | None = None


class QuoteWithdrawalBody(Body):
    model_config = with_example({"reason": "The amount had a digit too many."})

    reason: ReasonText


class RepairStopBody(Body):
    model_config = with_example({"reason": "The main board cannot be had any more."})

    reason: ReasonText


class CompletionBody(Body):
    """`repaired_serial_number` when the repair changed it (a new main board)."""

    model_config = with_example({"repaired_serial_number": "1581F45T7228D00C", "tracking_number": "1Z997"})

    repaired_serial_number: Serial | None = None
    tracking_number: Reference | None = None
    serial_number_confirmed: StrictBool = False


class FastForwardBody(Body):
    """Exactly one of the three."""

    model_config = with_example(
        {"days": 14},
        {
            "oneOf": [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                for name in ("days", "hours", "until")
            ]
        },
    )

    days: Annotated[float, Field(gt=0, le=4000, strict=True)] | None = None
    hours: Annotated[float, Field(gt=0, le=100_000, strict=True)] | None = None
    until: Literal["due"] | None = None
