"""What holds whatever comes: conserved uses, exact days, money that never exceeds what was agreed."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.coverage import (
    MAX_MONTHS,
    MONTHS,
    Quota,
    Term,
    UseEntry,
    new_term,
    next_anniversary,
    tally,
    term_at,
    unbroken_since,
)
from domain.dates import add_months, end_of_day, end_of_day_after, local_day, start_of_day
from domain.kinds import TermKind, UseKind
from domain.policy import Policy
from domain.renewal import renewal
from domain.returns import carried_in_time, cure_until, in_time, refundable, waits_until, window
from domain.settlement import late_refund
from tests.domain.samples import US, ZONES, snapshot, usd

quick = settings(max_examples=100, deadline=None, database=None)
SECOND = timedelta(seconds=1)
zones = st.sampled_from(ZONES)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(2020, 1, 1), date(2037, 12, 31))
quotas = st.sampled_from([Quota(2, 1), Quota(4, 2), Quota(2, 0), Quota(4, 0), Quota(1, 0)])


def ledger(quota: Quota, steps: list[tuple[str, UseKind, bool]]) -> tuple[Term, list[UseEntry], Counter[str]]:
    """Play `steps` as a claim would: reserve what is left, then consume or give back what is reserved, once."""
    term = new_term("t", TermKind.ONE_YEAR, quota, datetime(2026, 1, 1, tzinfo=UTC), "UTC")
    entries: list[UseEntry] = []
    snapshot: dict[str, UseEntry] = {}
    for claim, kind, flyaway in steps:
        known = snapshot.get(claim)
        pool, flyaways = tally(term, entries)
        if kind is UseKind.RESERVED and known is None and (flyaways if flyaway else pool).left > 0:
            snapshot[claim] = UseEntry("t", claim, kind, flyaway)
        elif kind is not UseKind.RESERVED and known is not None and known.kind is UseKind.RESERVED:
            snapshot[claim] = replace(known, kind=kind)
        else:
            continue
        entries.append(snapshot[claim])
    return term, entries, Counter(entry.kind for entry in snapshot.values())


moves = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from(UseKind), st.booleans()), max_size=25)


@quick
@given(quotas, moves)
def test_uses_are_conserved_whatever_happens(quota: Quota, steps: list[tuple[str, UseKind, bool]]) -> None:
    """R-PLN-2, R-CLM-6, R-FLY-5: each use is used, reserved or left; none is made or lost."""
    term, entries, count = ledger(quota, steps)
    pool, flyaways = tally(term, entries)

    assert pool.used + pool.reserved + pool.left == pool.total == quota.total
    assert (pool.used, pool.reserved) == (count[UseKind.CONSUMED], count[UseKind.RESERVED])
    assert flyaways.used <= pool.used
    assert flyaways.reserved <= pool.reserved
    assert flyaways.used + flyaways.reserved <= quota.flyaway_cap
    assert flyaways.left == min(quota.flyaway_cap - flyaways.used - flyaways.reserved, pool.left)


@quick
@given(quotas, moves, st.randoms(use_true_random=False))
def test_a_ledger_read_twice_or_in_another_order_gives_the_same_counts(
    quota: Quota, steps: list[tuple[str, UseKind, bool]], chance: Random
) -> None:
    """R-CLM-6, edge case 37: counted, never decremented."""
    term, entries, _ = ledger(quota, steps)
    shuffled = entries * 2
    chance.shuffle(shuffled)
    assert tally(term, shuffled) == tally(term, entries)


@quick
@given(
    quotas,
    st.lists(
        st.builds(
            UseEntry, st.sampled_from(["t", "u"]), st.sampled_from("abcdefg"), st.sampled_from(UseKind), st.booleans()
        ),
        max_size=30,
    ),
)
def test_no_ledger_however_wrong_gives_uses_away(quota: Quota, entries: list[UseEntry]) -> None:
    """R-PLN-2."""
    term, _, _ = ledger(quota, [])
    pool, flyaways = tally(term, entries)
    assert 0 <= flyaways.left <= pool.left <= quota.total
    assert pool.left == max(quota.total - pool.used - pool.reserved, 0)


@quick
@given(days, zones)
def test_a_day_ends_at_its_local_last_second_everywhere(day: date, zone: str) -> None:
    """R-RET-2, edge cases 1 and 2."""
    end = end_of_day(day, zone)
    local = end.astimezone(ZoneInfo(zone))

    assert (local.date(), local.time()) == (day, time(23, 59, 59))
    assert local_day(end + SECOND, zone) == day + timedelta(days=1)
    assert start_of_day(day + timedelta(days=1), zone) == end + SECOND


@quick
@given(instants, st.integers(0, 40), zones)
def test_days_later_is_the_right_day_everywhere(instant: datetime, count: int, zone: str) -> None:
    """R-RET-2, edge case 2."""
    end = end_of_day_after(instant, count, zone)
    local = end.astimezone(ZoneInfo(zone))

    assert local.date() == local_day(instant, zone) + timedelta(days=count)
    assert local.time() == time(23, 59, 59)
    assert instant < end + SECOND


@quick
@given(instants, st.integers(7, 14), zones, st.integers(0, 7))
def test_a_window_is_exact_everywhere(started: datetime, count: int, zone: str, extended: int) -> None:
    """R-RET-1, R-RET-2, R-RET-4, R-RET-5, R-RET-10."""
    returning = window(started, count, zone, (), Policy(), extended)
    day = local_day(started, zone) + timedelta(days=count + extended)
    for end, later in ((returning.due_at, 0), (returning.carried_until, 5), (returning.late_until, 10)):
        local = end.astimezone(ZoneInfo(zone))
        assert (local.date(), local.time()) == (day + timedelta(days=later), time(23, 59, 59))


@quick
@given(instants, st.integers(7, 14), zones, st.integers(1, 7))
def test_an_extension_never_shortens(started: datetime, count: int, zone: str, extended: int) -> None:
    """R-RET-5."""
    short = window(started, count, zone, (), Policy())
    longer = window(started, count, zone, (), Policy(), extended)
    assert longer.due_at > short.due_at
    assert longer.carried_until > short.carried_until
    assert longer.late_until > short.late_until


offsets = st.integers(-30 * 86400, 30 * 86400)


@quick
@given(instants, st.integers(7, 14), zones, st.none() | offsets, offsets)
def test_an_arrival_by_due_is_in_time_and_costs_nothing(
    started: datetime, count: int, zone: str, scanned: int | None, arrived: int
) -> None:
    """R-RET-2, R-RET-3, R-RET-4: whatever the carrier reported."""
    returning = window(started, count, zone, (), Policy())
    if scanned is not None:
        returning = replace(returning, scanned_at=returning.due_at + timedelta(seconds=scanned))
    arrived_at = returning.due_at + timedelta(seconds=arrived)

    if arrived <= 0:
        assert in_time(returning, arrived_at)
    if not carried_in_time(returning):
        assert in_time(returning, arrived_at) is (arrived <= 0)
    assert in_time(returning, arrived_at) is (arrived_at <= waits_until(returning))
    assert returning.due_at <= waits_until(returning) <= returning.carried_until < returning.late_until
    if in_time(returning, arrived_at):
        assert refundable(returning, arrived_at)
        assert late_refund(usd(88000), in_time=True, late_fee=usd(2500), missing=()) == usd(88000)


@quick
@given(instants, instants, zones, st.integers(1, 14))
def test_a_cure_ends_neither_before_due_nor_before_its_days(
    notified: datetime, due_day: datetime, zone: str, count: int
) -> None:
    """R-INS-4, R-CMP-2."""
    due = end_of_day(local_day(due_day, zone), zone)
    until = cure_until(notified, due, zone, count)
    assert until >= due
    assert local_day(until, zone) >= local_day(notified, zone) + timedelta(days=count)
    assert until in (due, end_of_day_after(notified, count, zone))


@quick
@given(days, st.integers(-36, 36))
def test_months_keep_the_day_or_end_the_month(day: date, months: int) -> None:
    """R-PUR-5, edge case 64."""
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day == day.day or (moved.day < day.day and (moved + timedelta(days=1)).day == 1)


@quick
@given(
    instants,
    zones,
    st.sampled_from([(TermKind.ONE_YEAR,), (TermKind.TWO_YEARS,), (TermKind.ONE_YEAR, TermKind.REFRESH_PLUS)]),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=2),
)
def test_renewed_cover_has_no_hole_no_overlap_and_ends_on_the_first_days_anniversary(
    first: datetime, zone: str, sold: tuple[TermKind, ...], renewed_at: list[float]
) -> None:
    """R-REN-3, R-REN-1, R-PUR-5, edge case 64: whenever within a term it is renewed, and wherever."""
    terms: list[Term] = []
    starts_at = first.replace(microsecond=0)
    for number, kind in enumerate(sold):
        last = next_anniversary(terms, terms[-1], zone) if terms else None
        terms.append(new_term(f"t{number}", kind, Quota(2, 1), starts_at, zone, last))
        assert terms[-1].ends_at
        starts_at = terms[-1].ends_at + SECOND
    for number, part in enumerate(renewed_at):
        begun, ends = terms[-1].starts_at, terms[-1].ends_at
        assert begun
        assert ends
        device = snapshot(region=replace(US, time_zone=zone), terms=tuple(terms))
        offered = renewal(device, begun + (ends - begun) * part)
        if not offered.eligible:
            break
        assert offered.starts_at
        kind = TermKind.ONE_YEAR
        terms.append(new_term(f"r{number}", kind, Quota(2, 1), offered.starts_at, zone, offered.ends_on))
    began = local_day(terms[0].starts_at or first, zone)
    months = 0
    for term in terms:
        months += MONTHS[term.kind]
        assert term.ends_on == add_months(began, months)
    for before, term in pairwise(terms):
        assert before.ends_at
        assert before.ends_on
        assert term.starts_at == before.ends_at + SECOND
        assert local_day(term.starts_at, zone) == before.ends_on + timedelta(days=1)
        assert term.ends_on
        assert term.ends_on - before.ends_on in (timedelta(days=365), timedelta(days=366))
    assert months <= MAX_MONTHS
    assert terms[-1].ends_at
    assert terms[-1].ends_at <= end_of_day(add_months(began, MAX_MONTHS), zone)


chains = st.lists(
    st.tuples(st.sampled_from(list(TermKind)), st.sampled_from([0, 0, 1, 15, 40])), min_size=1, max_size=4
)


@quick
@given(instants, zones, chains, st.integers(0, 5 * 366 * 86400), st.randoms(use_true_random=False))
def test_cover_is_unbroken_back_to_a_gap_and_no_further(
    first: datetime, zone: str, chain: list[tuple[TermKind, int]], later: int, chance: Random
) -> None:
    """R-CLM-1: never later than the active term's start, and covered in every second since."""
    terms: list[Term] = []
    starts_at = first.replace(microsecond=0)
    for number, (kind, gap) in enumerate(chain):
        if terms:
            assert terms[-1].ends_at
            starts_at = terms[-1].ends_at + SECOND + timedelta(days=gap)
        terms.append(new_term(f"t{number}", kind, Quota(2, 1), starts_at, zone))
    ordered = tuple(terms)
    chance.shuffle(terms)
    now = first.replace(microsecond=0) + timedelta(seconds=later)
    active, since = term_at(terms, now), unbroken_since(terms, now)

    assert (active is None) is (since is None)
    if active is None or since is None:
        return
    assert active.starts_at
    assert since <= active.starts_at <= now
    assert term_at(terms, since)
    assert term_at(terms, since - SECOND) is None
    for term in ordered:
        for edge in (term.starts_at, term.ends_at):
            if edge and since <= edge < now:
                assert term_at(terms, edge)
                assert term_at(terms, edge + SECOND)
