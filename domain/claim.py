"""Domain: a claim in its present state. Immutable: its workflow replaces it, all others read it."""

from dataclasses import dataclass
from datetime import date, datetime

from domain.kinds import (
    Attention,
    Cause,
    ClaimState,
    Component,
    HoldState,
    Outcome,
    Service,
    Tier,
)
from domain.money import Money
from domain.reasons import Reason
from domain.repair import RepairQuote


@dataclass(frozen=True, slots=True)
class Incident:
    cause: Cause
    occurred_at: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """The pre-authorization: 0 <= refunded <= captured <= amount; captured > 0 only in state captured (R-RET-8)."""

    amount: Money
    state: HoldState
    captured: Money
    refunded: Money
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel as carrier or warehouse named it; None for what was not told."""

    carrier: str | None
    tracking_number: str | None


@dataclass(frozen=True, slots=True)
class Return:
    """The return of the customer's unit.

    `due_at` is the last second in which the unit may arrive; `carried_until` the last one when the carrier took the
    parcel in time (R-RET-4); `late_until` the last one in which a late return is refunded (R-RET-10). All three are
    computed once, by calendar, and stored; `due_text` and `late_text` are local times as text. `scanned_at`,
    `delivered_at` (by the carrier, to us) and `arrived_at` are what carrier and warehouse reported, `parcel` the one
    that was scanned.
    """

    window_days: int
    due_at: datetime
    time_zone: str
    expected: tuple[Component, ...]
    carried_until: datetime
    late_until: datetime
    scanned_at: datetime | None = None
    arrived_at: datetime | None = None
    extended_days: int = 0
    due_text: str = ""
    late_text: str = ""
    parcel: Parcel | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the inspector saw (R-INS-1). `components` are the ones present; `photos` are file names.

    Where not all is `genuine`, `not_genuine` has those of the `components` that are not; empty: none of them is.
    """

    at: datetime
    serial_number: str
    genuine: bool
    components: tuple[Component, ...]
    notes: str = ""
    photos: tuple[str, ...] = ()
    not_genuine: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class MissingPart:
    component: Component
    difference: Money


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim. The Claim of docs/api is this with links and allowed actions.

    `deadline` is the next time at which the claim continues by itself, None while it waits for people only.
    `wait_reason` describes what it waits for. `decline_code` is the gateway's code of the last hold or charge when that
    was declined. `shipment` is the parcel to the customer: the replacement, or their own unit.
    `time_zone` is that of the device's region, empty for a claim that an earlier release created.
    `leaving`: the warehouse can no longer stop the replacement, although its dispatch is not reported yet. `goes_back`:
    the customer's unit is here and is to be shipped back, although the claim is closed. `replacement_undone`: the
    replacement came back, and the customer keeps the original (R-EXP-10).
    """

    id: str
    service: Service
    tier: Tier | None
    state: ClaimState
    serial_number: str
    model: str
    region: str
    lineage_id: str
    opened_at: datetime
    incident: Incident | None
    fee: Money
    amount_owed: Money
    outcome: Outcome | None = None
    attention: tuple[Attention, ...] = ()
    replacement_serial_number: str | None = None
    dispatched_on: date | None = None
    closed_at: datetime | None = None
    hold: Hold | None = None
    returning: Return | None = None
    inspection: Inspection | None = None
    reasons: tuple[Reason, ...] = ()
    missing: tuple[MissingPart, ...] = ()
    replace_battery: bool = False
    deadline: datetime | None = None
    wait_reason: str = ""
    dispute_until: datetime | None = None
    repair_quote: RepairQuote | None = None
    decline_code: str | None = None
    shipment: Parcel | None = None
    time_zone: str = ""

    @property
    def local_zone(self) -> str:
        """The time zone in which people read about the claim."""
        return self.time_zone or (self.returning.time_zone if self.returning else "UTC")

    leaving: bool = False
    goes_back: bool = False
    replacement_undone: bool = False
