"""Regions, models, devices and claims for the domain's tests: with ordinary defaults."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.catalogue import Catalogue, Model, Offer, Region
from domain.claim import Claim, Hold, Incident, Inspection
from domain.coverage import Quota, Term, UseEntry, new_term, quota_for
from domain.device_snapshot import Binding, DeviceSnapshot
from domain.eligibility import Application
from domain.kinds import (
    Category,
    Cause,
    ClaimState,
    Component,
    DeviceStatus,
    HoldState,
    Service,
    TermKind,
    Tier,
    UseKind,
)
from domain.money import Money
from domain.policy import Policy
from domain.returns import window

LA = "America/Los_Angeles"
BERLIN = "Europe/Berlin"
TOKYO = "Asia/Tokyo"
SYDNEY = "Australia/Sydney"
ZONES = (
    LA,
    BERLIN,
    TOKYO,
    SYDNEY,
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)


def at(text: str, zone: str = "UTC") -> datetime:
    """`text` (ISO, no offset) as a clock in `zone` shows it, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


HOURS = {Category.DRONE: 48, Category.HANDHELD: 720}
US = Region("US", "United States", "USD", LA, ("US",), premium=True, window_days=14, purchase_hours=HOURS)
EU = Region("EU", "European Union", "EUR", BERLIN, ("DE", "FR"), premium=True, window_days=10, purchase_hours=HOURS)
JP_HOURS = HOURS | {Category.DRONE: 96}
JP = Region("JP", "Japan", "JPY", TOKYO, ("JP",), premium=False, window_days=10, purchase_hours=JP_HOURS)

DRONE = Model(
    slug="air-3",
    name="Air 3",
    category=Category.DRONE,
    flyaway=True,
    battery_removable=True,
    maintenance=False,
    components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS, Component.BATTERY),
    offers={
        "US": Offer(
            product_value=usd(110000),
            prices={TermKind.ONE_YEAR: usd(13700), TermKind.TWO_YEARS: usd(23700)},
            fees=(usd(12400), usd(15500)),
            hold=usd(88000),
            flyaway_fee=usd(44900),
            differences={
                Component.GIMBAL_CAMERA: usd(44000),
                Component.PROPELLERS: usd(1200),
                Component.BATTERY: usd(14900),
            },
        )
    },
)
PLAIN_DRONE = replace(
    DRONE,
    slug="mavic-mini",
    name="Mavic Mini",
    flyaway=False,
    offers={"US": replace(DRONE.offers["US"], flyaway_fee=None, prices={TermKind.ONE_YEAR: usd(5000)})},
)
HANDHELD = Model(
    slug="osmo-mobile-se",
    name="Osmo Mobile SE",
    category=Category.HANDHELD,
    flyaway=False,
    battery_removable=False,
    maintenance=False,
    components=(Component.MAIN_UNIT,),
    offers={
        "US": Offer(
            product_value=usd(10000),
            prices={TermKind.ONE_YEAR: usd(1500), TermKind.TWO_YEARS: usd(2500)},
            fees=(usd(1200), usd(1900)),
            hold=usd(6000),
        )
    },
)
CATALOGUE = Catalogue((US, EU, JP), (DRONE, PLAIN_DRONE, HANDHELD))

NOW = at("2026-06-01T12:00:00")
INCIDENT = at("2026-05-30T09:00:00")


def term(
    starts: str = "2026-01-10T10:00:00",
    kind: TermKind = TermKind.ONE_YEAR,
    *,
    id: str = "t1",
    zone: str = LA,
    quota: Quota | None = None,
) -> Term:
    """A drone's term that begins when a clock in `zone` shows `starts`."""
    return new_term(id, kind, quota or quota_for(kind, Category.DRONE, True), at(starts, zone), zone)


def pending(kind: TermKind = TermKind.ONE_YEAR) -> Term:
    """A term that waits for the device's activation."""
    return Term("t1", kind, quota_for(kind, Category.DRONE, True), None, None, None)


def reserved(claim: str, *, flyaway: bool = False, term_id: str = "t1") -> UseEntry:
    return UseEntry(term_id, claim, UseKind.RESERVED, flyaway)


def consumed(claim: str, *, flyaway: bool = False, term_id: str = "t1") -> UseEntry:
    return UseEntry(term_id, claim, UseKind.CONSUMED, flyaway)


def given_back(claim: str, *, flyaway: bool = False, term_id: str = "t1") -> UseEntry:
    return UseEntry(term_id, claim, UseKind.GIVEN_BACK, flyaway)


def snapshot(**changes: Any) -> DeviceSnapshot:
    """A covered, bound drone in the United States with every use left."""
    base = DeviceSnapshot(
        serial_number="SN100",
        status=DeviceStatus.CURRENT,
        lineage_id="L1",
        current_serial_number="SN100",
        replaced_on=None,
        activated_at=at("2026-01-10T10:00:00", LA),
        model=DRONE,
        region=US,
        terms=(term(),),
        uses=(),
        bindings=(Binding("RC1", at("2026-01-11T00:00:00")),),
        open_claim_id=None,
        amount_owed=None,
    )
    return replace(base, **changes)


def premium(**changes: Any) -> Application:
    """A Care Express Premium application about a collision."""
    base = Application(Service.CARE_EXPRESS, Tier.PREMIUM, Incident(Cause.COLLISION, INCIDENT))
    return replace(base, **changes)


def flyaway(**changes: Any) -> Application:
    base = Application(Service.FLYAWAY, None, Incident(Cause.FLYAWAY, INCIDENT))
    return replace(base, **changes)


def claim(**changes: Any) -> Claim:
    """A Premium claim just submitted."""
    base = Claim(
        id="C1",
        service=Service.CARE_EXPRESS,
        tier=Tier.PREMIUM,
        state=ClaimState.SUBMITTED,
        serial_number="SN100",
        model="air-3",
        region="US",
        lineage_id="L1",
        opened_at=NOW,
        incident=Incident(Cause.COLLISION, INCIDENT),
        fee=usd(12400),
        amount_owed=usd(0),
    )
    return replace(base, **changes)


def awaiting_return(**changes: Any) -> Claim:
    """A Premium claim whose replacement left on 2 June 2026; the original is due on 16 June, 23:59:59 local."""
    base = claim(
        state=ClaimState.AWAITING_RETURN,
        dispatched_on=date(2026, 6, 2),
        replacement_serial_number="SN200",
        hold=Hold(usd(88000), HoldState.AUTHORIZED, usd(0), usd(0), at("2026-07-01T12:00:00")),
        returning=window(at("2026-06-02T15:00:00", LA), 14, LA, (Component.AIRCRAFT,), Policy()),
    )
    return replace(base, **changes)


def inspection(**changes: Any) -> Inspection:
    """The right drone, whole, without its battery."""
    base = Inspection(
        at=at("2026-06-16T12:00:00"),
        serial_number="SN100",
        genuine=True,
        components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS),
    )
    return replace(base, **changes)
