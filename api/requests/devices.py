"""API: bodies for devices, bindings and plans."""

from typing import Literal

from pydantic import StrictBool

from api.openapi_examples import with_example
from api.requests.base import (
    Body,
    Day,
    Email,
    Instant,
    Language,
    Line,
    Phone,
    ReasonText,
    Reference,
    RegionCode,
    Serial,
    Slug,
)
from domain.kinds import CoverChange, TermKind
from messages.registry import Owner


class OwnerBody(Body):
    model_config = with_example(
        {"name": "Ada Byron", "email": "ada@example.com", "phone": "+1 503 555 0100", "language": "en-US"}
    )

    name: Line
    email: Email
    phone: Phone | None = None
    language: Language | None = None

    def message(self) -> Owner:
        return Owner(**self.model_dump())


class OwnerCorrectionBody(Body):
    """The fields to correct; what is left out stays. A `phone` or `language` of null is removed."""

    model_config = with_example({"email": "ada.byron@example.com"})

    # The defaults stand for fields that were left out and are never read.
    name: Line = ""
    email: Email = ""
    phone: Phone | None = None
    language: Language | None = None

    @property
    def changes(self) -> dict[str, str | None]:
        return self.model_dump(include=set(self.model_fields_set))


class DeviceBody(Body):
    """`activated_at` left out: not activated yet, so that cover bought now begins at activation (R-PUR-5).

    `serial_number_confirmed`: the label was read again, after the number was refused for looking like a registered one.
    """

    model_config = with_example(
        {
            "serial_number": "1581F45T7228D00A",
            "model": "mavic-3",
            "region": "US",
            "owner": {"name": "Ada Byron", "email": "ada@example.com"},
            "activated_at": "2026-11-01T09:00:00Z",
        }
    )

    serial_number: Serial
    model: Slug
    region: RegionCode
    owner: OwnerBody
    activated_at: Instant | None = None
    serial_number_confirmed: StrictBool = False


class RegionMoveBody(Body):
    """Where the device is from now on, and why; the reason is kept with the device."""

    model_config = with_example({"region": "EU", "reason": "The customer moved to Berlin; registration shown."})

    region: RegionCode
    reason: ReasonText


class ActivationBody(Body):
    """`activated_at` left out means now."""

    model_config = with_example({"activated_at": "2026-11-01T09:00:00Z"})

    activated_at: Instant | None = None


class BindingBody(Body):
    """`bound_at` left out means now."""

    model_config = with_example({"remote_controller": "RC-53A9", "bound_at": "2026-11-02T10:00:00Z"})

    remote_controller: Line
    bound_at: Instant | None = None


class PlanBody(Body):
    """`region` left out means the device's own."""

    model_config = with_example({"term": "1y", "payment_method": "pm_card_visa"})

    term: Literal[TermKind.ONE_YEAR, TermKind.TWO_YEARS]
    payment_method: Reference
    region: RegionCode | None = None


class VerificationBody(Body):
    """`approved_at` left out means now."""

    model_config = with_example({"approved_at": "2026-11-22T16:00:00Z"})

    approved_at: Instant | None = None


class RenewalBody(Body):
    """Cover is renewed with the 1-year plan alone (R-REN-1)."""

    model_config = with_example({"payment_method": "pm_card_visa"})

    payment_method: Reference


class PlanDecisionBody(Body):
    """Whether a plan in question counts. The reason is kept with the plan."""

    model_config = with_example({"approve": False, "reason": "Bought after the crash: the flight record shows it."})

    approve: bool
    reason: ReasonText


class RefundBody(Body):
    """No fields."""

    model_config = with_example({})


class MaintenanceCodeBody(Body):
    """No fields."""

    model_config = with_example({})


class CoverChangeBody(Body):
    """The requested change; it is always refused (R-PLN-5)."""

    model_config = with_example({"change": "pause"})

    change: CoverChange


class RemindersBody(Body):
    """The day for which reminders are sent."""

    model_config = with_example({"as_of": "2027-10-03"})

    as_of: Day


class PlantTermBody(Body):
    """`refresh_plus`, the discontinued extension, occurs in past cover only: it can be added here and not bought."""

    model_config = with_example({"term": "1y", "starts_on": "2025-11-20"})

    term: TermKind
    starts_on: Day
