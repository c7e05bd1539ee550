"""Domain: terms, quotas, uses and cover over time (R-PLN, R-CLM-1). A use is a ledger entry, never a counter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.dates import add_months, end_of_day, local_day, whole_second
from domain.kinds import Category, ReasonCode, TermKind, UseKind

MONTHS = {TermKind.ONE_YEAR: 12, TermKind.TWO_YEARS: 24, TermKind.REFRESH_PLUS: 12}
RENEWAL_GRACE_DAYS = 15
"""A plan can be renewed up to and including this day after its end (R-REN-1)."""
ENDING_DAYS = 30
"""Cover that ends within so many days is ending: whom to call about a renewal."""
MAX_MONTHS = 36
"""No lineage is covered for longer (R-REN-1, R-REN-2)."""

_PRECEDENCE = (UseKind.UNDONE, UseKind.CONSUMED, UseKind.GIVEN_BACK, UseKind.RESERVED)


@dataclass(frozen=True, slots=True)
class Quota:
    """Replacements of a term: `total` in all, of which at most `flyaway_cap` for flyaways."""

    total: int
    flyaway_cap: int


@dataclass(frozen=True, slots=True)
class Term:
    """One bought period of cover on a lineage.

    `starts_at` is None until an unactivated device is activated (R-PUR-5); `ends_on` is its last covered day, `ends_at`
    that day's last second in the region's zone. `question`: what staff must decide first; until then it has no dates
    and covers nothing (R-PUR-6). Bindings from before `bindings_from` do not count for a flyaway (R-FLY-8); with None
    all do.
    """

    id: str
    kind: TermKind
    quota: Quota
    starts_at: datetime | None
    ends_on: date | None
    ends_at: datetime | None
    question: ReasonCode | None = None
    bindings_from: datetime | None = None

    def covers(self, instant: datetime) -> bool:
        """Whether `instant` lies inside the term, both ends included: the last second is covered to its end."""
        if self.starts_at is None or self.ends_at is None:
            return False
        return self.starts_at <= instant and whole_second(instant) <= self.ends_at


@dataclass(frozen=True, slots=True)
class UseEntry:
    """One line of the use ledger: `claim_id` reserved, consumed or gave back a use of `term_id`."""

    term_id: str
    claim_id: str
    kind: UseKind
    flyaway: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """Uses of one pool: `left` is what a new claim could use."""

    total: int
    used: int
    reserved: int
    left: int


def quota_for(kind: TermKind, category: Category, flyaway_supported: bool) -> Quota:
    """R-PLN-1: drones 2/1 and 4/2, handhelds 2/0 and 4/0, no flyaway on unsupported models; Refresh+ has 1/0."""
    if kind is TermKind.REFRESH_PLUS:
        return Quota(1, 0)
    years = MONTHS[kind] // 12
    has_flyaway = flyaway_supported and category is Category.DRONE
    return Quota(2 * years, years if has_flyaway else 0)


def term_end(starts_on: date, kind: TermKind) -> date:
    """The last covered day of a term beginning on `starts_on` (R-PUR-5)."""
    return add_months(starts_on, MONTHS[kind])


def new_term(
    term_id: str, kind: TermKind, quota: Quota, starts_at: datetime, zone: str, ends_on: date | None = None
) -> Term:
    """A term that begins at `starts_at`. `ends_on` is its last day when that is not its own anniversary (R-REN-3)."""
    last = ends_on or term_end(local_day(starts_at, zone), kind)
    return Term(term_id, kind, quota, starts_at, last, end_of_day(last, zone))


def tally(term: Term, entries: Iterable[UseEntry]) -> tuple[Tally, Tally]:
    """Replacements and flyaway uses of `term` (R-PLN-2), whatever the order of the entries.

    A claim is one use, battery included (R-EXP-8), and counts by its strongest entry: what left the warehouse is used,
    even if it was given back before or after, unless the replacement was undone (R-EXP-10). A flyaway counts in both
    (R-FLY-5), whichever year it falls in (R-PLN-3).
    """
    by_claim: dict[str, UseEntry] = {}
    for entry in entries:
        if entry.term_id == term.id:
            known = by_claim.get(entry.claim_id)
            if known is None or _PRECEDENCE.index(entry.kind) < _PRECEDENCE.index(known.kind):
                by_claim[entry.claim_id] = entry
    used = [e for e in by_claim.values() if e.kind is UseKind.CONSUMED]
    reserved = [e for e in by_claim.values() if e.kind is UseKind.RESERVED]
    fly_used, fly_reserved = (sum(e.flyaway for e in group) for group in (used, reserved))
    left = max(term.quota.total - len(used) - len(reserved), 0)
    fly_left = max(min(term.quota.flyaway_cap - fly_used - fly_reserved, left), 0)
    return (
        Tally(term.quota.total, len(used), len(reserved), left),
        Tally(term.quota.flyaway_cap, fly_used, fly_reserved, fly_left),
    )


def term_at(terms: Iterable[Term], instant: datetime) -> Term | None:
    """The term that covers `instant`, if any."""
    return next((term for term in terms if term.covers(instant)), None)


def last_ended(terms: Iterable[Term], now: datetime) -> Term | None:
    """The term that ended most recently before `now`."""
    ended = [t for t in terms if t.ends_at is not None and t.ends_at < now]
    return max(ended, key=lambda t: t.ends_at or now, default=None)


def unbroken_since(terms: Sequence[Term], now: datetime) -> datetime | None:
    """Since when the lineage is covered without a gap up to `now`; None when it is not covered now.

    Terms that follow each other on the next calendar day count as one; a renewal bought in the grace period leaves a
    gap (R-CLM-1, edge cases 35 and 48).
    """
    current = term_at(terms, now)
    since = current.starts_at if current else None
    while since is not None:
        before = [t for t in terms if t.starts_at and _reaches(t, since)]
        if not before:
            return since
        since = min(t.starts_at for t in before if t.starts_at)
    return None


def next_anniversary(terms: Sequence[Term], last: Term, zone: str) -> date | None:
    """The last day of a year that begins right after `last`: the next anniversary of the day on which cover that is
    unbroken until then began, not of a day on which a term between began. None when `last` has not begun.

    It is counted from that first day: 29 February is 28 in common years and 29 in leap years (R-REN-3, edge case 64).
    A term that was sold to end a day later still ends there; the year after it ends on the anniversary all the same.
    In another region the first day may be the day before or after (R-XFR-3): an anniversary on the day after the last
    one is that term's own.
    """
    since = unbroken_since(terms, last.ends_at) if last.ends_at else None
    if since is None or last.ends_on is None:
        return None
    first, years = local_day(since, zone), 1
    while add_months(first, 12 * years) <= last.ends_on + timedelta(days=1):
        years += 1
    return add_months(first, 12 * years)


def renewable_until(terms: Iterable[Term], zone: str) -> datetime | None:
    """The last second in which the latest term can be renewed: day 15 after its end, included (R-REN-1).

    None when nothing has begun, or when another year would make more than three (R-REN-2).
    """
    bought = tuple(terms)
    if sum(MONTHS[t.kind] for t in bought) + MONTHS[TermKind.ONE_YEAR] > MAX_MONTHS:
        return None
    ends = [t.ends_on for t in bought if t.ends_on is not None]
    return end_of_day(max(ends) + timedelta(days=RENEWAL_GRACE_DAYS), zone) if ends else None


def warranty_end(activated_at: datetime, kinds: Iterable[TermKind], zone: str) -> date:
    """R-PLN-4: one year from activation, two with a 2-year plan. The last covered day."""
    months = 24 if TermKind.TWO_YEARS in set(kinds) else 12
    return add_months(local_day(activated_at, zone), months)


def _reaches(term: Term, instant: datetime) -> bool:
    """Whether `term` began before `instant` and covers every second until then."""
    if term.starts_at is None or term.ends_at is None:
        return False
    return term.starts_at < instant <= term.ends_at + timedelta(seconds=1)
