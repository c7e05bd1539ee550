"""Renewal of cover: eligibility, start, and the renewed term's quota."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.claim import Incident
from domain.coverage import Term, new_term, next_anniversary, quota_for, tally, term_at, unbroken_since
from domain.dates import local_day
from domain.eligibility import refusals
from domain.fees import service_fee
from domain.kinds import Category, Cause, DeviceStatus, ReasonCode, Service, TermKind
from domain.reasons import Reason
from domain.renewal import Renewal, renewal
from tests.domain.samples import (
    BERLIN,
    DRONE,
    LA,
    SYDNEY,
    TOKYO,
    US,
    at,
    consumed,
    pending,
    premium,
    snapshot,
    term,
    usd,
)

SECOND = timedelta(seconds=1)
ONE, TWO, PLUS = TermKind.ONE_YEAR, TermKind.TWO_YEARS, TermKind.REFRESH_PLUS
FULL = Reason(ReasonCode.MAXIMUM_TERM_REACHED, "R-REN-2", "This device already has the maximum of 3 years.")


def chain(*kinds: TermKind, starts: str = "2024-01-10T10:00:00", zone: str = LA) -> tuple[Term, ...]:
    """Terms `t1`, `t2`, ... of these kinds, each right after the one before, to the first one's anniversary."""
    terms: list[Term] = []
    start = at(starts, zone)
    for n, kind in enumerate(kinds, 1):
        ends_on = next_anniversary(terms, terms[-1], zone) if terms else None
        terms.append(new_term(f"t{n}", kind, quota_for(kind, Category.DRONE, True), start, zone, ends_on))
        start = end_of(terms[-1]) + SECOND
    return tuple(terms)


def end_of(bought: Term) -> datetime:
    assert bought.ends_at is not None
    return bought.ends_at


def start_of(bought: Term) -> datetime:
    assert bought.starts_at is not None
    return bought.starts_at


def renewed(offered: Renewal, zone: str = LA) -> Term:
    """The term that buying the renewal writes."""
    assert offered.eligible
    assert offered.starts_at is not None
    return new_term("new", ONE, quota_for(ONE, Category.DRONE, True), offered.starts_at, zone, offered.ends_on)


FIRST = term("2025-01-10T10:00:00")  # to 10 January 2026
END = at("2026-01-10T23:59:59", LA)


@pytest.mark.parametrize(
    ("kinds", "refused"),
    [
        pytest.param([ONE], [], id="1Y"),
        pytest.param([TWO], [], id="2Y"),
        pytest.param([ONE, PLUS], [], id="1Y, Refresh+"),
        pytest.param([ONE, ONE], [], id="1Y, 1Y"),
        pytest.param([ONE, ONE, ONE], [FULL], id="1Y, 1Y, 1Y"),
        pytest.param([TWO, ONE], [FULL], id="2Y, 1Y"),
        pytest.param([ONE, PLUS, ONE], [FULL], id="1Y, Refresh+, 1Y"),
        pytest.param([ONE, ONE, PLUS], [FULL], id="1Y, 1Y, Refresh+"),
        pytest.param([TWO, PLUS], [FULL], id="2Y, Refresh+"),
    ],
)
def test_no_history_is_renewed_beyond_thirty_six_months(kinds: list[TermKind], refused: list[Reason]) -> None:
    """R-REN-1, R-REN-2: as the last term begins, in its last second, and in the grace period's."""
    terms = chain(*kinds)
    end = end_of(terms[-1])
    for now in (start_of(terms[-1]), end, end + timedelta(days=15)):
        assert renewal(snapshot(terms=terms), now).reasons == tuple(refused)
        assert renewal(snapshot(terms=terms[::-1]), now).reasons == tuple(refused), "in any order"


@pytest.mark.parametrize(
    ("kinds", "codes"),
    [
        pytest.param([ONE, ONE], [ReasonCode.RENEWAL_PENDING], id="1Y, 1Y pending: from when it has begun"),
        pytest.param([ONE, PLUS], [ReasonCode.RENEWAL_PENDING], id="1Y, Refresh+ pending"),
        pytest.param(
            [TWO, ONE], [ReasonCode.MAXIMUM_TERM_REACHED, ReasonCode.RENEWAL_PENDING], id="edge 47: 2Y, 1Y pending"
        ),
        pytest.param(
            [ONE, ONE, ONE], [ReasonCode.MAXIMUM_TERM_REACHED, ReasonCode.RENEWAL_PENDING], id="1Y, 1Y, 1Y pending"
        ),
    ],
)
def test_a_renewal_bought_already_blocks_another(kinds: list[TermKind], codes: list[ReasonCode]) -> None:
    """R-REN-5, R-REN-2, edge case 47: it counts towards the 36 months before it has begun."""
    terms = chain(*kinds)
    begins = start_of(terms[-1])
    full = [code for code in codes if code is not ReasonCode.RENEWAL_PENDING]

    for now in (start_of(terms[-2]), begins - SECOND, begins - SECOND * 0.001):
        reasons = renewal(snapshot(terms=terms), now).reasons
        assert [r.code for r in reasons] == codes
        assert reasons[-1] == Reason(
            ReasonCode.RENEWAL_PENDING,
            "R-REN-5",
            f"A renewal is bought already; it begins on {local_day(begins, LA)}.",
        )
    for now in (begins, begins + SECOND):
        assert [r.code for r in renewal(snapshot(terms=terms), now).reasons] == full


DAY_FIFTEEN = [
    # region's zone, the last covered day, the last second to renew
    pytest.param(LA, "2026-01-10", "2026-01-25", id="Los Angeles"),
    pytest.param(LA, "2026-03-01", "2026-03-16", id="the clock goes forward inside"),
    pytest.param(LA, "2026-02-21", "2026-03-08", id="day 15 is the short day"),
    pytest.param(LA, "2026-10-25", "2026-11-09", id="the clock goes back inside"),
    pytest.param(LA, "2026-10-17", "2026-11-01", id="day 15 is the long day"),
    pytest.param(BERLIN, "2026-03-20", "2026-04-04", id="Berlin, forward inside"),
    pytest.param(BERLIN, "2026-10-20", "2026-11-04", id="Berlin, back inside"),
    pytest.param(TOKYO, "2026-12-20", "2027-01-04", id="Tokyo, over the year's end"),
    pytest.param(SYDNEY, "2026-09-25", "2026-10-10", id="Sydney, forward inside"),
    pytest.param("America/Havana", "2025-02-21", "2025-03-08", id="Havana, no midnight follows"),
    pytest.param("Africa/Cairo", "2025-10-15", "2025-10-30", id="Cairo, 23:59:59 comes twice: the later"),
    pytest.param(LA, "2028-02-14", "2028-02-29", id="day 15 is the leap day"),
]


@pytest.mark.parametrize(("zone", "ends", "last"), DAY_FIFTEEN)
def test_day_fifteen_after_the_end_is_included(zone: str, ends: str, last: str) -> None:
    """R-REN-1, edge case 46: 23:59:59 in the region's zone still, 00:00:00 of day 16 no more."""
    ends_on, last_day = date.fromisoformat(ends), date.fromisoformat(last)
    bought = term(f"{ends_on.replace(year=ends_on.year - 1)}T10:00:00", zone=zone)
    assert bought.ends_on == ends_on
    assert last_day - ends_on == timedelta(days=15)
    device = snapshot(region=replace(US, time_zone=zone), terms=(bought,))
    end = at(f"{last}T23:59:59", zone) + (timedelta(hours=1) if zone == "Africa/Cairo" else timedelta())

    for now in (end_of(bought), end - SECOND, end, end + SECOND * 0.999):
        offered = renewal(device, now)
        assert offered.eligible
        assert offered.last_day == last_day
    assert local_day(end + SECOND, zone) == last_day + timedelta(days=1)
    assert renewal(device, end + SECOND).reasons == (
        Reason(
            ReasonCode.RENEWAL_WINDOW_CLOSED,
            "R-REN-1",
            f"Cover ended on {ends_on}; it could be renewed until {last_day}.",
        ),
    )


def test_three_years_that_are_long_over_are_not_shown_as_renewable() -> None:
    """R-REN-1, R-REN-2: all reasons, and each of them true."""
    offered = renewal(snapshot(terms=chain(TWO, ONE)), at("2030-01-01T00:00:00"))
    assert offered.reasons == (
        Reason(ReasonCode.RENEWAL_WINDOW_CLOSED, "R-REN-1", "Cover ended on 2027-01-10."),
        FULL,
    )


@pytest.mark.parametrize(
    ("now", "gap", "starts"),
    [
        pytest.param(at("2025-01-10T10:00:00", LA), False, at("2026-01-11T00:00:00", LA), id="as the plan begins"),
        pytest.param(END - SECOND, False, at("2026-01-11T00:00:00", LA), id="the second before the end"),
        pytest.param(END, False, at("2026-01-11T00:00:00", LA), id="the last second"),
        pytest.param(END + SECOND * 0.999, False, at("2026-01-11T00:00:00", LA), id="within the last second"),
        pytest.param(END + SECOND, False, at("2026-01-11T00:00:00", LA), id="the second after, which adjoins"),
        pytest.param(END + 2 * SECOND, True, at("2026-01-11T00:00:01", LA), id="a second that is not covered"),
        pytest.param(at("2026-01-20T15:00:00.5", LA), True, at("2026-01-20T15:00:00", LA), id="in the grace period"),
        pytest.param(at("2026-01-25T23:59:59", LA), True, at("2026-01-25T23:59:59", LA), id="its last second"),
    ],
)
def test_a_renewal_starts_the_day_after_or_at_purchase_with_a_gap(now: datetime, gap: bool, starts: datetime) -> None:
    """R-REN-3, decision 7."""
    offered = renewal(snapshot(terms=(FIRST,)), now)

    assert offered == Renewal(
        reasons=(),
        last_day=date(2026, 1, 25),
        starts_at=starts,
        starts_on=local_day(starts, LA),
        ends_on=local_day(starts, LA).replace(year=2027) if gap else date(2027, 1, 10),
        price=usd(13700),
        gap=gap,
    )
    bought = renewed(offered)
    assert bought.ends_on == offered.ends_on
    since = unbroken_since((FIRST, bought), starts)
    assert since == (starts if gap else FIRST.starts_at)


def reason_codes(incident: datetime, now: datetime, *terms: Term) -> list[ReasonCode]:
    application = premium(incident=Incident(Cause.COLLISION, incident))
    return [r.code for r in refusals(application, snapshot(terms=terms), now)]


def test_renewed_in_time_an_incident_of_the_last_day_is_covered_the_next() -> None:
    """R-REN-3, R-CLM-1, edge case 35: unbroken cover, and the new term is drawn on."""
    incident, now = at("2026-01-10T22:00:00", LA), at("2026-01-11T09:00:00", LA)
    second = renewed(renewal(snapshot(terms=(FIRST,)), END))

    assert reason_codes(incident, now, FIRST) == [ReasonCode.COVERAGE_EXPIRED]
    assert reason_codes(incident, now, FIRST, second) == []
    assert term_at((FIRST, second), now) == second


@pytest.mark.parametrize(
    ("incident", "covered"),
    [
        pytest.param(END, False, id="in the old term's last second"),
        pytest.param(END + SECOND, False, id="as the gap begins"),
        pytest.param(at("2026-01-15T12:00:00", LA), False, id="inside the gap"),
        pytest.param(at("2026-01-20T14:59:59", LA), False, id="in the gap's last second"),
        pytest.param(at("2026-01-20T15:00:00", LA), True, id="as the renewal begins"),
        pytest.param(at("2026-01-20T15:00:01", LA), True, id="the second after"),
    ],
)
def test_an_incident_before_a_late_renewal_is_not_covered(incident: datetime, covered: bool) -> None:
    """R-REN-3, R-CLM-1, edge case 48."""
    second = renewed(renewal(snapshot(terms=(FIRST,)), at("2026-01-20T15:00:00", LA)))
    codes = reason_codes(incident, at("2026-01-21T09:00:00", LA), FIRST, second)
    assert codes == ([] if covered else [ReasonCode.INCIDENT_OUTSIDE_COVERAGE])


@pytest.mark.parametrize("used", [0, 1, 2])
def test_a_renewed_term_has_its_own_quota_whatever_the_old_one_left(used: int) -> None:
    """R-REN-4: two uses, one of them for a flyaway; unused ones lapse, used ones do not count, fees begin again."""
    uses = tuple(consumed(f"c{n}", flyaway=n == 0) for n in range(used))
    device = snapshot(terms=(FIRST,), uses=uses)
    second = renewed(renewal(device, END))
    device = replace(device, terms=(FIRST, second))

    pool, flyaways = tally(second, uses)
    assert (pool.total, pool.used, pool.left) == (2, 0, 2)
    assert (flyaways.total, flyaways.used, flyaways.left) == (1, 0, 1)
    assert service_fee(Service.CARE_EXPRESS, device, END + SECOND) == usd(12400)


def test_a_claim_draws_on_the_term_that_was_active_when_it_was_made() -> None:
    """R-REN-4, edge case 49."""
    second = renewed(renewal(snapshot(terms=(FIRST,)), END))
    assert term_at((FIRST, second), END) == FIRST
    assert term_at((FIRST, second), END + SECOND * 0.999) == FIRST
    assert term_at((FIRST, second), END + SECOND) == second


REFUSED = [
    pytest.param({"terms": ()}, Reason(ReasonCode.NO_PLAN, "R-REN-1", "There is no plan to renew."), id="no plan"),
    pytest.param(
        {"terms": (pending(),)},
        Reason(ReasonCode.NO_PLAN, "R-REN-1", "The plan has not begun yet."),
        id="not activated",
    ),
    pytest.param(
        {"status": DeviceStatus.REPLACED, "current_serial_number": "SN200"},
        Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", "This unit was replaced by SN200; renew that one."),
        id="a replaced unit",
    ),
    pytest.param(
        {"status": DeviceStatus.LOST, "current_serial_number": "SN200"},
        Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", "This unit was lost and replaced by SN200; renew that one."),
        id="a lost unit",
    ),
    pytest.param(
        {"model": replace(DRONE, offers={"US": replace(DRONE.offers["US"], prices={TWO: usd(23700)})})},
        Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", "The 1-year plan is not sold for the Air 3 in US."),
        id="no 1-year plan for the model",
    ),
    pytest.param(
        {"model": replace(DRONE, offers={})},
        Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", "The 1-year plan is not sold for the Air 3 in US."),
        id="not offered in the region any more",
    ),
]


@pytest.mark.parametrize(("device", "reason"), REFUSED)
def test_each_rule_refuses_a_renewal_alone(device: dict[str, Any], reason: Reason) -> None:
    """R-REN-1, R-CLM-9, R-FLY-6, R-CAT-1."""
    offered = renewal(snapshot(**{"terms": (FIRST,), **device}), at("2025-06-01T00:00:00"))
    assert offered.reasons == (reason,)
    assert not offered.eligible
