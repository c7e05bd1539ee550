"""Store: one device with its lineage as the rules ask for it, in one statement. Gathers; judges nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from sqlalchemy import ScalarSelect, bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Quota, Term, UseEntry
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, TermKind, UseKind
from domain.money import Money, total
from domain.standing import Binding, MaintenanceCode, Standing, model_named
from store import catalogue
from store.core import locked
from store.database import Ask, within
from store.rows import Rows
from store.tables import BindingRow, ClaimRow, DeviceRow, LineageRow, MaintenanceCodeRow, TermRow, UseRow


@dataclass(frozen=True, slots=True)
class Case:
    """A claim of the lineage, as much of it as its history shows."""

    claim_id: str
    service: str
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    serial_number: str
    replacement_serial_number: str | None


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device's standing and what else its status page shows: units oldest first, cases newest first."""

    standing: Standing
    owner_name: str
    owner_email: str
    units: tuple[str, ...]
    cases: tuple[Case, ...]


def _of_lineage(row: Any, *columns: Any) -> ScalarSelect[Any]:
    return select(Rows(*columns)).where(col(row.lineage_id) == col(DeviceRow.lineage_id)).scalar_subquery()


_UNIT: Final = DeviceRow.__table__.alias("unit")  # type: ignore[attr-defined]
_EVERYTHING: Final = (
    select(  # type: ignore[call-overload]
        DeviceRow.serial_text,
        DeviceRow.status,
        DeviceRow.lineage_id,
        DeviceRow.replaced_on,
        DeviceRow.activated_at,
        DeviceRow.model,
        DeviceRow.region,
        LineageRow.owner_name,
        LineageRow.owner_email,
        LineageRow.verified_at,
        MaintenanceCodeRow.code,
        MaintenanceCodeRow.issued_on,
        MaintenanceCodeRow.expires_on,
        MaintenanceCodeRow.claim_id,
        catalogue.digest_in_force().label("release"),
        select(Rows(_UNIT.c.generation, _UNIT.c.serial_text, _UNIT.c.serial_number, _UNIT.c.claim_id))
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
            TermRow.ended_at,
        ).label("terms"),
        _of_lineage(UseRow, UseRow.term_id, UseRow.claim_id, UseRow.kind, UseRow.flyaway).label("uses"),
        select(Rows(BindingRow.bound_at, BindingRow.remote_controller, BindingRow.unbound_at))
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
    )
    .join(LineageRow, col(LineageRow.id) == col(DeviceRow.lineage_id))
    .outerjoin(MaintenanceCodeRow, col(MaintenanceCodeRow.lineage_id) == col(DeviceRow.lineage_id))
    .where(DeviceRow.serial_number == bindparam("serial"))
)
_LOCK: Final = (
    select(LineageRow.id)
    .join(DeviceRow, col(DeviceRow.lineage_id) == col(LineageRow.id))
    .where(DeviceRow.serial_number == bindparam("serial"))
    .with_for_update(of=LineageRow)
)


async def load_standing(session: AsyncSession, serial_number: str, *, lock: bool = False) -> Standing | None:
    """The device of that serial number, in whatever spelling, with its lineage; None for an unknown one.

    With `lock` nobody else can change the lineage until the transaction ends: two claims on one device are judged one
    after the other (R-CLM-7). SQLite's writers queue anyway, PostgreSQL locks the lineage's row.
    """
    serial = _storable(serial_number)
    if lock and serial is not None:
        await locked(session, _LOCK, {"serial": serial})
    known = await known_device(within(session), serial_number)
    return known.standing if known else None


async def known_device(ask: Ask, serial_number: str) -> KnownDevice | None:
    """The device of that serial number, in whatever spelling; None for an unknown one."""
    serial = _storable(serial_number)
    if serial is None:
        return None
    rows = await ask(_EVERYTHING, {"serial": serial})
    if not rows:
        return None
    row = rows[0]
    sold = await catalogue.in_force(ask, row.release)
    model, region = model_named(sold, row.model), catalogue.region_in(sold, row.region)
    if model is None or region is None:
        raise LookupError(f"the catalogue lacks {row.model} or {row.region}, which {row.serial_text} needs")
    oldest_first = sorted(row.units)
    units = tuple(text for _, text, *_ in oldest_first)
    written = {serial: text for _, text, serial, _ in oldest_first}
    brought = {claim_id: text for _, text, _, claim_id in oldest_first}
    cases = sorted(row.cases or (), key=lambda case: (_instant(case[0]), case[1]), reverse=True)
    owed = [Money(amount, of) for *_, amount, of in cases if amount > 0]
    standing = Standing(
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
                (Binding(name, _instant(bound), _maybe(unbound)) for bound, name, unbound in row.bindings or ()),
                key=lambda binding: binding.bound_at,
            )
        ),
        open_claim_id=next((case[1] for case in cases if case[6] is not None), None),
        amount_owed=total(owed, region.currency) if owed else None,
        verified_at=row.verified_at,
        maintenance_code=MaintenanceCode(row.code, row.issued_on, row.expires_on, row.claim_id) if row.code else None,
    )
    history = tuple(
        Case(claim_id, service, _instant(opened), _maybe(closed), outcome, written[serial], brought.get(claim_id))
        for opened, claim_id, service, closed, outcome, serial, *_ in cases
    )
    return KnownDevice(standing, row.owner_name, row.owner_email, units, history)


def _storable(serial_number: str) -> str | None:
    """As it would be stored. PostgreSQL keeps no NUL in text and says so with an error; no serial number has one."""
    serial = normalise_serial(serial_number)
    return serial if serial.isprintable() else None


def _terms(rows: Iterable[Any]) -> tuple[Term, ...]:
    """In the order they were bought, without those given back (R-CAN-1)."""
    bought = [row[1:-1] for row in sorted(rows, key=lambda row: (_instant(row[0]), row[1])) if row[-1] is None]
    return tuple(
        Term(
            term_id,
            TermKind(kind),
            Quota(uses, flyaway_cap),
            _maybe(starts_at),
            date.fromisoformat(ends_on) if ends_on else None,
            _maybe(ends_at),
        )
        for term_id, kind, uses, flyaway_cap, starts_at, ends_on, ends_at in bought
    )


def _instant(text: str) -> datetime:
    """An instant as JSON has it: PostgreSQL says the zone, SQLite keeps UTC without saying so."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def term_from(row: TermRow) -> Term:
    """The row as the rules know it."""
    quota = Quota(row.total, row.flyaway_cap)
    return Term(row.id, TermKind(row.kind), quota, row.starts_at, row.ends_on, row.ends_at)
