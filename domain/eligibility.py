"""Domain: eligibility of a claim: an ordered list of rules, each a reason to refuse or None; all are collected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.catalogue import Region
from domain.claim import Incident
from domain.coverage import last_ended, renewable_until, tally, term_at, unbroken_since
from domain.dates import local_day, local_text, whole_second
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import Category, Cause, DeviceStatus, ReasonCode, Service, Tier
from domain.policy import Policy
from domain.purchase import question_text
from domain.reasons import Reason

CLOCK_SKEW = timedelta(minutes=5)
"""An incident this far in the future is accepted: the reporter's clock may be fast."""
EXPRESS_CAUSES = frozenset({Cause.COLLISION, Cause.WATER_DAMAGE, Cause.NATURAL_WEAR})
"""The causes that Care Express covers (R-CLM-3); flyaway is not one of them (R-FLY-7)."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as the gateway describes it: network (`visa`, ...) and funding (`credit`, `debit`, `prepaid`)."""

    brand: str
    funding: str


@dataclass(frozen=True, slots=True)
class Application:
    """An application for a claim. `premium_delivers`: Premium is offered where the replacement is to be sent.

    `card` is None while it is unknown: the API checks eligibility before the card is looked up.
    `quote_valid` is None when no quote was given. `delivery_country` (ISO 3166) is where the replacement or the
    customer's own unit goes; None before an address is given.
    """

    service: Service
    tier: Tier | None
    incident: Incident
    replace_battery: bool = False
    accepted_terms: bool = True
    confirmed_unrecoverable: bool = True
    premium_delivers: bool = True
    quote_valid: bool | None = None
    card: Card | None = None
    policy: Policy = Policy()
    delivery_country: str | None = None


Rule = Callable[[Application, DeviceSnapshot, datetime], Reason | None]


def refusals(application: Application, snapshot: DeviceSnapshot, now: datetime) -> list[Reason]:
    """Every reason why the claim cannot be made at `now`, in the order of the rules; empty when it can."""
    found = (rule(application, snapshot, now) for rule in RULES[application.service])
    return [reason for reason in found if reason is not None]


def terms_accepted(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.accepted_terms:
        return None
    return Reason(ReasonCode.TERMS_NOT_ACCEPTED, "R-EXP-4", "The terms shown on the settlement page must be accepted.")


def quote_is_valid(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.quote_valid is not False:
        return None
    return Reason(
        ReasonCode.QUOTE_EXPIRED, "R-CAT-4", "The quote has expired or is for something else. Ask for a new one."
    )


def not_stolen(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.incident.cause is not Cause.THEFT:
        return None
    message = "A stolen device is not covered. Please report it to the local authorities at once."
    return Reason(ReasonCode.DEVICE_STOLEN, "R-CLM-4", message)


def express_cause(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.incident.cause in EXPRESS_CAUSES or a.incident.cause is Cause.THEFT:
        return None
    message = "Care Express handles collision, water damage and wear. For a flyaway use the flyaway service."
    return Reason(ReasonCode.SERVICE_NOT_APPLICABLE, "R-EXP-1", message)


def unit_is_current(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if s.status is DeviceStatus.REPLACED:
        on = f" on {s.replaced_on}" if s.replaced_on else ""
        message = f"This unit was replaced by {s.current_serial_number}{on}; cover moved to it."
        return Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message)
    if s.status is DeviceStatus.LOST:
        message = f"This unit was lost and replaced by {s.current_serial_number}; it has no cover of its own."
        return Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", message)
    return None


def covered_now(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if term_at(s.terms, now) is not None:
        return None
    if question := next((t.question for t in s.terms if t.question), None):
        return question_text(question)
    ended = last_ended(s.terms, now)
    if ended is None:
        if s.terms:
            first = min((t.starts_at for t in s.terms if t.starts_at), default=None)
            when = f"it begins on {local_day(first, s.region.time_zone)}" if first else "the device is not activated"
            return Reason(ReasonCode.NO_PLAN, "R-CLM-1", f"Cover has not begun yet: {when}.")
        return Reason(ReasonCode.NO_PLAN, "R-CLM-1", "There is no plan for this device.")
    until = renewable_until(s.terms, s.region.time_zone)
    renewal = ""
    if until is not None and whole_second(now) <= until:
        renewal = f"; it can be renewed until {local_day(until, s.region.time_zone)}, for later incidents"
    message = f"Cover ended on {ended.ends_on}. Benefits can no longer be used{renewal}."
    return Reason(ReasonCode.COVERAGE_EXPIRED, "R-CLM-1", message)


def incident_covered(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    since = unbroken_since(s.terms, now)
    if since is None:
        return None  # covered_now reports it
    zone = s.region.time_zone
    occurred = local_text(a.incident.occurred_at, zone)
    if a.incident.occurred_at > now + CLOCK_SKEW:
        message = f"The incident of {occurred} lies in the future: it is {local_text(now, zone)}."
    elif a.incident.occurred_at < since:
        start = local_text(since, zone)
        message = f"The incident of {occurred} lies before the cover, which has been unbroken since {start}."
    else:
        return None
    return Reason(ReasonCode.INCIDENT_OUTSIDE_COVERAGE, "R-CLM-1", message)


def use_available(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    term = term_at(s.terms, now)
    if term is None:
        return None
    replacements, _ = tally(term, s.uses)
    if replacements.left > 0 or (s.open_claim_id and replacements.used < replacements.total):
        return None  # no_open_claim reports the open case, so its reservation is no reason
    count = replacements.total
    message = f"All {count} replacements of this plan have been used. Online Repair at cost is still open to you."
    return Reason(ReasonCode.NO_REPLACEMENTS_LEFT, "R-CLM-5", message)


def flyaway_use_available(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    term = term_at(s.terms, now)
    if term is None or not s.model.flyaway or s.model.category is not Category.DRONE:
        return None
    replacements, flyaway = tally(term, s.uses)
    claimed = flyaway.used if s.open_claim_id else flyaway.used + flyaway.reserved
    if claimed < flyaway.total:
        return None  # left by the cap; where the whole pool is empty, use_available reports it (edge case 39)
    message = f"All {flyaway.total} flyaway replacements of this plan have been used."
    if flyaway.total == 0:
        message = "This plan has no flyaway replacement."
    if replacements.left > 0:
        message += " Damage is still covered."
    return Reason(ReasonCode.NO_FLYAWAY_LEFT, "R-FLY-1", message)


def flyaway_supported(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if s.model.category is not Category.DRONE:
        message = "Flyaway cover exists only for camera drones."
    elif not s.model.flyaway:
        message = f"Flyaway cover is not available for the {s.model.name}."
    else:
        return None
    return Reason(ReasonCode.FLYAWAY_NOT_SUPPORTED, "R-FLY-1", message)


def bound_at_incident(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    bound = s.bindings_at(a.incident.occurred_at)
    if s.model.category is not Category.DRONE or any(map(s.counts_for_flyaway, bound)):
        return None
    if bound and not s.terms:
        return None  # covered_now reports it
    if bound:
        day = local_day(bound[-1].bound_at, s.region.time_zone)
        message = (
            f"The remote controller was bound on {day}, before the plan was bought. Flyaway cover needs a binding made "
            "on the day of the purchase or later; bind it again for later flights."
        )
        return Reason(ReasonCode.NOT_BOUND, "R-FLY-8", message)
    message = "This drone was not bound to a remote controller when it was lost, so flyaway cover does not apply."
    return Reason(ReasonCode.NOT_BOUND, "R-FLY-2", message)


def confirmed_unrecoverable(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.confirmed_unrecoverable:
        return None
    message = "Please confirm that the drone cannot be retrieved."
    return Reason(ReasonCode.NOT_CONFIRMED_UNRECOVERABLE, "R-FLY-1", message)


def reported_in_time(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    zone = s.region.time_zone
    last = local_day(a.incident.occurred_at, zone) + timedelta(days=a.policy.flyaway_report_days)
    if local_day(now, zone) <= last:
        return None
    message = f"A flyaway must be reported within {a.policy.flyaway_report_days} days; the last day was {last}."
    return Reason(ReasonCode.REPORT_TOO_LATE, "R-FLY-3", message)


def no_open_claim(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if s.open_claim_id is None:
        return None
    return Reason(ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7", f"Case {s.open_claim_id} for this device is still open.")


def no_amount_owed(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if not s.amount_owed:
        return None
    message = f"{s.amount_owed} of an earlier case is still owed. It must be paid before a new case."
    return Reason(ReasonCode.AMOUNT_OWED, "R-RET-9", message)


def battery_replaceable(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if not a.replace_battery or s.model.battery_removable:
        return None
    message = f"The {s.model.name} has no battery that could be replaced with it."
    return Reason(ReasonCode.BATTERY_NOT_REPLACEABLE, "R-EXP-7", message)


def premium_offered(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.tier is not Tier.PREMIUM or (s.region.premium and a.premium_delivers):
        return None
    where = s.region.name if not s.region.premium else "the country of delivery"
    message = f"The Premium Plan is not offered in {where}."
    if a.premium_delivers:
        message += " The Standard Plan is."
    return Reason(ReasonCode.PREMIUM_UNAVAILABLE, "R-EXP-3", message)


def delivered_in_region(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    """R-CLM-11: cover counts in the region that it was bought for, and is delivered there."""
    return None if a.delivery_country is None else delivery_outside(s.region, a.delivery_country)


def delivery_outside(region: Region, country: str) -> Reason | None:
    """Why nothing of the cover of `region` is delivered to `country`; None when it is (R-CLM-11)."""
    if country.upper() in region.countries:
        return None
    message = (
        f"This device and its cover are of the region {region.name}; nothing is delivered to {country}. "
        f"Give an address in {', '.join(region.countries)}. For a customer who has "
        "moved, ask staff."
    )
    return Reason(ReasonCode.DELIVERY_OUTSIDE_REGION, "R-CLM-11", message)


def card_accepted(a: Application, s: DeviceSnapshot, now: datetime) -> Reason | None:
    if a.tier is not Tier.PREMIUM or a.card is None:
        return None
    if a.card.brand in a.policy.premium_brands and a.card.funding in a.policy.premium_funding:
        return None
    message = (
        "The Premium Plan needs a Visa, Mastercard or American Express credit card. The Standard Plan takes any card."
    )
    return Reason(ReasonCode.CARD_NOT_ACCEPTED, "R-EXP-3", message)


_COMMON_RULES: tuple[Rule, ...] = (
    terms_accepted,
    quote_is_valid,
    not_stolen,
    unit_is_current,
    covered_now,
    incident_covered,
    use_available,
    no_open_claim,
    no_amount_owed,
    delivered_in_region,
)

RULES: dict[Service, tuple[Rule, ...]] = {
    Service.CARE_EXPRESS: (*_COMMON_RULES, express_cause, battery_replaceable, premium_offered, card_accepted),
    Service.FLYAWAY: (
        *_COMMON_RULES,
        flyaway_supported,
        flyaway_use_available,
        bound_at_incident,
        confirmed_unrecoverable,
        reported_in_time,
    ),
    Service.ONLINE_REPAIR: (not_stolen, unit_is_current, no_open_claim, no_amount_owed, delivered_in_region),
    Service.MAINTENANCE: (unit_is_current, no_open_claim, no_amount_owed, delivered_in_region),
}
