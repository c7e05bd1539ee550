"""Store, read side: the status page of one device (R-STA-1), built from its snapshot."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.coverage import Tally, renewable_until, tally, term_at, warranty_end
from domain.dates import end_of_day, local_day, whole_second
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import Category, DeviceStatus, Outcome, ReasonCode, Service, TermKind
from store.reads.device_snapshot import ClaimSummary, RegionMove, query_device


class View(BaseModel):
    """Base of the read side's results: immutable."""

    model_config = ConfigDict(frozen=True)


class OwnerView(View):
    name: str
    email: str
    phone: str | None = None
    language: str | None = None


class BindingView(View):
    """`counts_for_flyaway`: it was made on the day of the purchase or later (R-FLY-8)."""

    remote_controller: str
    bound_at: datetime
    counts_for_flyaway: bool


class PeriodView(View):
    """A bought term; its days are None until the device is activated (R-PUR-5), and while staff must decide about its
    `question` (R-PUR-6)."""

    term: TermKind
    starts_on: date | None
    ends_on: date | None
    question: ReasonCode | None


class PoolView(View):
    """Uses of one pool. `left` is what a new claim could use; `reserved` are those of the open case."""

    total: int
    used: int
    reserved: int
    left: int


class CareView(View):
    """Cover of the lineage. Uses are those of the term active now, zeros when there is none.

    `ends_on` is the last covered day of the latest term, `renewable_until` the last day on which it can be renewed.
    """

    periods: tuple[PeriodView, ...]
    active: bool
    ends_on: date | None
    renewable_until: date | None
    replacements: PoolView
    flyaway: PoolView


class WarrantyView(View):
    ends_on: date | None
    active: bool


class RegionMoveView(View):
    """A move of the device to another region: by which role, and why (R-XFR-3)."""

    at: datetime
    actor: str
    from_region: str
    to_region: str
    reason: str


class HistoryView(View):
    """One case of the lineage, open or closed."""

    claim_id: str
    service: Service
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    serial_number: str
    replacement_serial_number: str | None


class DeviceView(View):
    """A unit with its lineage. `lineage` lists serial numbers oldest first; cover is the lineage's (R-CLM-9)."""

    serial_number: str
    model: str
    category: Category
    region: str
    status: DeviceStatus
    owner: OwnerView
    activated_at: datetime | None
    lineage: tuple[str, ...]
    current_serial_number: str
    binding: BindingView | None
    care: CareView
    warranty: WarrantyView
    service_history: tuple[HistoryView, ...]
    flyaway_records: tuple[HistoryView, ...]
    open_claim_id: str | None
    region_moves: tuple[RegionMoveView, ...]


async def load_device(connection: AsyncConnection, serial_number: str, now: datetime) -> DeviceView | None:
    """The status page of that serial number as of `now`; None for an unknown one."""
    known = await query_device(connection, serial_number)
    if known is None:
        return None
    snapshot = known.snapshot
    cases = [_history_view(case) for case in known.cases]
    return DeviceView(
        serial_number=snapshot.serial_number,
        model=snapshot.model.slug,
        category=snapshot.model.category,
        region=snapshot.region.code,
        status=snapshot.status,
        owner=OwnerView(**known.owner),
        activated_at=snapshot.activated_at,
        lineage=known.units,
        current_serial_number=snapshot.current_serial_number,
        binding=_binding(snapshot, now),
        care=care(snapshot, now),
        warranty=_warranty(snapshot, now),
        service_history=tuple(case for case in cases if case.service is not Service.FLYAWAY),
        flyaway_records=tuple(case for case in cases if case.service is Service.FLYAWAY),
        open_claim_id=snapshot.open_claim_id,
        region_moves=tuple(map(_move_view, known.moves)),
    )


def care(snapshot: DeviceSnapshot, now: datetime) -> CareView:
    """The cover of a lineage as of `now`."""
    zone = snapshot.region.time_zone
    term = term_at(snapshot.terms, now)
    replacements, flyaway = tally(term, snapshot.uses) if term else (Tally(0, 0, 0, 0), Tally(0, 0, 0, 0))
    until = renewable_until(snapshot.terms, zone)
    return CareView(
        periods=tuple(
            PeriodView(
                term=t.kind,
                starts_on=local_day(t.starts_at, zone) if t.starts_at else None,
                ends_on=t.ends_on,
                question=t.question,
            )
            for t in snapshot.terms
        ),
        active=term is not None,
        ends_on=max((t.ends_on for t in snapshot.terms if t.ends_on), default=None),
        renewable_until=local_day(until, zone) if until else None,
        replacements=_pool(replacements),
        flyaway=_pool(flyaway),
    )


def _pool(counts: Tally) -> PoolView:
    return PoolView(total=counts.total, used=counts.used, reserved=counts.reserved, left=counts.left)


def _binding(snapshot: DeviceSnapshot, now: datetime) -> BindingView | None:
    active = snapshot.bindings_at(now)
    if not active:
        return None
    binding = active[-1]
    return BindingView(
        remote_controller=binding.remote_controller,
        bound_at=binding.bound_at,
        counts_for_flyaway=snapshot.model.flyaway and snapshot.counts_for_flyaway(binding),
    )


def _warranty(snapshot: DeviceSnapshot, now: datetime) -> WarrantyView:
    if snapshot.activated_at is None:
        return WarrantyView(ends_on=None, active=False)
    zone = snapshot.region.time_zone
    ends_on = warranty_end(snapshot.activated_at, (term.kind for term in snapshot.terms), zone)
    return WarrantyView(ends_on=ends_on, active=snapshot.activated_at <= now <= end_of_day(ends_on, zone))


def _history_view(case: ClaimSummary) -> HistoryView:
    return HistoryView(
        claim_id=case.claim_id,
        service=Service(case.service),
        opened_at=whole_second(case.opened_at),
        closed_at=whole_second(case.closed_at) if case.closed_at else None,
        outcome=Outcome(case.outcome) if case.outcome else None,
        serial_number=case.serial_number,
        replacement_serial_number=case.replacement_serial_number,
    )


def _move_view(move: RegionMove) -> RegionMoveView:
    return RegionMoveView(
        at=whole_second(move.at),
        actor=move.actor,
        from_region=move.from_region,
        to_region=move.to_region,
        reason=move.reason,
    )
