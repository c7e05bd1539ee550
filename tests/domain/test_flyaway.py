"""Eligibility of a flyaway claim: bindings, the pool of uses, the report's last day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.claim import Incident
from domain.coverage import Quota, UseEntry
from domain.device_snapshot import Binding
from domain.eligibility import RULES, refusals
from domain.kinds import Cause, DeviceStatus, ReasonCode, Service, TermKind
from domain.policy import Policy
from domain.reasons import Reason
from tests.domain.samples import (
    BERLIN,
    HANDHELD,
    INCIDENT,
    LA,
    NOW,
    PLAIN_DRONE,
    SYDNEY,
    TOKYO,
    US,
    at,
    consumed,
    flyaway,
    premium,
    reserved,
    snapshot,
    term,
    usd,
)

SECOND = timedelta(seconds=1)
UNSUPPORTED = ReasonCode.FLYAWAY_NOT_SUPPORTED
NONE_LEFT = ReasonCode.NO_FLYAWAY_LEFT
POOL_EMPTY = ReasonCode.NO_REPLACEMENTS_LEFT
NO_FLYAWAYS = (term(quota=Quota(2, 0)),)
ALONE = [
    pytest.param(
        {}, {"model": PLAIN_DRONE, "terms": NO_FLYAWAYS}, UNSUPPORTED, "R-FLY-1",
        "Flyaway cover is not available for the Mavic Mini.",
        id="edge 40: an unsupported drone",
    ),
    pytest.param(
        {}, {"model": HANDHELD, "terms": NO_FLYAWAYS}, UNSUPPORTED, "R-FLY-1",
        "Flyaway cover exists only for camera drones.",
        id="edge 40: a handheld",
    ),
    pytest.param(
        {}, {"uses": (consumed("a", flyaway=True),)}, NONE_LEFT, "R-FLY-1",
        "All 1 flyaway replacements of this plan have been used. Damage is still covered.",
        id="edge 38: the flyaway used",
    ),
    pytest.param(
        {}, {"terms": (term(kind=TermKind.REFRESH_PLUS),)}, NONE_LEFT, "R-FLY-1",
        "This plan has no flyaway replacement. Damage is still covered.",
        id="a plan without flyaway uses",
    ),
    pytest.param(
        {}, {"uses": (consumed("a"), consumed("b"))}, POOL_EMPTY, "R-CLM-5",
        "All 2 replacements of this plan have been used. Online Repair at cost is still open to you.",
        id="edge 39: two damages",
    ),
    pytest.param(
        {}, {"bindings": ()}, ReasonCode.NOT_BOUND, "R-FLY-2",
        "This drone was not bound to a remote controller when it was lost, so flyaway cover does not apply.",
        id="never bound",
    ),
    pytest.param(
        {"confirmed_unrecoverable": False}, {}, ReasonCode.NOT_CONFIRMED_UNRECOVERABLE, "R-FLY-1",
        "Please confirm that the drone cannot be retrieved.",
        id="perhaps retrievable",
    ),
    pytest.param(
        {"incident": Incident(Cause.FLYAWAY, at("2026-05-01T12:00:00", LA))}, {}, ReasonCode.REPORT_TOO_LATE, "R-FLY-3",
        "A flyaway must be reported within 30 days; the last day was 2026-05-31.",
        id="reported late",
    ),
    pytest.param(
        {"incident": Incident(Cause.THEFT, INCIDENT)}, {}, ReasonCode.DEVICE_STOLEN, "R-CLM-4",
        "A stolen device is not covered. Please report it to the local authorities at once.",
        id="stolen",
    ),
    pytest.param(
        {}, {"open_claim_id": "C9", "uses": (reserved("C9", flyaway=True),)}, ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7",
        "Case C9 for this device is still open.",
        id="a claim is open",
    ),
    pytest.param(
        {}, {"terms": ()}, ReasonCode.NO_PLAN, "R-CLM-1", "There is no plan for this device.",
        id="no plan",
    ),
]  # fmt: skip


def test_a_good_report_is_not_refused() -> None:
    """R-FLY-1."""
    assert refusals(flyaway(), snapshot(), NOW) == []


@pytest.mark.parametrize(("application", "device", "code", "rule", "message"), ALONE)
def test_each_precondition_refuses_alone(
    application: dict[str, Any], device: dict[str, Any], code: ReasonCode, rule: str, message: str
) -> None:
    """R-FLY-1, R-FLY-2, R-FLY-3, R-CLM-1, R-CLM-4, R-CLM-5, R-CLM-7."""
    reasons = refusals(flyaway(**application), snapshot(**device), at("2026-06-01T00:00:00", LA))
    assert reasons == [Reason(code, rule, message)]


def test_all_preconditions_are_returned_at_once_in_order() -> None:
    """R-FLY-1."""
    application = flyaway(
        accepted_terms=False,
        quote_valid=False,
        confirmed_unrecoverable=False,
        incident=Incident(Cause.THEFT, at("2025-12-01T00:00:00")),
        delivery_country="DE",
    )
    device = snapshot(
        status=DeviceStatus.LOST,
        current_serial_number="SN200",
        uses=(consumed("a", flyaway=True), consumed("b")),
        open_claim_id="C9",
        amount_owed=usd(1),
        bindings=(),
    )
    assert [r.code for r in refusals(application, device, NOW)] == [
        ReasonCode.TERMS_NOT_ACCEPTED,
        ReasonCode.QUOTE_EXPIRED,
        ReasonCode.DEVICE_STOLEN,
        ReasonCode.DEVICE_LOST,
        ReasonCode.INCIDENT_OUTSIDE_COVERAGE,
        ReasonCode.NO_REPLACEMENTS_LEFT,
        ReasonCode.CLAIM_ALREADY_OPEN,
        ReasonCode.AMOUNT_OWED,
        ReasonCode.DELIVERY_OUTSIDE_REGION,
        ReasonCode.NO_FLYAWAY_LEFT,
        ReasonCode.NOT_BOUND,
        ReasonCode.NOT_CONFIRMED_UNRECOVERABLE,
        ReasonCode.REPORT_TOO_LATE,
    ]
    assert [r.code for r in refusals(flyaway(), snapshot(model=PLAIN_DRONE, bindings=()), NOW)] == [
        ReasonCode.FLYAWAY_NOT_SUPPORTED,
        ReasonCode.NOT_BOUND,
    ]
    assert len(RULES[Service.FLYAWAY]) == 15


ONE_YEAR, TWO_YEARS = Quota(2, 1), Quota(4, 2)
FLOWN, HIT = consumed("f", flyaway=True), consumed("d")


@pytest.mark.parametrize(
    ("quota", "uses", "flyaway_refused", "damage_refused"),
    [
        pytest.param(ONE_YEAR, (), [], [], id="nothing used"),
        pytest.param(ONE_YEAR, (HIT,), [], [], id="one damage"),
        pytest.param(ONE_YEAR, (FLOWN,), [NONE_LEFT], [], id="edge 38: the cap used, damage still open"),
        pytest.param(ONE_YEAR, (HIT, consumed("e")), [POOL_EMPTY], [POOL_EMPTY], id="edge 39: total used"),
        pytest.param(ONE_YEAR, (HIT, FLOWN), [POOL_EMPTY, NONE_LEFT], [POOL_EMPTY], id="total and cap used"),
        pytest.param(TWO_YEARS, (FLOWN,), [], [], id="one of two flyaways"),
        pytest.param(TWO_YEARS, (FLOWN, consumed("g", flyaway=True)), [NONE_LEFT], [], id="both flyaways in year one"),
        pytest.param(TWO_YEARS, (FLOWN, HIT, consumed("e")), [], [], id="the last use is a flyaway"),
        pytest.param(Quota(2, 0), (), [NONE_LEFT], [], id="no flyaway in the plan"),
    ],
)
def test_flyaways_share_one_pool_under_a_cap(
    quota: Quota, uses: tuple[UseEntry, ...], flyaway_refused: list[ReasonCode], damage_refused: list[ReasonCode]
) -> None:
    """R-PLN-2, R-PLN-3, R-FLY-1, R-CLM-5."""
    device = snapshot(terms=(term(quota=quota),), uses=uses)
    assert [r.code for r in refusals(flyaway(), device, NOW)] == flyaway_refused
    assert [r.code for r in refusals(premium(), device, NOW)] == damage_refused


@pytest.mark.parametrize(
    ("uses", "open_claim_id", "codes"),
    [
        pytest.param((reserved("f", flyaway=True),), None, [NONE_LEFT], id="reserved"),
        pytest.param((reserved("f", flyaway=True),), "f", [ReasonCode.CLAIM_ALREADY_OPEN], id="by the open claim"),
        pytest.param((FLOWN,), "f", [ReasonCode.CLAIM_ALREADY_OPEN, NONE_LEFT], id="used up, whatever is open"),
    ],
)
def test_a_reserved_flyaway_is_not_left(
    uses: tuple[UseEntry, ...], open_claim_id: str | None, codes: list[ReasonCode]
) -> None:
    """R-PLN-2, R-CLM-7: an open claim is the reason, not its own reservation."""
    assert [r.code for r in refusals(flyaway(), snapshot(uses=uses, open_claim_id=open_claim_id), NOW)] == codes


def test_damage_is_called_covered_only_while_it_is() -> None:
    """R-FLY-1."""
    messages = [r.message for r in refusals(flyaway(), snapshot(uses=(HIT, FLOWN)), NOW)]
    assert messages[-1] == "All 1 flyaway replacements of this plan have been used."


def bound(start: str, end: str | None = None, controller: str = "RC1") -> Binding:
    return Binding(controller, at(start), at(end) if end else None)


@pytest.mark.parametrize(
    ("bindings", "was_bound"),
    [
        pytest.param((bound("2026-05-30T09:00:00"),), True, id="bound at that very second"),
        pytest.param((bound("2026-05-30T08:59:59"),), True, id="bound the second before"),
        pytest.param((bound("2026-05-30T09:00:01"),), False, id="edge 41: bound the second after"),
        pytest.param((bound("2026-01-11T00:00:00", "2026-05-30T09:00:01"),), True, id="unbound the second after"),
        pytest.param((bound("2026-01-11T00:00:00", "2026-05-30T09:00:00"),), False, id="edge 41: unbound that second"),
        pytest.param((bound("2026-01-11T00:00:00", "2026-05-30T08:59:59"),), False, id="edge 41: unbound before"),
        pytest.param((), False, id="edge 42: a replacement not bound again"),
        pytest.param(
            (bound("2026-01-11T00:00:00", "2026-03-01T00:00:00"), bound("2026-03-01T00:00:00", controller="RC2")),
            True,
            id="edge 43: the second controller",
        ),
        pytest.param(
            (bound("2026-03-01T00:00:00"), bound("2026-01-11T00:00:00", "2026-02-01T00:00:00", "RC2")),
            True,
            id="edge 43: in any order",
        ),
        pytest.param(
            (
                bound("2026-01-11T00:00:00", "2026-05-30T08:00:00"),
                bound("2026-05-30T10:00:00", controller="RC2"),
            ),
            False,
            id="edge 43: between two controllers",
        ),
    ],
)
def test_the_drone_was_bound_when_it_was_lost(bindings: tuple[Binding, ...], was_bound: bool) -> None:
    """R-FLY-1, R-FLY-2, R-CLM-10: bound_at <= incident < unbound_at."""
    device = snapshot(bindings=bindings)
    assert bool(device.bindings_at(INCIDENT)) is was_bound
    assert [r.code for r in refusals(flyaway(), device, NOW)] == ([] if was_bound else [ReasonCode.NOT_BOUND])


REPORTS = [
    # region's zone, lost, the last second to report it
    pytest.param(LA, "2026-05-01T00:00:00", "2026-05-31T23:59:59", id="lost as the day began"),
    pytest.param(LA, "2026-05-01T23:59:59", "2026-05-31T23:59:59", id="lost as the day ended"),
    pytest.param(LA, "2026-02-20T12:00:00", "2026-03-22T23:59:59", id="the clock went forward"),
    pytest.param(LA, "2026-10-20T12:00:00", "2026-11-19T23:59:59", id="the clock went back"),
    pytest.param(BERLIN, "2026-03-10T12:00:00", "2026-04-09T23:59:59", id="Berlin"),
    pytest.param(TOKYO, "2026-02-10T00:00:00", "2026-03-12T23:59:59", id="Tokyo"),
    pytest.param(SYDNEY, "2026-09-20T23:00:00", "2026-10-20T23:59:59", id="Sydney"),
]


@pytest.mark.parametrize(("zone", "lost", "last"), REPORTS)
def test_a_flyaway_is_reported_by_the_end_of_day_thirty(zone: str, lost: str, last: str) -> None:
    """R-FLY-3, decision 8."""
    device = snapshot(region=replace(US, time_zone=zone))
    application = flyaway(incident=Incident(Cause.FLYAWAY, at(lost, zone)))

    def codes(now: datetime) -> list[ReasonCode]:
        return [r.code for r in refusals(application, device, now)]

    end = at(last, zone)
    assert codes(end - SECOND) == codes(end) == codes(end + SECOND * 0.999) == []
    assert codes(end + SECOND) == [ReasonCode.REPORT_TOO_LATE]


def test_the_report_limit_is_configuration() -> None:
    """R-FLY-3."""
    lost = Incident(Cause.FLYAWAY, at("2026-05-30T12:00:00", LA))
    application = flyaway(incident=lost, policy=Policy(flyaway_report_days=2))
    assert refusals(application, snapshot(), at("2026-06-01T23:59:59", LA)) == []
    reasons = refusals(application, snapshot(), at("2026-06-02T00:00:00", LA))
    assert [r.message for r in reasons] == ["A flyaway must be reported within 2 days; the last day was 2026-06-01."]


def test_care_express_takes_no_flyaway() -> None:
    """R-FLY-7, R-EXP-1."""
    application = premium(incident=Incident(Cause.FLYAWAY, datetime(2026, 5, 30, tzinfo=UTC)))
    assert [r.code for r in refusals(application, snapshot(), NOW)] == [ReasonCode.SERVICE_NOT_APPLICABLE]
