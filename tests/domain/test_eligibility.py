"""Eligibility of a Care Express claim: every rule alone, several at once, and each boundary."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.claim import Incident
from domain.eligibility import RULES, Card, refusals
from domain.kinds import Cause, DeviceStatus, ReasonCode, Service, TermKind, Tier
from domain.reasons import Reason
from tests.domain.samples import (
    HANDHELD,
    INCIDENT,
    JP,
    LA,
    NOW,
    at,
    consumed,
    pending,
    premium,
    reserved,
    snapshot,
    term,
    usd,
)

SECOND = timedelta(seconds=1)
THEFT = Incident(Cause.THEFT, INCIDENT)
REPLACED: dict[str, Any] = {
    "status": DeviceStatus.REPLACED,
    "current_serial_number": "SN200",
    "replaced_on": date(2026, 5, 1),
}
LOST: dict[str, Any] = {"status": DeviceStatus.LOST, "current_serial_number": "SN200"}
ALL_USED = (consumed("a"), consumed("b"))
LAST_RESERVED = (consumed("a"), reserved("b"))


@dataclass(frozen=True)
class Case:
    """One thing wrong with an otherwise good Premium application, and the one reason it is refused for."""

    code: ReasonCode
    rule: str
    message: str
    application: dict[str, Any] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOW

    def reasons(self) -> list[Reason]:
        return refusals(premium(**self.application), snapshot(**self.snapshot), self.now)


ALONE = {
    "the terms are not accepted": Case(
        ReasonCode.TERMS_NOT_ACCEPTED,
        "R-EXP-4",
        "The terms shown on the settlement page must be accepted.",
        {"accepted_terms": False},
    ),
    "the quote has expired": Case(
        ReasonCode.QUOTE_EXPIRED,
        "R-CAT-4",
        "The quote has expired or is for something else. Ask for a new one.",
        {"quote_valid": False},
    ),
    "the device was stolen": Case(
        ReasonCode.DEVICE_STOLEN,
        "R-CLM-4",
        "A stolen device is not covered. Please report it to the local authorities at once.",
        {"incident": THEFT},
    ),
    "the unit was replaced": Case(
        ReasonCode.DEVICE_REPLACED,
        "R-CLM-9",
        "This unit was replaced by SN200 on 2026-05-01; cover moved to it.",
        snapshot=REPLACED,
    ),
    "the unit was lost and replaced": Case(
        ReasonCode.DEVICE_LOST,
        "R-FLY-6",
        "This unit was lost and replaced by SN200; it has no cover of its own.",
        snapshot=LOST,
    ),
    "there is no plan": Case(
        ReasonCode.NO_PLAN, "R-CLM-1", "There is no plan for this device.", snapshot={"terms": ()}
    ),
    "the device is not activated": Case(
        ReasonCode.NO_PLAN,
        "R-CLM-1",
        "Cover has not begun yet: the device is not activated.",
        snapshot={"terms": (pending(),)},
    ),
    "cover begins later": Case(
        ReasonCode.NO_PLAN,
        "R-CLM-1",
        "Cover has not begun yet: it begins on 2026-08-01.",
        snapshot={"terms": (term("2027-08-02T00:00:00"), term("2026-08-01T00:00:00"), pending())},
    ),
    "cover has ended and can be renewed": Case(
        ReasonCode.COVERAGE_EXPIRED,
        "R-CLM-1",
        "Cover ended on 2027-01-10. Benefits can no longer be used; "
        "it can be renewed until 2027-01-25, for later incidents.",
        now=at("2027-01-25T23:59:59", LA) + SECOND * 0.9,
    ),
    "cover has ended for good": Case(
        ReasonCode.COVERAGE_EXPIRED,
        "R-CLM-1",
        "Cover ended on 2027-01-10. Benefits can no longer be used.",
        now=at("2027-01-26T00:00:00", LA),
    ),
    "three years have ended": Case(
        ReasonCode.COVERAGE_EXPIRED,
        "R-CLM-1",
        "Cover ended on 2026-05-20. Benefits can no longer be used.",
        snapshot={"terms": (term("2023-05-19T10:00:00", TermKind.TWO_YEARS), term("2025-05-20T00:00:00", id="t2"))},
    ),
    "the incident lies before the cover": Case(
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        "R-CLM-1",
        "The incident of 2026-01-09 23:59:59 America/Los_Angeles lies before the cover, "
        "which has been unbroken since 2026-01-10 10:00:00 America/Los_Angeles.",
        {"incident": Incident(Cause.COLLISION, at("2026-01-09T23:59:59", LA))},
    ),
    "the incident lies before the cover on its first day": Case(
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        "R-CLM-1",
        "The incident of 2026-01-10 09:59:59 America/Los_Angeles lies before the cover, "
        "which has been unbroken since 2026-01-10 10:00:00 America/Los_Angeles.",
        {"incident": Incident(Cause.COLLISION, at("2026-01-10T09:59:59", LA))},
    ),
    "the incident lies in the future": Case(
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        "R-CLM-1",
        "The incident of 2026-06-02 12:00:00 America/Los_Angeles lies in the future: "
        "it is 2026-06-01 05:00:00 America/Los_Angeles.",
        {"incident": Incident(Cause.COLLISION, at("2026-06-02T12:00:00", LA))},
    ),
    "every use is gone": Case(
        ReasonCode.NO_REPLACEMENTS_LEFT,
        "R-CLM-5",
        "All 2 replacements of this plan have been used. Online Repair at cost is still open to you.",
        snapshot={"uses": ALL_USED},
    ),
    "another claim is open": Case(
        ReasonCode.CLAIM_ALREADY_OPEN,
        "R-CLM-7",
        "Case C9 for this device is still open.",
        snapshot={"open_claim_id": "C9", "uses": (reserved("C9"),)},
    ),
    "the open claim holds the last use": Case(
        ReasonCode.CLAIM_ALREADY_OPEN,
        "R-CLM-7",
        "Case C9 for this device is still open.",
        snapshot={"open_claim_id": "C9", "uses": LAST_RESERVED},
    ),
    "an amount is owed": Case(
        ReasonCode.AMOUNT_OWED,
        "R-RET-9",
        "USD 880.00 of an earlier case is still owed. It must be paid before a new case.",
        snapshot={"amount_owed": usd(88000)},
    ),
    "it flew away": Case(
        ReasonCode.SERVICE_NOT_APPLICABLE,
        "R-EXP-1",
        "Care Express handles collision, water damage and wear. For a flyaway use the flyaway service.",
        {"incident": Incident(Cause.FLYAWAY, INCIDENT)},
    ),
    "the battery cannot be taken out": Case(
        ReasonCode.BATTERY_NOT_REPLACEABLE,
        "R-EXP-7",
        "The Osmo Mobile SE has no battery that could be replaced with it.",
        {"replace_battery": True},
        {"model": HANDHELD},
    ),
    "the region has no Premium": Case(
        ReasonCode.PREMIUM_UNAVAILABLE,
        "R-EXP-3",
        "The Premium Plan is not offered in Japan. The Standard Plan is.",
        snapshot={"region": JP},
    ),
    "the country of delivery has no Premium": Case(
        ReasonCode.PREMIUM_UNAVAILABLE,
        "R-EXP-3",
        "The Premium Plan is not offered in the country of delivery.",
        {"premium_delivers": False},
    ),
    "the address is in another region": Case(
        ReasonCode.DELIVERY_OUTSIDE_REGION,
        "R-CLM-11",
        "This device and its cover are of the region United States; nothing is delivered to DE. Give an address in US. "
        "For a customer who has moved, ask staff.",
        {"delivery_country": "DE"},
    ),
    "the card is a debit card": Case(
        ReasonCode.CARD_NOT_ACCEPTED,
        "R-EXP-3",
        "The Premium Plan needs a Visa, Mastercard or American Express credit card. The Standard Plan takes any card.",
        {"card": Card("visa", "debit")},
    ),
    "the card is of another network": Case(
        ReasonCode.CARD_NOT_ACCEPTED,
        "R-EXP-3",
        "The Premium Plan needs a Visa, Mastercard or American Express credit card. The Standard Plan takes any card.",
        {"card": Card("jcb", "credit")},
    ),
}


def test_a_good_application_is_not_refused() -> None:
    assert refusals(premium(), snapshot(), NOW) == []
    assert refusals(premium(tier=Tier.STANDARD), snapshot(), NOW) == []


@pytest.mark.parametrize("case", ALONE.values(), ids=ALONE.keys())
def test_each_rule_refuses_alone(case: Case) -> None:
    """R-EXP-1, R-EXP-3, R-EXP-4, R-EXP-7, R-CAT-4, R-CLM-1, R-CLM-4, R-CLM-5, R-CLM-7, R-CLM-9, R-FLY-6, R-RET-9."""
    assert case.reasons() == [Reason(case.code, case.rule, case.message)]


def test_the_table_has_a_case_for_every_rule() -> None:
    met = {
        rule
        for case in ALONE.values()
        for rule in RULES[Service.CARE_EXPRESS]
        if rule(premium(**case.application), snapshot(**case.snapshot), case.now)
    }
    assert met == set(RULES[Service.CARE_EXPRESS])


@pytest.mark.parametrize("cause", [Cause.COLLISION, Cause.WATER_DAMAGE, Cause.NATURAL_WEAR])
@pytest.mark.parametrize("tier", list(Tier))
def test_care_express_takes_damage_and_wear(cause: Cause, tier: Tier) -> None:
    """R-EXP-1, R-CLM-3."""
    assert refusals(premium(tier=tier, incident=Incident(cause, INCIDENT)), snapshot(), NOW) == []


def test_all_reasons_are_returned_at_once_in_order() -> None:
    """R-CLM-1, R-CLM-4, R-CLM-7, R-CLM-9, R-EXP-3, R-EXP-4, R-EXP-7, R-RET-9."""
    application = premium(
        accepted_terms=False,
        quote_valid=False,
        incident=THEFT,
        replace_battery=True,
        premium_delivers=False,
        card=Card("visa", "prepaid"),
    )
    device = snapshot(model=HANDHELD, terms=(), open_claim_id="C9", amount_owed=usd(1), **REPLACED)

    assert [reason.code for reason in refusals(application, device, NOW)] == [
        ReasonCode.TERMS_NOT_ACCEPTED,
        ReasonCode.QUOTE_EXPIRED,
        ReasonCode.DEVICE_STOLEN,
        ReasonCode.DEVICE_REPLACED,
        ReasonCode.NO_PLAN,
        ReasonCode.CLAIM_ALREADY_OPEN,
        ReasonCode.AMOUNT_OWED,
        ReasonCode.BATTERY_NOT_REPLACEABLE,
        ReasonCode.PREMIUM_UNAVAILABLE,
        ReasonCode.CARD_NOT_ACCEPTED,
    ]


def test_a_covered_device_collects_its_own_reasons() -> None:
    """R-CLM-1, R-CLM-5, R-CLM-7, R-EXP-1."""
    early = Incident(Cause.FLYAWAY, at("2025-12-01T00:00:00"))
    device = snapshot(uses=ALL_USED, open_claim_id="b")

    assert [reason.code for reason in refusals(premium(incident=early), device, NOW)] == [
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        ReasonCode.NO_REPLACEMENTS_LEFT,
        ReasonCode.CLAIM_ALREADY_OPEN,
        ReasonCode.SERVICE_NOT_APPLICABLE,
    ]


@pytest.mark.parametrize(
    ("brand", "funding", "accepted"),
    [
        ("visa", "credit", True),
        ("mastercard", "credit", True),
        ("amex", "credit", True),
        ("discover", "credit", False),
        ("visa", "debit", False),
        ("visa", "prepaid", False),
        ("visa", "unknown", False),
    ],
)
def test_premium_needs_an_accepted_credit_card(brand: str, funding: str, accepted: bool) -> None:
    """R-EXP-3, decision 14."""
    card = Card(brand, funding)
    codes = [r.code for r in refusals(premium(card=card), snapshot(), NOW)]
    assert codes == ([] if accepted else [ReasonCode.CARD_NOT_ACCEPTED])
    assert refusals(premium(card=card, tier=Tier.STANDARD), snapshot(), NOW) == []
