"""Store, read side: the snapshot of one device with its lineage that the rules need, read by one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import ScalarSelect, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Quota, Term, UseEntry
from domain.device_snapshot import Binding, DeviceSnapshot, MaintenanceCode, model_named
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, ReasonCode, TermKind, UseKind
from domain.money import Money, total
from store.database import connection_of, execute
from store.json_rows import JsonRows
from store.reads import catalogue
from store.tables.claims import ClaimRow, UseRow
from store.tables.devices import BindingRow, DeviceRow, LineageRow, MaintenanceCodeRow, RegionMoveRow, TermRow


@dataclass(frozen=True, slots=True)
class ClaimSummary:
    """The fields of a claim that the lineage's history shows."""

    claim_id: str
    service: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    serial_number: str
    replacement_serial_number: str | None


@dataclass(frozen=True, slots=True)
class RegionMove:
    """A move of the lineage to another region, by which role, and why (R-XFR-3)."""

    at: datetime
    actor: str
    from_region: str
    to_region: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A device's snapshot and the other data of its status page: units and moves oldest first, cases newest first."""

    snapshot: DeviceSnapshot
    owner: dict[str, str | None]
    units: tuple[str, ...]
    cases: tuple[ClaimSummary, ...]
    moves: tuple[RegionMove, ...]


def _of_lineage(row: Any, *columns: Any) -> ScalarSelect[Any]:
    return select(JsonRows(*columns)).where(col(row.lineage_id) == col(DeviceRow.lineage_id)).scalar_subquery()


_UNIT: Final = DeviceRow.__table__.alias("unit")  # type: ignore[attr-defined]
_SELECT_DEVICE: Final = (
    select(  # type: ignore[call-overload,misc]
        DeviceRow.serial_text,
        DeviceRow.status,
        DeviceRow.lineage_id,
        DeviceRow.replaced_on,
        DeviceRow.activated_at,
        DeviceRow.model,
        DeviceRow.region,
        LineageRow.owner_name,
        LineageRow.owner_email,
        LineageRow.owner_phone,
        LineageRow.owner_language,
        LineageRow.verified_at,
        MaintenanceCodeRow.code,
        MaintenanceCodeRow.issued_on,
        MaintenanceCodeRow.expires_on,
        MaintenanceCodeRow.claim_id,
        catalogue.digest_in_force().label("release"),
        select(JsonRows(_UNIT.c.generation, _UNIT.c.serial_text, _UNIT.c.serial_number, _UNIT.c.claim_id))
        .where(_UNIT.c.lineage_id == DeviceRow.lineage_id)
        .scalar_subquery()
        .label("units"),
        _of_lineage(
            TermRow,
            TermRow.purchased_at,
            TermRow.id,
            TermRow.kind,
            TermRow.total,
            TermRow.flyaway_cap,
            TermRow.starts_at,
            TermRow.ends_on,
            TermRow.ends_at,
            TermRow.question,
            TermRow.decided_at,
            TermRow.bindings_from,
            TermRow.ended_at,
        ).label("terms"),
        _of_lineage(UseRow, UseRow.term_id, UseRow.claim_id, UseRow.kind, UseRow.flyaway).label("uses"),
        select(JsonRows(BindingRow.bound_at, BindingRow.remote_controller, BindingRow.unbound_at, BindingRow.told_at))
        .where(BindingRow.serial_number == DeviceRow.serial_number)
        .scalar_subquery()
        .label("bindings"),
        _of_lineage(
            ClaimRow,
            ClaimRow.opened_at,
            ClaimRow.id,
            ClaimRow.service,
            ClaimRow.closed_at,
            ClaimRow.outcome,
            ClaimRow.serial_number,
            ClaimRow.open_lineage,
            ClaimRow.owed_amount,
            ClaimRow.owed_currency,
        ).label("cases"),
        _of_lineage(
            RegionMoveRow,
            RegionMoveRow.id,
            RegionMoveRow.at,
            RegionMoveRow.actor,
            RegionMoveRow.from_region,
            RegionMoveRow.to_region,
            RegionMoveRow.reason,
        ).label("moves"),
    )
    .join(LineageRow, col(LineageRow.id) == col(DeviceRow.lineage_id))
    .outerjoin(MaintenanceCodeRow, col(MaintenanceCodeRow.lineage_id) == col(DeviceRow.lineage_id))
    .where(DeviceRow.serial_number == bindparam("serial"))
)
_LOCK_LINEAGE: Final = (
    select(LineageRow.id)
    .join(DeviceRow, col(DeviceRow.lineage_id) == col(LineageRow.id))
    .where(DeviceRow.serial_number == bindparam("serial"))
    .with_for_update(of=LineageRow)
)


async def load_snapshot(session: AsyncSession, serial_number: str, *, lock: bool = False) -> DeviceSnapshot | None:
    """The device of that serial number, in any spelling, with its lineage; None for an unknown one.

    With `lock` no other transaction can change the lineage until this one ends: claims on one device are decided one
    after the other (R-CLM-7). PostgreSQL locks the lineage's row; SQLite has one writer at a time.
    """
    serial = _searchable(serial_number)
    if lock and serial is not None:
        await execute(session, _LOCK_LINEAGE, {"serial": serial})
    await session.flush()
    known = await query_device(connection_of(session), serial_number)
    return known.snapshot if known else None


async def query_device(connection: AsyncConnection, serial_number: str) -> DeviceRecord | None:
    """The device of that serial number, in any spelling; None for an unknown one."""
    serial = _searchable(serial_number)
    if serial is None:
        return None
    row = (await connection.execute(_SELECT_DEVICE, {"serial": serial})).first()
    if row is None:
        return None
    in_force = await catalogue.in_force(connection, row.release)
    model, region = model_named(in_force, row.model), catalogue.region_in(in_force, row.region)
    if model is None or region is None:
        raise LookupError(f"the catalogue lacks {row.model} or {row.region}, which {row.serial_text} needs")
    oldest_first = sorted(row.units)
    units = tuple(text for _, text, *_ in oldest_first)
    texts = {serial: text for _, text, serial, _ in oldest_first}
    replacements = {claim_id: text for _, text, _, claim_id in oldest_first}
    cases = sorted(row.cases or (), key=lambda case: (_instant(case[0]), case[1]), reverse=True)
    snapshot = DeviceSnapshot(
        serial_number=row.serial_text,
        status=DeviceStatus(row.status),
        lineage_id=row.lineage_id,
        current_serial_number=units[-1],
        replaced_on=row.replaced_on,
        activated_at=row.activated_at,
        model=model,
        region=region,
        terms=_terms(row.terms or ()),
        uses=tuple(
            UseEntry(term, claim, UseKind(kind), bool(flyaway)) for term, claim, kind, flyaway in row.uses or ()
        ),
        bindings=tuple(
            sorted(
                (
                    Binding(name, _instant(bound), _optional_instant(unbound), _optional_instant(told))
                    for bound, name, unbound, told in row.bindings or ()
                ),
                key=lambda binding: binding.bound_at,
            )
        ),
        open_claim_id=next((case[1] for case in cases if case[6] is not None), None),
        amount_owed=_amount_owed([Money(amount, of) for *_, amount, of in cases if amount > 0]),
        verified_at=row.verified_at,
        maintenance_code=MaintenanceCode(row.code, row.issued_on, row.expires_on, row.claim_id) if row.code else None,
    )
    history = tuple(
        ClaimSummary(
            claim_id,
            service,
            _instant(opened),
            _optional_instant(closed),
            outcome,
            texts[serial],
            replacements.get(claim_id),
        )
        for opened, claim_id, service, closed, outcome, serial, *_ in cases
    )
    owner = {"name": row.owner_name, "email": row.owner_email, "phone": row.owner_phone, "language": row.owner_language}
    moves = tuple(RegionMove(_instant(at), *move) for _, at, *move in sorted(row.moves or ()))
    return DeviceRecord(snapshot, owner, units, history, moves)


def _amount_owed(owed: Sequence[Money]) -> Money | None:
    """The sum of what is owed, newest case first. Cases may be of regions with two currencies (R-XFR-3): one after the
    other."""
    if not owed:
        return None
    currency = owed[0].currency
    return total([each for each in owed if each.currency == currency], currency)


def _searchable(serial_number: str) -> str | None:
    """The normalised serial number; None for unprintable text, because PostgreSQL rejects a NUL in a parameter."""
    serial = normalise_serial(serial_number)
    return serial if serial.isprintable() else None


def _terms(rows: Iterable[Any]) -> tuple[Term, ...]:
    """Terms in the order of purchase, without those given back (R-CAN-1)."""
    bought = [row[1:-1] for row in sorted(rows, key=lambda row: (_instant(row[0]), row[1])) if row[-1] is None]
    return tuple(
        Term(
            term_id,
            TermKind(kind),
            Quota(uses, flyaway_cap),
            _optional_instant(starts_at),
            date.fromisoformat(ends_on) if ends_on else None,
            _optional_instant(ends_at),
            ReasonCode(question) if question and decided_at is None else None,
            _optional_instant(bindings_from),
        )
        for term_id, kind, uses, flyaway_cap, starts_at, ends_on, ends_at, question, decided_at, bindings_from in bought
    )


def _instant(text: str) -> datetime:
    """An instant from JSON: PostgreSQL writes the time zone, SQLite stores UTC without one."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _optional_instant(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def term_from(row: TermRow) -> Term:
    """The row as a term of the domain."""
    quota = Quota(row.total, row.flyaway_cap)
    question = ReasonCode(row.question) if row.question and row.decided_at is None else None
    return Term(row.id, TermKind(row.kind), quota, row.starts_at, row.ends_on, row.ends_at, question, row.bindings_from)
