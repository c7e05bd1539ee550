"""Which incident a term covers, the uses left, and the rules of each service."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.claim import Incident
from domain.coverage import Quota
from domain.eligibility import Application, Card, refusals
from domain.kinds import Cause, ReasonCode, Service, Tier
from domain.policy import Policy
from tests.domain.samples import (
    EU,
    HANDHELD,
    INCIDENT,
    JP,
    LA,
    NOW,
    PLAIN_DRONE,
    at,
    consumed,
    flyaway,
    given_back,
    premium,
    reserved,
    snapshot,
    term,
    usd,
)
from tests.domain.test_eligibility import ALL_USED, LOST, REPLACED, SECOND, THEFT

TERM = term()
assert TERM.starts_at
assert TERM.ends_at


@pytest.mark.parametrize(
    ("now", "codes"),
    [
        pytest.param(TERM.starts_at - SECOND, [ReasonCode.NO_PLAN], id="the second before the first"),
        pytest.param(TERM.starts_at, [], id="the first instant"),
        pytest.param(TERM.ends_at - SECOND, [], id="the second before the last"),
        pytest.param(TERM.ends_at, [], id="the last second"),
        pytest.param(TERM.ends_at + SECOND * 0.999, [], id="within the last second"),
        pytest.param(TERM.ends_at + SECOND, [ReasonCode.COVERAGE_EXPIRED], id="the second after"),
    ],
)
def test_the_request_must_lie_within_the_cover(now: datetime, codes: list[ReasonCode]) -> None:
    """R-CLM-1, edge case 35."""
    application = premium(incident=Incident(Cause.COLLISION, now))
    assert [r.code for r in refusals(application, snapshot(), now)] == codes


@pytest.mark.parametrize(
    ("occurred_at", "covered"),
    [
        pytest.param(TERM.starts_at - SECOND, False, id="the second before cover"),
        pytest.param(TERM.starts_at, True, id="as cover begins"),
        pytest.param(TERM.starts_at + SECOND, True, id="the second after"),
        pytest.param(NOW, True, id="now"),
        pytest.param(NOW + timedelta(minutes=5), True, id="a clock five minutes fast"),
        pytest.param(NOW + timedelta(minutes=5, seconds=1), False, id="the second after that"),
    ],
)
def test_the_incident_must_lie_within_the_cover(occurred_at: datetime, covered: bool) -> None:
    """R-CLM-1."""
    application = premium(incident=Incident(Cause.COLLISION, occurred_at))
    codes = [r.code for r in refusals(application, snapshot(), NOW)]
    assert codes == ([] if covered else [ReasonCode.INCIDENT_OUTSIDE_COVERAGE])


ENDED = term("2025-01-10T10:00:00")  # to 10 January 2026
NEXT = term("2026-01-11T00:00:00", id="t2")
LATE = term("2026-01-20T15:00:00", id="t2")


@pytest.mark.parametrize(
    ("second", "occurred", "covered"),
    [
        pytest.param(NEXT, "2026-01-10T23:59:59", True, id="edge 35: the old term's last second, renewed in time"),
        pytest.param(NEXT, "2025-02-01T00:00:00", True, id="well within the old term"),
        pytest.param(NEXT, "2025-01-10T09:59:59", False, id="before the old term"),
        pytest.param(LATE, "2026-01-10T23:59:59", False, id="edge 48: before the gap"),
        pytest.param(LATE, "2026-01-15T12:00:00", False, id="edge 48: in the gap"),
        pytest.param(LATE, "2026-01-20T14:59:59", False, id="edge 48: the gap's last second"),
        pytest.param(LATE, "2026-01-20T15:00:00", True, id="edge 48: as the renewal begins"),
    ],
)
def test_an_incident_before_a_renewal_counts_only_without_a_gap(second: Any, occurred: str, covered: bool) -> None:
    """R-CLM-1, R-REN-3."""
    application = premium(incident=Incident(Cause.COLLISION, at(occurred, LA)))
    codes = [r.code for r in refusals(application, snapshot(terms=(ENDED, second)), at("2026-01-25T00:00:00"))]
    assert codes == ([] if covered else [ReasonCode.INCIDENT_OUTSIDE_COVERAGE])


@pytest.mark.parametrize(
    ("quota", "uses", "left"),
    [
        (Quota(2, 1), (), True),
        (Quota(2, 1), (consumed("a"),), True),
        (Quota(2, 1), (consumed("a"), reserved("b"), given_back("b")), True),
        (Quota(2, 1), (consumed("a"), consumed("b", flyaway=True)), False),
        (Quota(4, 2), (consumed("a"), consumed("b"), consumed("c")), True),
        (Quota(4, 2), tuple(consumed(c) for c in "abcd"), False),
    ],
)
def test_the_last_use_can_be_used_and_no_more(quota: Quota, uses: tuple[Any, ...], left: bool) -> None:
    """R-CLM-5, R-PLN-2, edge case 37."""
    reasons = refusals(premium(), snapshot(terms=(term(quota=quota),), uses=uses), NOW)
    assert [r.code for r in reasons] == ([] if left else [ReasonCode.NO_REPLACEMENTS_LEFT])
    assert all(f"All {quota.total} replacements" in r.message for r in reasons)


def test_a_new_term_has_uses_of_its_own() -> None:
    """R-REN-4."""
    device = snapshot(terms=(ENDED, NEXT), uses=ALL_USED)
    assert refusals(premium(), device, NOW) == []


@pytest.mark.parametrize(("region", "delivers"), [(JP, True), (JP, False), (EU, False)])
def test_standard_is_offered_where_premium_is_not(region: Any, delivers: bool) -> None:
    """R-EXP-2, R-EXP-3."""
    application = premium(tier=Tier.STANDARD, premium_delivers=delivers)
    assert refusals(application, snapshot(region=region), NOW) == []


def test_a_removable_battery_may_be_replaced_with_the_device() -> None:
    """R-EXP-7, edge case 17."""
    assert refusals(premium(replace_battery=True), snapshot(), NOW) == []
    assert refusals(premium(replace_battery=False), snapshot(model=HANDHELD), NOW) == []


def test_nothing_owed_is_not_owed() -> None:
    """R-RET-9."""
    assert refusals(premium(), snapshot(amount_owed=usd(0)), NOW) == []


@pytest.mark.parametrize("kind", ["unbound", "no flyaway model"])
def test_damage_needs_no_binding_and_no_flyaway_cover(kind: str) -> None:
    """R-EXP-1."""
    device = snapshot(bindings=()) if kind == "unbound" else snapshot(model=PLAIN_DRONE)
    assert refusals(premium(), device, NOW) == []


def test_every_service_has_the_common_rules() -> None:
    """R-CLM-1, R-CLM-4, R-CLM-5, R-CLM-7, R-CLM-9, R-RET-9."""
    device = snapshot(terms=(), open_claim_id="C9", amount_owed=usd(1), **LOST)
    both = [
        [r.code for r in refusals(application, device, NOW)][:6]
        for application in (
            premium(accepted_terms=False, incident=THEFT),
            replace(flyaway(), accepted_terms=False, incident=THEFT),
        )
    ]
    assert both[0] == both[1]


JOBS = {
    "online repair": Application(Service.ONLINE_REPAIR, None, Incident(Cause.COLLISION, INCIDENT)),
    "maintenance": Application(Service.MAINTENANCE, None, Incident(Cause.NATURAL_WEAR, INCIDENT)),
}
JOB_REFUSALS = [
    pytest.param({}, [], id="a covered device"),
    pytest.param({"terms": ()}, [], id="no plan: a repair at cost is open to everybody"),
    pytest.param({"terms": (term("2024-01-10T10:00:00"),)}, [], id="cover that has ended"),
    pytest.param({"uses": ALL_USED}, [], id="no use left"),
    pytest.param({"open_claim_id": "C9"}, [ReasonCode.CLAIM_ALREADY_OPEN], id="a case is open"),
    pytest.param({"amount_owed": usd(1)}, [ReasonCode.AMOUNT_OWED], id="something is owed"),
    pytest.param(REPLACED, [ReasonCode.DEVICE_REPLACED], id="a replaced unit"),
    pytest.param(LOST, [ReasonCode.DEVICE_LOST], id="a lost unit"),
]


@pytest.mark.parametrize("job", list(JOBS))
@pytest.mark.parametrize(("device", "codes"), JOB_REFUSALS)
def test_the_workshop_takes_every_current_unit(job: str, device: dict[str, Any], codes: list[ReasonCode]) -> None:
    """R-CLM-3, R-CLM-5, R-CLM-7, R-CLM-9, R-RET-9: cover decides what a repair costs, not whether it is made."""
    assert [r.code for r in refusals(JOBS[job], snapshot(**device), NOW)] == codes


def test_a_stolen_unit_is_not_repaired() -> None:
    """R-CLM-4."""
    reasons = refusals(replace(JOBS["online repair"], incident=THEFT), snapshot(), NOW)
    assert [r.code for r in reasons] == [ReasonCode.DEVICE_STOLEN]


def test_the_accepted_cards_are_configuration() -> None:
    """R-EXP-3, decision 14."""
    policy = Policy(premium_brands=("jcb",), premium_funding=("debit",))
    assert refusals(premium(card=Card("jcb", "debit"), policy=policy), snapshot(), NOW) == []
