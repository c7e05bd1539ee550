"""Domain: renewal of cover: eligibility, period, price and reminders (R-REN, R-NOT-1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.coverage import (
    MAX_MONTHS,
    MONTHS,
    RENEWAL_GRACE_DAYS,
    Term,
    next_anniversary,
    term_end,
    unbroken_since,
)
from domain.dates import end_of_day, local_day, whole_second
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, ReasonCode, TermKind
from domain.money import Money
from domain.purchase import question_text
from domain.reasons import Reason

REMINDERS = {"renewal_30": -30, "renewal_7": -7, "renewal_0": 0, "renewal_grace_10": 10}
"""Each reminder's day, relative to the term's last day. A kind is sent until the next one's day."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A possible renewal. With `reasons` it cannot be bought, and the other fields are what it would be.

    `starts_at` is the first covered instant; `gap` whether time since the old term's end stays uncovered (R-REN-3).
    Without a gap `ends_on` is an anniversary of the day on which the unbroken cover began, else of `starts_on`.
    """

    reasons: tuple[Reason, ...]
    last_day: date | None = None
    starts_at: datetime | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    price: Money | None = None
    gap: bool = False

    @property
    def eligible(self) -> bool:
        return not self.reasons


def renewal(snapshot: DeviceSnapshot, now: datetime) -> Renewal:
    """Whether, from when and for how much a 1-year plan renews the lineage's cover at `now` (R-REN-1..5)."""
    zone = snapshot.region.time_zone
    latest = latest_term(snapshot.terms)
    reasons = [*_unit_refusals(snapshot)]
    if latest is None or latest.ends_on is None or latest.starts_at is None or latest.ends_at is None:
        if question := next((t.question for t in snapshot.terms if t.question), None):
            return Renewal((*reasons, question_text(question)))
        message = "There is no plan to renew." if not snapshot.terms else "The plan has not begun yet."
        return Renewal((*reasons, Reason(ReasonCode.NO_PLAN, "R-REN-1", message)))
    last_day = latest.ends_on + timedelta(days=RENEWAL_GRACE_DAYS)
    if whole_second(now) > end_of_day(last_day, zone):
        message = f"Cover ended on {latest.ends_on}"
        message += f"; it could be renewed until {last_day}." if _history_renews(snapshot.terms) else "."
        reasons.append(Reason(ReasonCode.RENEWAL_WINDOW_CLOSED, "R-REN-1", message))
    if not _history_renews(snapshot.terms):
        message = "This device already has the maximum of 3 years."
        reasons.append(Reason(ReasonCode.MAXIMUM_TERM_REACHED, "R-REN-2", message))
    if latest.starts_at > now:
        message = f"A renewal is bought already; it begins on {local_day(latest.starts_at, zone)}."
        reasons.append(Reason(ReasonCode.RENEWAL_PENDING, "R-REN-5", message))
    offer = snapshot.model.offers.get(snapshot.region.code)
    price = offer.prices.get(TermKind.ONE_YEAR) if offer else None
    if price is None:
        message = f"The 1-year plan is not sold for the {snapshot.model.name} in {snapshot.region.code}."
        reasons.append(Reason(ReasonCode.TERM_NOT_SOLD, "R-CAT-1", message))
    adjoining = latest.ends_at + timedelta(seconds=1)  # also where the region was another then (R-XFR-3)
    starts_at = max(whole_second(now), adjoining)
    starts_on, gap = local_day(starts_at, zone), starts_at > adjoining
    return Renewal(
        reasons=tuple(reasons),
        last_day=last_day,
        starts_at=starts_at,
        starts_on=starts_on,
        ends_on=term_end(starts_on, TermKind.ONE_YEAR) if gap else next_anniversary(snapshot.terms, latest, zone),
        price=price,
        gap=gap,
    )


def latest_term(terms: Sequence[Term]) -> Term | None:
    """The term that ends last; one that has not begun (R-PUR-5) only when there is no other."""
    return max(terms, key=lambda term: term.ends_on or date.min, default=None)


def reminder_due(ends_on: date, today: date) -> str | None:
    """The kind of reminder due `today` for a term ending `ends_on`, None for none (R-NOT-1).

    After an outage only the latest is due, not those that were missed.
    """
    if today > ends_on + timedelta(days=RENEWAL_GRACE_DAYS):
        return None
    due = [kind for kind, offset in REMINDERS.items() if today >= ends_on + timedelta(days=offset)]
    return due[-1] if due else None


def _history_renews(terms: Sequence[Term]) -> bool:
    """Whether another year may follow these terms: at most three years in all (R-REN-1, R-REN-2)."""
    months = sum(MONTHS[term.kind] for term in terms)
    return months + MONTHS[TermKind.ONE_YEAR] <= MAX_MONTHS


def _unit_refusals(snapshot: DeviceSnapshot) -> list[Reason]:
    if snapshot.status is DeviceStatus.REPLACED:
        message = f"This unit was replaced by {snapshot.current_serial_number}; renew that one."
        return [Reason(ReasonCode.DEVICE_REPLACED, "R-CLM-9", message)]
    if snapshot.status is DeviceStatus.LOST:
        message = f"This unit was lost and replaced by {snapshot.current_serial_number}; renew that one."
        return [Reason(ReasonCode.DEVICE_LOST, "R-FLY-6", message)]
    return []


def cover_is_fixed(snapshot: DeviceSnapshot, now: datetime | None = None) -> str:
    """R-PLN-5: the message to a request to pause, advance or extend a period of cover.

    Adjoining terms are one period. The renewal is named unless its last day has passed at `now`.
    """
    latest = latest_term(snapshot.terms)
    if latest is None or latest.ends_on is None or latest.starts_at is None:
        return "There is no running cover, and none could be paused, moved or lengthened."
    zone = snapshot.region.time_zone
    start = local_day(unbroken_since(snapshot.terms, latest.starts_at) or latest.starts_at, zone)
    message = f"Cover runs from {start} to {latest.ends_on} and cannot be paused, moved or lengthened."
    until = latest.ends_on + timedelta(days=RENEWAL_GRACE_DAYS)
    if _history_renews(snapshot.terms) and (now is None or whole_second(now) <= end_of_day(until, zone)):
        message += f" It can be renewed until {until}."
    return message
