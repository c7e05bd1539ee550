"""Store: one device with its lineage as the rules ask for it. Gathers; judges nothing."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Quota, Term, UseEntry
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, TermKind, UseKind
from domain.money import Money, total
from domain.standing import Binding, MaintenanceCode, Standing
from store import catalogue
from store.tables import BindingRow, ClaimRow, DeviceRow, LineageRow, MaintenanceCodeRow, TermRow, UseRow


async def load_standing(session: AsyncSession, serial_number: str, *, lock: bool = False) -> Standing | None:
    """The device of that serial number, in whatever spelling, with its lineage; None for an unknown one.

    With `lock` nobody else can change the lineage until the transaction ends: two claims on one device are judged one
    after the other (R-CLM-7). SQLite's writers queue anyway, PostgreSQL locks the lineage's row.
    """
    serial = normalise_serial(serial_number)
    # PostgreSQL keeps no NUL in text and says so with an error; no serial number has one.
    device = await session.get(DeviceRow, serial) if serial.isprintable() else None
    if device is None:
        return None
    if lock:
        await session.exec(select(LineageRow.id).where(LineageRow.id == device.lineage_id).with_for_update())
        await session.refresh(device)
    model = await catalogue.model(session, device.model)
    region = await catalogue.region(session, device.region)
    if model is None or region is None:
        raise LookupError(f"the catalogue lacks {device.model} or {device.region}, which {device.serial_text} needs")
    units = await lineage_of(session, device.lineage_id)
    open_claim = await session.exec(select(ClaimRow.id).where(ClaimRow.open_lineage == device.lineage_id))
    bindings = select(BindingRow).where(BindingRow.serial_number == device.serial_number)
    verified = select(LineageRow.verified_at).where(LineageRow.id == device.lineage_id)
    return Standing(
        serial_number=device.serial_text,
        status=DeviceStatus(device.status),
        lineage_id=device.lineage_id,
        current_serial_number=units[-1].serial_text,
        replaced_on=device.replaced_on,
        activated_at=device.activated_at,
        model=model,
        region=region,
        terms=await terms_of(session, device.lineage_id),
        uses=await _uses_of(session, device.lineage_id),
        bindings=tuple(
            Binding(row.remote_controller, row.bound_at, row.unbound_at)
            for row in await session.exec(bindings.order_by(col(BindingRow.bound_at)))
        ),
        open_claim_id=open_claim.first(),
        amount_owed=await _owed_by(session, device.lineage_id, region.currency),
        verified_at=(await session.exec(verified)).one(),
        maintenance_code=await _code_of(session, device.lineage_id),
    )


async def lineage_of(session: AsyncSession, lineage_id: str) -> Sequence[DeviceRow]:
    """The units of a lineage, oldest first; the last one is current unless it was lost without a successor."""
    units = select(DeviceRow).where(DeviceRow.lineage_id == lineage_id).order_by(col(DeviceRow.generation))
    return (await session.exec(units)).all()


async def terms_of(session: AsyncSession, lineage_id: str) -> tuple[Term, ...]:
    """The terms of a lineage in the order they were bought, without those given back (R-CAN-1)."""
    rows = select(TermRow).where(TermRow.lineage_id == lineage_id, col(TermRow.ended_at).is_(None))
    ordered = rows.order_by(col(TermRow.purchased_at), col(TermRow.id))
    return tuple(term_from(row) for row in await session.exec(ordered))


def term_from(row: TermRow) -> Term:
    """The row as the rules know it."""
    quota = Quota(row.total, row.flyaway_cap)
    return Term(row.id, TermKind(row.kind), quota, row.starts_at, row.ends_on, row.ends_at)


async def _uses_of(session: AsyncSession, lineage_id: str) -> tuple[UseEntry, ...]:
    rows = await session.exec(select(UseRow).where(UseRow.lineage_id == lineage_id))
    return tuple(UseEntry(row.term_id, row.claim_id, UseKind(row.kind), row.flyaway) for row in rows)


async def _code_of(session: AsyncSession, lineage_id: str) -> MaintenanceCode | None:
    row = (await session.exec(select(MaintenanceCodeRow).where(MaintenanceCodeRow.lineage_id == lineage_id))).first()
    return MaintenanceCode(row.code, row.issued_on, row.expires_on, row.claim_id) if row else None


async def _owed_by(session: AsyncSession, lineage_id: str, currency: str) -> Money | None:
    owed = select(ClaimRow.owed_amount, ClaimRow.owed_currency).where(
        ClaimRow.lineage_id == lineage_id, col(ClaimRow.owed_amount) > 0
    )
    amounts = [Money(amount, of) for amount, of in await session.exec(owed)]
    return total(amounts, currency) if amounts else None
