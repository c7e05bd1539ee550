"""Renewal: what is sold, reminders, and the period of cover that is shown."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.coverage import Term
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.renewal import cover_is_fixed, latest_term, reminder_due, renewal
from tests.domain.samples import (
    DRONE,
    LA,
    at,
    pending,
    snapshot,
    term,
    usd,
)
from tests.domain.test_renewal import FIRST, ONE, PLUS, TWO, chain


def test_all_reasons_against_a_renewal_are_returned_at_once() -> None:
    """R-REN-1, R-REN-2, R-CLM-9, R-CAT-1."""
    device = snapshot(
        terms=chain(TWO, ONE),
        model=replace(DRONE, offers={}),
        status=DeviceStatus.REPLACED,
        current_serial_number="SN200",
    )
    assert [r.code for r in renewal(device, at("2027-02-01T00:00:00")).reasons] == [
        ReasonCode.DEVICE_REPLACED,
        ReasonCode.RENEWAL_WINDOW_CLOSED,
        ReasonCode.MAXIMUM_TERM_REACHED,
        ReasonCode.TERM_NOT_SOLD,
    ]


def test_only_one_year_is_sold_as_a_renewal() -> None:
    """R-REN-1: a 2-year plan is followed by one year, at the 1-year price."""
    offered = renewal(snapshot(terms=chain(TWO)), at("2025-06-01T00:00:00"))
    assert offered.price == usd(13700)
    assert (offered.starts_on, offered.ends_on) == (date(2026, 1, 11), date(2027, 1, 10))


def test_the_latest_term_is_the_one_that_ends_last() -> None:
    """R-REN-1."""
    terms = chain(ONE, ONE)
    assert latest_term(terms) == latest_term(terms[::-1]) == terms[1]
    assert latest_term((pending(), FIRST)) == FIRST
    assert latest_term((pending(),)) == pending()
    assert latest_term(()) is None


KINDS: dict[int, str] = {
    **dict.fromkeys(range(-30, -7), "renewal_30"),
    **dict.fromkeys(range(-7, 0), "renewal_7"),
    **dict.fromkeys(range(10), "renewal_0"),
    **dict.fromkeys(range(10, 16), "renewal_grace_10"),
}


@pytest.mark.parametrize("offset", range(-31, 17))
@pytest.mark.parametrize("ends", ["2026-03-15", "2028-03-01", "2026-12-31"])
def test_a_day_has_the_one_reminder_that_is_still_useful(ends: str, offset: int) -> None:
    """R-NOT-1: end-30, -7, 0 and +10, each until the next; nothing once the last day to renew is over."""
    ends_on = date.fromisoformat(ends)
    assert reminder_due(ends_on, ends_on + timedelta(days=offset)) == KINDS.get(offset)


def test_the_last_reminder_is_useful_as_long_as_one_can_renew() -> None:
    """R-NOT-1, R-REN-1."""
    offered = renewal(snapshot(terms=(FIRST,)), at("2025-06-01T00:00:00"))
    assert offered.last_day is not None
    assert FIRST.ends_on is not None
    assert reminder_due(FIRST.ends_on, offered.last_day) == "renewal_grace_10"
    assert reminder_due(FIRST.ends_on, offered.last_day + timedelta(days=1)) is None


def test_a_request_for_another_period_gets_the_reason_and_the_last_day_to_renew() -> None:
    """R-PLN-5."""
    assert cover_is_fixed(snapshot(terms=(FIRST,))) == (
        "Cover runs from 2025-01-10 to 2026-01-10 and cannot be paused, moved or lengthened. "
        "It can be renewed until 2026-01-25."
    )


@pytest.mark.parametrize("kinds", [(ONE, ONE, ONE), (TWO, ONE), (ONE, PLUS, ONE)])
def test_three_years_of_cover_are_shown_as_one_period_without_a_renewal(kinds: tuple[TermKind, ...]) -> None:
    """R-PLN-5, R-REN-2."""
    terms = chain(*kinds)
    for device in (snapshot(terms=terms), snapshot(terms=terms[::-1])):
        assert cover_is_fixed(device) == (
            f"Cover runs from 2024-01-10 to {terms[-1].ends_on} and cannot be paused, moved or lengthened."
        )


def test_a_renewal_bought_already_lengthens_the_period_that_is_shown() -> None:
    """R-PLN-5: adjoining terms are one; a gap starts another."""
    adjoining = snapshot(terms=(FIRST, term("2026-01-11T00:00:00", id="t2")))
    assert cover_is_fixed(adjoining).startswith("Cover runs from 2025-01-10 to 2027-01-11 and")
    with_gap = snapshot(terms=(FIRST, term("2026-01-20T15:00:00", id="t2")))
    assert cover_is_fixed(with_gap).startswith("Cover runs from 2026-01-20 to 2027-01-20 and")


@pytest.mark.parametrize(
    ("now", "renewable"),
    [
        pytest.param(at("2026-01-25T23:59:58", LA), True, id="the second before"),
        pytest.param(at("2026-01-25T23:59:59", LA), True, id="at"),
        pytest.param(at("2026-01-26T00:00:00", LA), False, id="the second after"),
    ],
)
def test_a_renewal_is_promised_while_it_can_be_had(now: datetime, renewable: bool) -> None:
    """R-PLN-5, R-REN-1, edge case 46."""
    assert ("It can be renewed until 2026-01-25." in cover_is_fixed(snapshot(terms=(FIRST,)), now)) is renewable


@pytest.mark.parametrize("terms", [(), (pending(),)], ids=["no plan", "not activated"])
def test_without_running_cover_there_is_none_to_move(terms: tuple[Term, ...]) -> None:
    """R-PLN-5."""
    device: DeviceSnapshot = snapshot(terms=terms)
    message = "There is no running cover, and none could be paused, moved or lengthened."
    assert cover_is_fixed(device) == cover_is_fixed(device, datetime(2026, 6, 1, tzinfo=UTC)) == message
