"""Terms, quotas and uses: what is covered when, and how much of it is left."""

from datetime import date, timedelta
from itertools import permutations

import pytest

from domain.coverage import (
    Quota,
    Tally,
    Term,
    UseEntry,
    last_ended,
    new_term,
    quota_for,
    renewable_until,
    tally,
    term_at,
    term_end,
    unbroken_since,
    warranty_end,
)
from domain.kinds import Category, TermKind
from tests.domain.samples import BERLIN, LA, SYDNEY, TOKYO, at, consumed, given_back, pending, reserved, term

SECOND = timedelta(seconds=1)
ONE, TWO, PLUS = TermKind.ONE_YEAR, TermKind.TWO_YEARS, TermKind.REFRESH_PLUS


@pytest.mark.parametrize(
    ("kind", "category", "supported", "total", "cap"),
    [
        (ONE, Category.DRONE, True, 2, 1),
        (TWO, Category.DRONE, True, 4, 2),
        (ONE, Category.DRONE, False, 2, 0),
        (TWO, Category.DRONE, False, 4, 0),
        (ONE, Category.HANDHELD, False, 2, 0),
        (TWO, Category.HANDHELD, False, 4, 0),
        (ONE, Category.HANDHELD, True, 2, 0),
        (TWO, Category.HANDHELD, True, 4, 0),
        (PLUS, Category.DRONE, True, 1, 0),
        (PLUS, Category.HANDHELD, False, 1, 0),
    ],
)
def test_the_quota_follows_plan_and_category(
    kind: TermKind, category: Category, supported: bool, total: int, cap: int
) -> None:
    """R-PLN-1."""
    assert quota_for(kind, category, supported) == Quota(total, cap)


ONE_YEAR, TWO_YEARS = Quota(2, 1), Quota(4, 2)
TALLIES = [
    # quota, entries, (used, reserved, left), the same of flyaways
    pytest.param(ONE_YEAR, [], (0, 0, 2), (0, 0, 1), id="nothing used"),
    pytest.param(ONE_YEAR, [reserved("a")], (0, 1, 1), (0, 0, 1), id="one reserved"),
    pytest.param(ONE_YEAR, [consumed("a")], (1, 0, 1), (0, 0, 1), id="one consumed"),
    pytest.param(ONE_YEAR, [reserved("a"), consumed("a")], (1, 0, 1), (0, 0, 1), id="reserved, then consumed"),
    pytest.param(ONE_YEAR, [reserved("a"), given_back("a")], (0, 0, 2), (0, 0, 1), id="reserved, then given back"),
    pytest.param(
        ONE_YEAR,
        [reserved("a"), given_back("a"), consumed("a")],
        (1, 0, 1),
        (0, 0, 1),
        id="given back, and shipped after all",
    ),
    pytest.param(ONE_YEAR, [reserved("a"), reserved("a")], (0, 1, 1), (0, 0, 1), id="one reservation twice"),
    pytest.param(ONE_YEAR, [reserved("a"), reserved("b")], (0, 2, 0), (0, 0, 0), id="the last use reserved"),
    pytest.param(
        ONE_YEAR, [reserved("a"), reserved("b"), given_back("b")], (0, 1, 1), (0, 0, 1), id="edge 37: and released"
    ),
    pytest.param(ONE_YEAR, [consumed("a"), consumed("b")], (2, 0, 0), (0, 0, 0), id="edge 39: two damages"),
    pytest.param(ONE_YEAR, [consumed("a", flyaway=True)], (1, 0, 1), (1, 0, 0), id="edge 38: the flyaway used"),
    pytest.param(ONE_YEAR, [reserved("a", flyaway=True)], (0, 1, 1), (0, 1, 0), id="the flyaway reserved"),
    pytest.param(
        ONE_YEAR,
        [reserved("a", flyaway=True), given_back("a", flyaway=True)],
        (0, 0, 2),
        (0, 0, 1),
        id="a flyaway given back gives both",
    ),
    pytest.param(
        TWO_YEARS,
        [consumed("a", flyaway=True), consumed("b", flyaway=True)],
        (2, 0, 2),
        (2, 0, 0),
        id="both flyaways at once",
    ),
    pytest.param(TWO_YEARS, [consumed(c) for c in "abc"], (3, 0, 1), (0, 0, 1), id="the pool limits the flyaways"),
    pytest.param(ONE_YEAR, [consumed("a", term_id="t2")], (0, 0, 2), (0, 0, 1), id="another term's use"),
    pytest.param(ONE_YEAR, [consumed(c) for c in "abc"], (3, 0, 0), (0, 0, 0), id="never below nothing"),
]


@pytest.mark.parametrize(("quota", "entries", "pool", "flyaways"), TALLIES)
def test_uses_are_counted_from_the_ledger(
    quota: Quota, entries: list[UseEntry], pool: tuple[int, int, int], flyaways: tuple[int, int, int]
) -> None:
    """R-PLN-2, R-PLN-3, R-CLM-6, R-FLY-5, R-EXP-8: one entry a claim, whatever it replaces, in whatever order."""
    counted = Tally(quota.total, *pool), Tally(quota.flyaway_cap, *flyaways)
    for order in permutations(entries):
        assert tally(term(quota=quota), order) == counted


@pytest.mark.parametrize(
    ("starts", "kind", "ends"),
    [
        ("2026-01-10", ONE, "2027-01-10"),
        ("2026-01-10", TWO, "2028-01-10"),
        ("2026-01-10", PLUS, "2027-01-10"),
        ("2028-02-29", ONE, "2029-02-28"),
        ("2028-02-29", TWO, "2030-02-28"),
        ("2027-02-28", ONE, "2028-02-28"),
        ("2026-12-31", ONE, "2027-12-31"),
    ],
)
def test_a_term_lasts_calendar_months(starts: str, kind: TermKind, ends: str) -> None:
    """R-PUR-5, edge case 64."""
    assert term_end(date.fromisoformat(starts), kind) == date.fromisoformat(ends)


@pytest.mark.parametrize(
    ("zone", "starts", "last_second"),
    [
        (LA, "2026-01-10T23:30:00", "2027-01-10T23:59:59"),
        (LA, "2026-03-08T12:00:00", "2027-03-08T23:59:59"),
        (BERLIN, "2026-10-25T00:00:00", "2027-10-25T23:59:59"),
        (TOKYO, "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
        (SYDNEY, "2028-02-29T08:00:00", "2029-02-28T23:59:59"),
        ("America/Havana", "2025-03-09T03:00:00", "2026-03-09T23:59:59"),
        ("Africa/Cairo", "2024-10-31T12:00:00", "2025-10-31T23:59:59"),
    ],
)
def test_cover_lasts_from_its_first_instant_to_its_last_days_last_second(
    zone: str, starts: str, last_second: str
) -> None:
    """R-PUR-5."""
    first, last = at(starts, zone), at(last_second, zone)
    bought = new_term("t1", ONE, ONE_YEAR, first, zone)

    assert bought.ends_at == last
    assert bought.ends_on == date.fromisoformat(last_second[:10])
    assert [bought.covers(i) for i in (first - SECOND, first, last, last + SECOND)] == [False, True, True, False]
    assert bought.covers(last + SECOND * 0.999)


def test_a_term_not_begun_covers_nothing() -> None:
    """R-PUR-5."""
    assert not pending().covers(at("2026-06-01T00:00:00"))
    assert term_at((pending(),), at("2026-06-01T00:00:00")) is None
    assert last_ended((pending(),), at("2099-06-01T00:00:00")) is None
    assert renewable_until((pending(),), LA) is None


FIRST = term("2025-01-10T10:00:00")  # to 10 January 2026
NEXT = term("2026-01-11T00:00:00", id="t2")  # bought before the end: right after it
LATE = term("2026-01-20T15:00:00", id="t2")  # bought in the grace period


@pytest.mark.parametrize(
    ("terms", "now", "since"),
    [
        pytest.param((FIRST,), "2025-01-10T09:59:59", None, id="not begun"),
        pytest.param((FIRST,), "2025-01-10T10:00:00", FIRST, id="just begun"),
        pytest.param((FIRST,), "2026-01-10T23:59:59", FIRST, id="edge 35: the last second"),
        pytest.param((FIRST,), "2026-01-11T00:00:00", None, id="edge 35: the second after"),
        pytest.param((FIRST, NEXT), "2026-01-11T00:00:00", FIRST, id="edge 35: renewed in time, unbroken"),
        pytest.param((NEXT, FIRST), "2026-06-01T00:00:00", FIRST, id="in any order"),
        pytest.param((FIRST, LATE), "2026-01-20T14:59:59", None, id="edge 48: in the gap"),
        pytest.param((FIRST, LATE), "2026-01-20T15:00:00", LATE, id="edge 48: the gap breaks it"),
        pytest.param((pending(),), "2026-01-20T15:00:00", None, id="not activated"),
        pytest.param((), "2026-01-20T15:00:00", None, id="no plan"),
    ],
)
def test_cover_is_unbroken_over_adjoining_terms(terms: tuple[Term, ...], now: str, since: Term | None) -> None:
    """R-CLM-1, R-REN-3."""
    assert unbroken_since(terms, at(now, LA)) == (since.starts_at if since else None)


def test_three_adjoining_terms_count_as_one() -> None:
    """R-CLM-1."""
    third = term("2027-01-12T00:00:00", id="t3")
    assert unbroken_since((FIRST, NEXT, third), at("2027-06-01T00:00:00")) == FIRST.starts_at


@pytest.mark.parametrize("zone", ["America/Havana", "Africa/Cairo", "America/Nuuk", "America/Santiago"])
def test_terms_adjoin_over_a_midnight_the_clock_changes(zone: str) -> None:
    """R-CLM-1, edge case 2."""
    changes = {
        "America/Havana": "2024-03-09",
        "Africa/Cairo": "2024-10-31",
        "America/Nuuk": "2023-10-28",
        "America/Santiago": "2024-09-07",
    }
    last_day = date.fromisoformat(changes[zone])
    first = term(f"{last_day.replace(year=last_day.year - 1)}T10:00:00", zone=zone)
    assert first.ends_at is not None
    renewed = new_term("t2", ONE, ONE_YEAR, first.ends_at + SECOND, zone)

    assert first.ends_on == last_day
    assert unbroken_since((first, renewed), first.ends_at + SECOND) == first.starts_at


def test_the_term_that_ended_last_is_named() -> None:
    assert last_ended((FIRST, NEXT), at("2027-06-01T00:00:00")) is NEXT
    assert last_ended((FIRST, NEXT), at("2026-06-01T00:00:00")) is FIRST
    assert FIRST.ends_at is not None
    assert last_ended((FIRST,), FIRST.ends_at) is None
    assert last_ended((FIRST,), FIRST.ends_at + SECOND) is FIRST


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        (LA, "2027-01-25T23:59:59"),
        (BERLIN, "2027-01-25T23:59:59"),
        (SYDNEY, "2027-01-25T23:59:59"),
    ],
)
def test_a_plan_is_renewable_to_the_end_of_day_fifteen(zone: str, until: str) -> None:
    """R-REN-1, edge case 46: day 15 included."""
    assert renewable_until((term(zone=zone),), zone) == at(until, zone)


def test_the_latest_term_is_the_one_renewed() -> None:
    """R-REN-1."""
    until = at("2027-01-26T23:59:59", LA)
    assert renewable_until((FIRST, NEXT), LA) == renewable_until((NEXT, FIRST), LA) == until


@pytest.mark.parametrize(
    ("kinds", "renewable"),
    [
        ([ONE], True),
        ([TWO], True),
        ([ONE, PLUS], True),
        ([ONE, ONE], True),
        ([ONE, ONE, ONE], False),
        ([TWO, ONE], False),
        ([ONE, PLUS, ONE], False),
    ],
)
def test_nothing_is_renewed_beyond_three_years(kinds: list[TermKind], renewable: bool) -> None:
    """R-REN-1, R-REN-2, edge case 47: a term not begun counts."""
    terms = [term(kind=kinds[0]), *(pending(kind) for kind in kinds[1:])]
    assert (renewable_until(terms, LA) is not None) is renewable


@pytest.mark.parametrize(
    ("kinds", "ends"),
    [
        ([], "2025-02-28"),
        ([ONE], "2025-02-28"),
        ([ONE, ONE], "2025-02-28"),
        ([TWO], "2026-02-28"),
        ([TWO, ONE], "2026-02-28"),
    ],
)
def test_the_warranty_runs_from_activation(kinds: list[TermKind], ends: str) -> None:
    """R-PLN-4: one year, two with a 2-year plan."""
    assert warranty_end(at("2024-02-29T23:30:00", LA), kinds, LA) == date.fromisoformat(ends)
