"""Domain: the enumerations of the programme. Their values are those of docs/api (version 1) and of the database."""

from enum import StrEnum


class Category(StrEnum):
    DRONE = "camera_drone"
    HANDHELD = "handheld"


class Component(StrEnum):
    AIRCRAFT = "aircraft"
    GIMBAL_CAMERA = "gimbal_camera"
    PROPELLERS = "propellers"
    BATTERY = "battery"
    MAIN_UNIT = "main_unit"
    GRIP = "grip"
    STABILISER_BODY = "stabiliser_body"


BODIES = frozenset({Component.AIRCRAFT, Component.MAIN_UNIT, Component.STABILISER_BODY})
"""The component with the serial number: without it there is no device."""


class TermKind(StrEnum):
    ONE_YEAR = "1y"
    TWO_YEARS = "2y"
    REFRESH_PLUS = "refresh_plus"
    """The discontinued one-year extension; it occurs in histories and is never sold (R-REN-1)."""


class DeviceStatus(StrEnum):
    CURRENT = "current"
    REPLACED = "replaced"
    LOST = "lost"
    """Flown away and replaced: no cover, never bound or claimed on again (R-FLY-6)."""


class Service(StrEnum):
    CARE_EXPRESS = "care_express"
    FLYAWAY = "flyaway"
    ONLINE_REPAIR = "online_repair"
    MAINTENANCE = "maintenance"


class Tier(StrEnum):
    STANDARD = "standard"
    """The replacement ships after the damaged unit has arrived and passed inspection."""
    PREMIUM = "premium"
    """The replacement ships at once against a hold on the customer's card."""


class Cause(StrEnum):
    COLLISION = "collision"
    WATER_DAMAGE = "water_damage"
    NATURAL_WEAR = "natural_wear"
    FLYAWAY = "flyaway"
    THEFT = "theft"


class UseKind(StrEnum):
    RESERVED = "reserved"
    CONSUMED = "consumed"
    GIVEN_BACK = "given_back"
    UNDONE = "undone"
    """Consumed by a replacement that was undone (R-EXP-10): it counts no more."""


class ClaimState(StrEnum):
    SUBMITTED = "submitted"
    AWAITING_DECISION = "awaiting_decision"
    AWAITING_PAYMENT = "awaiting_payment"
    AWAITING_DISPATCH = "awaiting_dispatch"
    AWAITING_ITEM = "awaiting_item"
    AWAITING_RETURN = "awaiting_return"
    INSPECTING = "inspecting"
    AWAITING_CURE = "awaiting_cure"
    AWAITING_PARTS = "awaiting_parts"
    AWAITING_CHOICE = "awaiting_choice"
    IN_SERVICE = "in_service"
    DEFAULTED = "defaulted"
    CLOSED = "closed"


class Outcome(StrEnum):
    HOLD_RELEASED = "hold_released"
    DEFAULT_CHARGED = "default_charged"
    PARTS_CHARGED = "parts_charged"
    LATE_RETURN_REFUNDED = "late_return_refunded"
    WAIVED = "waived"
    CANCELLED = "cancelled"
    PAYMENT_DECLINED = "payment_declined"
    REPLACED = "replaced"
    LAPSED = "lapsed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REPAIRED = "repaired"
    RETURNED_UNREPAIRED = "returned_unrepaired"
    SERVICED = "serviced"


class HoldState(StrEnum):
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


class HoldPolicy(StrEnum):
    """What happens to a hold that cannot be renewed (decision 13)."""

    SAVED_CARD = "saved_card"
    """It lapses; a default that falls due is charged to the saved card."""
    CAPTURE_AND_REFUND = "capture_and_refund"
    """It is captured in time as a deposit, which is refunded when the unit arrives."""
    MANUAL = "manual"
    """It lapses; a default that falls due waits for staff."""


class Attention(StrEnum):
    """What staff must check. A claim has any number of these flags until the cause is gone."""

    HOLD_AT_RISK = "hold_at_risk"
    SERIAL_UNCLEAR = "serial_unclear"
    FOREIGN_SERIAL = "foreign_serial"
    INSPECTION_OVERDUE = "inspection_overdue"
    REFUND_DUE = "refund_due"
    CAPTURE_UNKNOWN = "capture_unknown"
    FOUND_AFTER_DISPATCH = "found_after_dispatch"
    DEFAULT_HELD_BACK = "default_held_back"
    """The default fell due while another claim's unit lay in this claim's box: staff decide (edge case 11)."""
    DISPATCH_OVERDUE = "dispatch_overdue"
    """The replacement has not left within the policy's days; the customer was told and may leave."""
    AMOUNT_OWED = "amount_owed"
    QUOTE_UNAPPROVED = "quote_unapproved"
    """A large repair quote waits for a second person (R-REP-6)."""
    UNREACHABLE = "unreachable"
    """No notice of what is due could be delivered: no machine charges until a person has looked (R-NOT-2)."""
    PAYMENT_REFUSED = "payment_refused"
    """The gateway refused a capture, a release or a refund that was due: staff must check there."""
    PAYMENT_MISCONFIGURED = "payment_misconfigured"
    """The gateway will never accept a request of ours as it stands: a key, a currency or a customer is wrong."""
    PAYMENT_DIFFERS = "payment_differs"
    """The gateway has taken or refunded what this claim did not, or its sum is not what the outcome says."""
    PAYMENT_DISPUTED = "payment_disputed"
    """The customer's bank disputes a payment: staff answer at the gateway."""
    EVENT_WAITING = "event_waiting"
    """An event that was reported could not be told to the claim's process yet."""
    UNCLAIMED_ARRIVAL = "unclaimed_arrival"
    """A parcel is here that no process waits for: it is somebody's task (`GET /unclaimed-parcels`)."""
    REPLACEMENT_RETURNED = "replacement_returned"
    """The customer sent the new unit back instead of the original (edge case 30): staff decide."""
    DELIVERED_NOT_RECEIVED = "delivered_not_received"
    """The carrier says that it delivered the parcel to us, and the warehouse has not booked it."""

    @property
    def outlives_the_claim(self) -> bool:
        """Whether it stays on the closed claim, because its cause may outlive it."""
        return self is Attention.AMOUNT_OWED or self.concerns_payment

    @property
    def concerns_payment(self) -> bool:
        """Whether gateway and claim may disagree, so that staff must check at the gateway."""
        return self in (
            Attention.PAYMENT_REFUSED,
            Attention.PAYMENT_MISCONFIGURED,
            Attention.PAYMENT_DIFFERS,
            Attention.PAYMENT_DISPUTED,
        )


class Action(StrEnum):
    """The commands of a claim; each is a POST (SHIP_TO a PATCH) under /claims/{id}/, with hyphens."""

    DISPATCH = "dispatch"
    RETURN_SCAN = "return_scan"
    ARRIVAL = "arrival"
    INSPECTION = "inspection"
    EXTENSION = "extension"
    WAIVER = "waiver"
    DECISION = "decision"
    PARTS_CHOICE = "parts_choice"
    PAYMENT_METHOD = "payment_method"
    CANCEL = "cancel"
    FOUND = "found"
    REPAIR_QUOTE = "repair_quote"
    REPAIR_QUOTE_WITHDRAWAL = "repair_quote_withdrawal"
    REPAIR_CHOICE = "repair_choice"
    REPAIR_STOP = "repair_stop"
    COMPLETION = "completion"
    REPLACEMENT_UNDO = "replacement_undo"
    REPLACEMENT_RESEND = "replacement_resend"
    SHIP_TO = "ship_to"


class PartsChoice(StrEnum):
    PAY = "pay"
    SEND = "send"


class RepairChoice(StrEnum):
    """The four options of a repair quote (R-REP-1)."""

    WARRANTY_REPAIR = "warranty_repair"
    REPLACEMENT = "replacement"
    PAID_REPAIR = "paid_repair"
    RETURN = "return"


class CoverChange(StrEnum):
    """What cannot be done to a period of cover, by anybody (R-PLN-5)."""

    PAUSE = "pause"
    ADVANCE = "advance"
    EXTENSION = "extension"


class ReasonCode(StrEnum):
    NO_PLAN = "no_plan"
    COVERAGE_EXPIRED = "coverage_expired"
    INCIDENT_OUTSIDE_COVERAGE = "incident_outside_coverage"
    NO_REPLACEMENTS_LEFT = "no_replacements_left"
    NO_FLYAWAY_LEFT = "no_flyaway_left"
    FLYAWAY_NOT_SUPPORTED = "flyaway_not_supported"
    NOT_BOUND = "not_bound"
    NOT_CONFIRMED_UNRECOVERABLE = "not_confirmed_unrecoverable"
    DEVICE_STOLEN = "device_stolen"
    DEVICE_REPLACED = "device_replaced"
    DEVICE_LOST = "device_lost"
    CLAIM_ALREADY_OPEN = "claim_already_open"
    SERVICE_NOT_APPLICABLE = "service_not_applicable"
    PREMIUM_UNAVAILABLE = "premium_unavailable_in_region"
    CARD_NOT_ACCEPTED = "card_not_accepted"
    BATTERY_NOT_REPLACEABLE = "battery_not_replaceable"
    REPORT_TOO_LATE = "report_too_late"
    AMOUNT_OWED = "amount_owed"
    MAINTENANCE_CODE_INVALID = "maintenance_code_invalid"
    QUOTE_EXPIRED = "quote_expired"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    DELIVERY_OUTSIDE_REGION = "delivery_outside_region"
    # Dispatch
    HOLD_NOT_LIVE = "hold_not_live"
    # Inspection
    SERIAL_MISMATCH = "serial_mismatch"
    REPLACEMENT_RETURNED = "replacement_returned"
    NOT_GENUINE = "not_genuine"
    BATTERY_MISSING = "battery_missing"
    PARTS_MISSING = "parts_missing"
    SERIAL_UNCLEAR = "serial_unclear"
    NOT_RECEIVED = "not_received"
    # Decision
    FLYAWAY_REJECTED = "flyaway_rejected"
    # Purchase
    REGION_MISMATCH = "region_mismatch"
    PLAN_EXISTS = "plan_exists"
    TERM_NOT_SOLD = "term_not_sold"
    PURCHASE_WINDOW_CLOSED = "purchase_window_closed"
    VERIFICATION_LAPSED = "verification_lapsed"
    ACTIVATION_BEFORE_WINDOW = "activation_before_window"
    # Renewal
    RENEWAL_WINDOW_CLOSED = "renewal_window_closed"
    MAXIMUM_TERM_REACHED = "maximum_term_reached"
    RENEWAL_PENDING = "renewal_pending"
    # Refund of a plan
    REFUND_WINDOW_CLOSED = "refund_window_closed"
    PLAN_USED = "plan_used"
    # Maintenance
    MAINTENANCE_NOT_OFFERED = "maintenance_not_offered"
    MAINTENANCE_PERIOD_OVER = "maintenance_period_over"
    MAINTENANCE_CODE_ISSUED = "maintenance_code_issued"
