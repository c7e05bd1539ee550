"""Store, read side: the renewal reminders that are due in a region, a page of terms at a time.

A page takes the same few queries for any number of terms; terms without a due reminder are dropped before more is read.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from domain.catalogue import Model, Region
from domain.coverage import RENEWAL_GRACE_DAYS, Term
from domain.dates import morning_of
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import DeviceStatus, Service
from domain.renewal import REMINDERS, Renewal, latest_term, reminder_due
from domain.renewal import renewal as renewal_of
from store.query_hints import unindexed
from store.reads import catalogue
from store.reads.device_snapshot import term_from
from store.tables.claims import ClaimRow
from store.tables.devices import DeviceRow, LineageRow, TermRow
from store.tables.mails import MailRow

MAX_PAGE_SIZE: Final = 1000
OCCURRENCE: Final = 1
_ORDER: Final = tuple(REMINDERS)


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A due reminder. `renewal` is the offer in it; `sent` is whether an earlier attempt at this page sent it."""

    term_id: str
    kind: str
    ends_on: date
    serial_number: str
    model_name: str
    owner_name: str
    owner_email: str
    renewal: Renewal
    sent: bool


@dataclass(frozen=True, slots=True)
class DuePage:
    """The reminders due among `looked_at` terms. `next` is where the next page begins, None at the end."""

    due: tuple[DueReminder, ...]
    looked_at: int
    next: str | None


async def due_page(
    session: AsyncSession, region: Region, as_of: date, at: datetime, after: str | None, size: int
) -> DuePage:
    """The reminders due on `as_of` for the terms after `after` (R-NOT-1).

    None is due for a term that was renewed or given back, for cover of three years, or for a lost device: replaced as
    lost, or with an open flyaway case. A kind is not due when it or a later one was sent; one sent at `at` itself was
    sent by an earlier attempt at this page.
    """
    size = max(1, min(size, MAX_PAGE_SIZE))
    rows = (await session.exec(_ending(region.code, as_of, after, size))).all()
    kinds = {row.id: reminder_due(row.ends_on, as_of) for row in rows if row.ends_on is not None}
    sent = await _sent(session, [row.id for row in rows])
    candidates = {row.id: row for row in rows if _is_due(kinds[row.id], sent[row.id], at)}
    snapshots = await _snapshots(session, candidates.values()) if candidates else {}
    instant = morning_of(as_of, region.time_zone)
    due = []
    for row in candidates.values():
        known, kind = snapshots.get(row.lineage_id), kinds[row.id]
        if known is None or kind is None or row.ends_on is None:
            continue
        owner, snapshot = known
        latest, renewal = latest_term(snapshot.terms), renewal_of(snapshot, instant)
        sent_before = sent[row.id].get(kind) == at
        # A reminder of an earlier attempt is returned, even if the device has changed since.
        if sent_before or (latest is not None and latest.id == row.id and renewal.eligible):
            names = snapshot.serial_number, snapshot.model.name, owner.owner_name, owner.owner_email
            due.append(DueReminder(row.id, kind, row.ends_on, *names, renewal, sent_before))
    following = f"{rows[-1].ends_on}|{rows[-1].id}" if len(rows) == size else None
    return DuePage(tuple(due), len(rows), following)


def _ending(region: str, as_of: date, after: str | None, size: int) -> SelectOfScalar[TermRow]:
    first = as_of - timedelta(days=RENEWAL_GRACE_DAYS)
    last = as_of - timedelta(days=min(REMINDERS.values()))
    query = select(TermRow).where(TermRow.region == region, col(TermRow.ends_on).between(first, last))
    if after is not None:
        day, _, term_id = after.partition("|")
        query = query.where(tuple_(col(TermRow.ends_on), col(TermRow.id)) > (date.fromisoformat(day), term_id))
    return query.where(col(TermRow.ended_at).is_(None)).order_by(col(TermRow.ends_on), col(TermRow.id)).limit(size)


async def _sent(session: AsyncSession, term_ids: Sequence[str]) -> dict[str, dict[str, datetime]]:
    """When each kind was sent, by term."""
    # All mails of the terms, few or none: with the kinds in the condition the index would be searched for each of them.
    mails = select(MailRow.claim_id, MailRow.kind, MailRow.at).where(col(MailRow.claim_id).in_(term_ids))
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    for term_id, kind, at in await session.exec(mails):
        if kind in REMINDERS:
            found[term_id][kind] = at
    return found


def _is_due(kind: str | None, sent: dict[str, datetime], at: datetime) -> bool:
    if kind is None:
        return False
    same_or_later = [sent[k] for k in _ORDER[_ORDER.index(kind) :] if k in sent]
    return not same_or_later or sent.get(kind) == at


async def _snapshots(session: AsyncSession, rows: Iterable[TermRow]) -> dict[str, tuple[LineageRow, DeviceSnapshot]]:
    """The owner and the current unit of each lineage, with all its terms, except lineages with an open flyaway case."""
    ids = {row.lineage_id for row in rows}
    searched = select(ClaimRow.open_lineage).where(
        col(ClaimRow.open_lineage).in_(ids), unindexed(col(ClaimRow.service)) == Service.FLYAWAY.value
    )
    ids -= set((await session.exec(searched)).all())
    terms: dict[str, list[Term]] = defaultdict(list)
    of_lineages = select(TermRow).where(col(TermRow.lineage_id).in_(ids), col(TermRow.ended_at).is_(None))
    for row in await session.exec(of_lineages.order_by(col(TermRow.purchased_at), col(TermRow.id))):
        terms[row.lineage_id].append(term_from(row))
    owned = (
        select(DeviceRow, LineageRow)
        .join(LineageRow, col(LineageRow.id) == col(DeviceRow.lineage_id))
        .where(col(DeviceRow.lineage_id).in_(ids), col(DeviceRow.replaced_by).is_(None))
    )
    in_force = await catalogue.read(session)
    models, regions = {model.slug: model for model in in_force.models}, {r.code: r for r in in_force.regions}
    found = {}
    for device, owner in (await session.exec(owned)).all():
        # The price is that of the device's own region, which is another one than the term's after a move (R-XFR-3).
        model, region = models.get(device.model), regions.get(device.region)
        if model is not None and region is not None:
            found[owner.id] = (owner, _snapshot(device, model, region, tuple(terms[owner.id])))
    return found


def _snapshot(device: DeviceRow, model: Model, region: Region, terms: tuple[Term, ...]) -> DeviceSnapshot:
    """The fields that the rules of renewal read; uses, bindings and cases are left empty."""
    return DeviceSnapshot(
        serial_number=device.serial_text,
        status=DeviceStatus(device.status),
        lineage_id=device.lineage_id,
        current_serial_number=device.serial_text,
        replaced_on=device.replaced_on,
        activated_at=device.activated_at,
        model=model,
        region=region,
        terms=terms,
        uses=(),
        bindings=(),
        open_claim_id=None,
        amount_owed=None,
    )
