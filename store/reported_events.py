"""Store: the events that were reported about claims, so that one which its claim could not be told is not lost."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, delete, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import utc_text
from domain.kinds import Attention
from domain.reported_events import HOUR, EventKind, KnownEvent, normalise_tracking_number, repeats, within_limit
from messages.claims import ParcelArrived, ParcelDelivered, ParcelEvent, ParcelScanned, PaymentChanged
from store.claim_parcels import keep_parcels
from store.database import Database
from store.tables.claims import AttentionRow, ClaimRow, EventRow
from store.tables.reported_events import ReportedEventRow, ReportState
from store.upsert import insert_new, insert_once

ReportedEvent = ParcelEvent | PaymentChanged
FIRST_RETRY: Final = timedelta(minutes=1)
"""When an event is tried again whose first try did not end."""
MAX_RETRY_INTERVAL: Final = timedelta(hours=1)
OUTSIDE_CODES: Final = (Attention.EVENT_WAITING, Attention.UNCLAIMED_ARRIVAL)
"""Attention codes that this module sets beside those of the claim's document."""
_TITLES: Final = {
    EventKind.ARRIVAL: ("parcel_arrived", "A parcel arrived"),
    EventKind.RETURN_SCAN: ("return_scanned", "The carrier took a parcel"),
    EventKind.DELIVERY: ("delivery_reported", "The carrier delivered a parcel"),
}
_LIMITED: Final = "the claim is told no more events of this kind within the hour"
_NEAREST: Final = 50
"""Events that a claim asks for before it charges: every arrival and delivery first, then the earliest scans."""


class ReportedEvents:
    """Every method is one transaction. `at` is the API's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, claim_id: str, event: ReportedEvent, at: datetime) -> bool:
        """Store the event. Whether the claim is to be told now: not when it repeats another, or beyond the limit."""
        async with self._database.transaction() as session:
            kind, row = kind_of(event), _row(claim_id, event, at)
            of_claim = select(ReportedEventRow).where(ReportedEventRow.claim_id == claim_id)
            rows = (await session.exec(of_claim)).all()
            if any(known.event_id == event.event_id for known in rows):
                return True  # the caller repeats it, since it had no answer; the claim takes an id once
            if repeats(_known(row), map(_known, rows)):
                return False
            recent = [r for r in rows if r.kind == kind and r.state == ReportState.TOLD and r.received_at > at - HOUR]
            allowed = within_limit(kind, len(recent))
            if not allowed:
                row.problem, row.next_try_at = _LIMITED, min(r.received_at for r in recent) + HOUR
            await insert_once(session, ReportedEventRow, row.model_dump())
            await keep_parcels(session, claim_id, [row.tracking_number])
            if not allowed:
                await show_on_claim(session, claim_id)
        return allowed

    async def mark_told(self, claim_id: str, event_id: str, at: datetime) -> None:
        """The claim's workflow has the event. `at` counts for the limit."""
        async with self._database.transaction() as session:
            waiting = col(ReportedEventRow.event_id) == event_id, col(ReportedEventRow.state) == ReportState.WAITING
            told = update(ReportedEventRow).where(*waiting)
            told = told.values(state=ReportState.TOLD.value, received_at=at, next_try_at=None)
            problem = (await session.exec(told.returning(col(ReportedEventRow.problem)))).first()
            if problem is not None and problem[0] is not None:  # the claim shows it
                await show_on_claim(session, claim_id)

    async def mark_ended(self, claim_id: str, event_id: str, at: datetime) -> None:
        """The claim has ended: a parcel that arrived becomes a task of people, anything else is in its timeline."""
        async with self._database.transaction() as session:
            row = await session.get(ReportedEventRow, event_id)
            if row is None or row.state not in (ReportState.WAITING, ReportState.TOLD):
                return
            arrived = row.kind == EventKind.ARRIVAL
            row.state = (ReportState.UNCLAIMED if arrived else ReportState.TOLD).value
            row.next_try_at, row.problem = None, None
            await session.flush()
            if EventKind(row.kind) in _TITLES:
                await insert_new(session, EventRow, [_line(row, claim_id, at)])
            await show_on_claim(session, claim_id)

    async def mark_waiting(self, claim_id: str, event_id: str, problem: str, at: datetime) -> None:
        """The claim could not be told: try again, at growing intervals up to an hour."""
        async with self._database.transaction() as session:
            row = await session.get(ReportedEventRow, event_id)
            if row is not None and row.state == ReportState.WAITING:
                row.tries += 1
                row.problem = problem
                row.next_try_at = at + min(FIRST_RETRY * 2 ** min(row.tries - 1, 10), MAX_RETRY_INTERVAL)
                await session.flush()
                await show_on_claim(session, claim_id)

    async def forget(self, event_id: str) -> None:
        """Delete an event that its sender will send again."""
        async with self._database.transaction() as session:
            waiting = col(ReportedEventRow.state) == ReportState.WAITING
            await session.exec(delete(ReportedEventRow).where(col(ReportedEventRow.event_id) == event_id, waiting))

    async def due(self, at: datetime, limit: int = 100) -> list[tuple[str, ReportedEvent]]:
        """Events to try again now, each with its claim. Those beyond the limit of their claim wait another hour."""
        async with self._database.transaction() as session:
            waiting = select(ReportedEventRow).where(col(ReportedEventRow.next_try_at) <= at)
            rows = (await session.exec(waiting.order_by(col(ReportedEventRow.next_try_at)).limit(limit))).all()
            ready: list[ReportedEventRow] = []
            for row in rows:
                told = select(func.count()).where(
                    ReportedEventRow.claim_id == row.claim_id,
                    ReportedEventRow.kind == row.kind,
                    ReportedEventRow.state == ReportState.TOLD,
                    col(ReportedEventRow.received_at) > at - HOUR,
                )
                chosen = sum(r.claim_id == row.claim_id and r.kind == row.kind for r in ready)
                if within_limit(EventKind(row.kind), (await session.exec(told)).one() + chosen):
                    ready.append(row)
                else:
                    row.next_try_at = at + HOUR
            return [(row.claim_id or "", event_of(row)) for row in ready]


async def count_waiting(session: AsyncSession) -> int:
    """How many events their claims could not be told yet."""
    shown = col(ReportedEventRow.problem).is_not(None), ReportedEventRow.state == ReportState.WAITING
    return (await session.exec(select(func.count()).select_from(ReportedEventRow).where(*shown))).one()


async def waiting_events(session: AsyncSession, claim_id: str) -> list[ParcelEvent]:
    """The parcel events that the claim was not told, the decisive ones first: a claim asks before it charges."""
    scans = col(ReportedEventRow.kind) == EventKind.RETURN_SCAN
    order = scans, col(ReportedEventRow.happened_at), col(ReportedEventRow.event_id)
    of_claim = ReportedEventRow.claim_id == claim_id, ReportedEventRow.state == ReportState.WAITING
    parcels = col(ReportedEventRow.kind) != EventKind.PAYMENT_CHANGED
    rows = await session.exec(select(ReportedEventRow).where(*of_claim, parcels).order_by(*order).limit(_NEAREST))
    return [event for event in map(event_of, rows) if not isinstance(event, PaymentChanged)]


async def keep_unclaimed(session: AsyncSession, claim_id: str, events: Sequence[ParcelArrived]) -> None:
    """Make a task of each parcel that arrived and that the claim's process does not wait for."""
    if not events:
        return
    for event in events:
        row = _row(claim_id, event, event.arrived_at).model_dump() | {
            "state": ReportState.UNCLAIMED.value,
            "next_try_at": None,
        }
        if not await insert_once(session, ReportedEventRow, row):
            open_ = or_(
                col(ReportedEventRow.state) == ReportState.WAITING, col(ReportedEventRow.state) == ReportState.TOLD
            )
            of_event = update(ReportedEventRow).where(col(ReportedEventRow.event_id) == event.event_id, open_)
            await session.exec(of_event.values(state=ReportState.UNCLAIMED.value, next_try_at=None, problem=None))
    await show_on_claim(session, claim_id)


def _line(row: ReportedEventRow, claim_id: str, at: datetime) -> dict[str, Any]:
    """The line of the timeline for an event after the claim's end, which no workflow writes."""
    kind, title = _TITLES[EventKind(row.kind)]
    details = " ".join(part for part in (row.carrier, row.tracking_number, row.reason) if part)
    when = utc_text(row.happened_at)
    values = {"kind": kind, "title": f"{title} {when}, after the end of the case.", "details": details}
    return {"claim_id": claim_id, "run_id": row.event_id, "seq": 0, "at": at, "actor": row.actor} | values


async def show_on_claim(session: AsyncSession, claim_id: str) -> None:
    """Show on the claim, beside its own attention codes, that events wait or a parcel is nobody's."""
    claim = (await session.exec(select(ClaimRow.opened_at).where(ClaimRow.id == claim_id))).first()
    if claim is None:
        return
    of_claim = select(ReportedEventRow.state).where(ReportedEventRow.claim_id == claim_id)
    shown = or_(
        (col(ReportedEventRow.state) == ReportState.WAITING) & col(ReportedEventRow.problem).is_not(None),
        col(ReportedEventRow.state) == ReportState.UNCLAIMED,
    )
    states = set((await session.exec(of_claim.where(shown).distinct())).all())
    codes = []
    if ReportState.WAITING in states:
        codes.append(Attention.EVENT_WAITING.value)
    if ReportState.UNCLAIMED in states:
        codes.append(Attention.UNCLAIMED_ARRIVAL.value)
    await session.exec(update(ClaimRow).where(col(ClaimRow.id) == claim_id).values(outside_attention=",".join(codes)))
    mine = col(AttentionRow.code).in_([code.value for code in OUTSIDE_CODES])
    await session.exec(delete(AttentionRow).where(col(AttentionRow.claim_id) == claim_id, mine))
    if codes:
        rows = [{"claim_id": claim_id, "code": code, "opened_at": claim} for code in codes]
        await insert_new(session, AttentionRow, rows)


def kind_of(event: ReportedEvent) -> EventKind:
    match event:
        case ParcelScanned():
            return EventKind.RETURN_SCAN
        case ParcelArrived():
            return EventKind.ARRIVAL
        case ParcelDelivered():
            return EventKind.DELIVERY
        case PaymentChanged():
            return EventKind.PAYMENT_CHANGED


def _row(claim_id: str, event: ReportedEvent, at: datetime) -> ReportedEventRow:
    row = ReportedEventRow(
        event_id=event.event_id,
        claim_id=claim_id,
        kind=kind_of(event).value,
        actor=event.actor,
        happened_at=at,
        received_at=at,
        state=ReportState.WAITING.value,
        next_try_at=at + FIRST_RETRY,
    )
    match event:
        case ParcelScanned():
            row.happened_at, row.carrier = event.scanned_at, event.carrier
            row.tracking_number = event.tracking_number
        case ParcelDelivered():
            row.happened_at, row.carrier = event.delivered_at, event.carrier
            row.tracking_number = event.tracking_number
        case ParcelArrived():
            row.happened_at, row.reason = event.arrived_at, event.reason
        case PaymentChanged():
            row.payment_id = event.payment_id
    return row


def event_of(row: ReportedEventRow) -> ReportedEvent:
    """The event as its claim is told it."""
    known = {"event_id": row.event_id, "actor": row.actor}
    parcel = {"carrier": row.carrier or "", "tracking_number": row.tracking_number or ""}
    match EventKind(row.kind):
        case EventKind.RETURN_SCAN:
            return ParcelScanned.model_validate({**known, **parcel, "scanned_at": row.happened_at})
        case EventKind.DELIVERY:
            return ParcelDelivered.model_validate({**known, **parcel, "delivered_at": row.happened_at})
        case EventKind.ARRIVAL:
            return ParcelArrived.model_validate({**known, "arrived_at": row.happened_at, "reason": row.reason})
        case EventKind.PAYMENT_CHANGED:
            return PaymentChanged.model_validate({**known, "payment_id": row.payment_id or ""})


def _known(row: ReportedEventRow) -> KnownEvent:
    return KnownEvent(
        event_id=row.event_id,
        kind=EventKind(row.kind),
        parcel=normalise_tracking_number(row.tracking_number) if row.tracking_number else None,
        happened_at=row.happened_at,
        payment_id=row.payment_id,
        waiting=row.state == ReportState.WAITING and row.problem is not None,
    )
