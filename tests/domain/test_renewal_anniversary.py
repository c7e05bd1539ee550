"""The last day of a renewal: the anniversary of the first day of unbroken cover."""

from datetime import date, timedelta

import pytest

from domain.kinds import TermKind
from domain.renewal import renewal
from tests.domain.samples import LA, at, snapshot, term
from tests.domain.test_renewal import FIRST, ONE, PLUS, SECOND, TWO, chain, end_of, renewed, start_of


@pytest.mark.parametrize(
    ("first", "kinds", "ends"),
    [
        # the first day, what was sold already, the last day of the renewal that adjoins
        pytest.param("2026-11-28", [ONE], "2028-11-28", id="bought on 28 November 2026"),
        pytest.param("2026-11-28", [ONE, ONE], "2029-11-28", id="and renewed twice: 36 months"),
        pytest.param("2026-11-28", [TWO], "2029-11-28", id="two years and one"),
        pytest.param("2026-11-28", [ONE, PLUS], "2029-11-28", id="a year, Refresh+ and one"),
        pytest.param("2027-02-28", [ONE], "2029-02-28", id="begins on the leap day, and does not end on it"),
        pytest.param("2027-02-28", [ONE, ONE], "2030-02-28", id="28 February stays 28 February"),
        pytest.param("2028-02-29", [ONE], "2030-02-28", id="edge 64: 29 February, a common year"),
        pytest.param("2028-02-29", [ONE, ONE], "2031-02-28", id="edge 64: from the first day"),
        pytest.param("2026-03-01", [ONE], "2028-03-01", id="the day after the leap day"),
        pytest.param("2026-12-31", [ONE], "2028-12-31", id="New Year's Eve"),
    ],
)
def test_a_renewal_that_adjoins_keeps_the_first_anniversary(first: str, kinds: list[TermKind], ends: str) -> None:
    """R-REN-3, R-PUR-5, edge case 64: also for who bought in the evening."""
    for hour in ("00:00:00", "21:30:00"):
        terms = chain(*kinds, starts=f"{first}T{hour}")
        offered = renewal(snapshot(terms=terms), start_of(terms[-1]) + timedelta(days=100))
        assert (offered.starts_at, offered.gap) == (end_of(terms[-1]) + SECOND, False)
        assert offered.ends_on == renewed(offered).ends_on == date.fromisoformat(ends)


def test_cover_that_began_on_the_leap_day_ends_on_it_in_a_leap_year() -> None:
    """Edge case 64: four years are not sold; the rule is of the calendar and does not know that."""
    terms = chain(ONE, ONE, ONE, ONE, starts="2024-02-29T10:00:00")
    assert [t.ends_on for t in terms] == [date(y, 2, d) for y, d in ((2025, 28), (2026, 28), (2027, 28), (2028, 29))]


def test_a_term_that_was_sold_to_end_a_day_later_still_does_and_the_next_ends_on_the_anniversary() -> None:
    """R-REN-3: terms already sold stay as sold; 36 months are never exceeded."""
    sold = (FIRST, term("2026-01-11T00:00:00", id="t2"))
    assert sold[1].ends_on == date(2027, 1, 11)
    offered = renewal(snapshot(terms=sold), at("2026-06-01T00:00:00"))
    assert (offered.starts_on, offered.ends_on) == (date(2027, 1, 12), date(2028, 1, 10))


def test_a_renewal_after_a_gap_has_its_own_anniversary() -> None:
    """R-REN-3: and the one that adjoins it keeps that."""
    late = renewed(renewal(snapshot(terms=(FIRST,)), at("2026-01-20T15:00:00", LA)))
    assert late.ends_on == date(2027, 1, 20)
    offered = renewal(snapshot(terms=(FIRST, late)), at("2026-06-01T00:00:00"))
    assert (offered.starts_on, offered.ends_on) == (date(2027, 1, 21), date(2028, 1, 20))
