"""Store, the write side of devices: registration, activation, bindings, planted terms. Refusals name the field."""

from datetime import datetime
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import begun, quota_for
from domain.dates import start_of_day
from domain.eligibility import CLOCK_SKEW
from domain.inspection import can_be_serial, normalise_serial
from domain.kinds import DeviceStatus, TermKind
from domain.purchase import starts_at
from domain.standing import Standing
from messages.ids import new_id
from messages.registry import ActivateDevice, BindController, PlantTerm, RegisterDevice, UnbindController
from store import catalogue
from store.standing import load_standing, term_from
from store.tables import BindingRow, DeviceRow, LineageRow, TermRow
from store.writes.refused import Refused

LONGEST_SERIAL: Final = 64


async def register_device(session: AsyncSession, ask: RegisterDevice) -> str:
    """Enter a device and its lineage; answers the serial number as given. Raises Refused, all fields at once."""
    text = ask.serial_number.strip()
    serial = normalise_serial(text)
    wrong = await _wrong_fields(session, ask, text)
    if wrong:
        raise Refused("invalid_request", *wrong)
    lineage = LineageRow(
        id=new_id("lin", serial), owner_name=ask.owner.name, owner_email=ask.owner.email, created_at=ask.at
    )
    device = DeviceRow(
        serial_number=serial,
        serial_text=text,
        lineage_id=lineage.id,
        model=ask.model,
        region=ask.region,
        status=DeviceStatus.CURRENT.value,
        activated_at=ask.activated_at,
        registered_at=ask.at,
    )
    try:
        async with session.begin_nested():
            session.add(lineage)
            await session.flush()
            session.add(device)
            await session.flush()
    except IntegrityError:
        if not await _same_registration(session, ask, text):
            raise Refused("conflict", ("serial_number", f"{text} is registered already.")) from None
    return text


async def activate_device(session: AsyncSession, ask: ActivateDevice) -> str:
    """Set the day of activation, once; terms bought before begin with it (R-PUR-5)."""
    standing = await _standing(session, ask.serial_number)
    serial = standing.serial_number
    if standing.activated_at == ask.activated_at:
        return serial
    _must_be_current(standing)
    if standing.activated_at is not None:
        raise Refused("conflict", ("activated_at", f"{serial} was activated on {standing.activated_at:%Y-%m-%d}."))
    if ask.activated_at > ask.at + CLOCK_SKEW:
        raise Refused("invalid_request", ("activated_at", "An activation cannot lie in the future."))
    device = await session.get_one(DeviceRow, normalise_serial(serial))
    device.activated_at = ask.activated_at
    rows = select(TermRow).where(TermRow.lineage_id == standing.lineage_id, col(TermRow.starts_at).is_(None))
    for row in await session.exec(rows):
        pending = term_from(row)
        start = starts_at(ask.activated_at, row.purchased_at) or ask.activated_at
        term = begun(pending.id, pending.kind, pending.quota, start, standing.region.time_zone)
        row.starts_at, row.ends_on, row.ends_at = term.starts_at, term.ends_on, term.ends_at
    return serial


async def bind_controller(session: AsyncSession, ask: BindController) -> str:
    """Bind a remote controller from `bound_at` on; the binding of that moment ends there (R-FLY-1, edge case 43).

    A back-dated binding lasts until the next one begins. Replaced and lost units are bound no more (R-FLY-6).
    """
    standing = await _standing(session, ask.serial_number)
    serial = standing.serial_number
    unit = normalise_serial(serial)
    known = select(BindingRow).where(BindingRow.serial_number == unit).order_by(col(BindingRow.bound_at))
    bindings = (await session.exec(known)).all()
    same = next((row for row in bindings if row.bound_at == ask.bound_at), None)
    if same is not None and same.remote_controller == ask.remote_controller:
        return serial
    _must_be_current(standing)
    if ask.bound_at > ask.at + CLOCK_SKEW:
        raise Refused("invalid_request", ("bound_at", "A binding cannot begin in the future."))
    if same is not None:
        message = f"{same.remote_controller} was bound at that very moment."
        raise Refused("conflict", ("bound_at", message))
    for row in bindings:
        if row.bound_at < ask.bound_at and (row.unbound_at is None or row.unbound_at > ask.bound_at):
            row.unbound_at = ask.bound_at
    following = next((row.bound_at for row in bindings if row.bound_at > ask.bound_at), None)
    session.add(
        BindingRow(
            serial_number=unit,
            remote_controller=ask.remote_controller,
            bound_at=ask.bound_at,
            unbound_at=following,
        )
    )
    return serial


async def unbind_controller(session: AsyncSession, ask: UnbindController) -> str:
    """End the binding in force at `ask.at`; `not_found` when there is none."""
    standing = await _standing(session, ask.serial_number)
    serial = standing.serial_number
    bindings = select(BindingRow).where(BindingRow.serial_number == normalise_serial(serial))
    rows = (await session.exec(bindings)).all()
    active = [row for row in rows if row.unbound_at is None]
    if not active:
        if any(row.unbound_at == ask.at for row in rows):
            return serial
        raise Refused("not_found", ("serial_number", f"No remote controller is bound to {serial}."))
    for row in active:
        row.unbound_at = max(ask.at, row.bound_at)
    return serial


async def plant_term(session: AsyncSession, ask: PlantTerm) -> str:
    """Development: a term that began on `starts_on`, whatever the rules of buying say."""
    standing = await _standing(session, ask.serial_number)
    if await session.get(TermRow, ask.term_id) is None:
        session.add(planted(standing, ask.term_id, ask.kind, start_of_day(ask.starts_on, standing.region.time_zone)))
    return standing.serial_number


def planted(standing: Standing, term_id: str, kind: TermKind, start: datetime) -> TermRow:
    """The row of a term that begins at `start`, bought then, without a payment."""
    quota = quota_for(kind, standing.model.category, standing.model.flyaway)
    term = begun(term_id, kind, quota, start, standing.region.time_zone)
    return TermRow(
        id=term.id,
        lineage_id=standing.lineage_id,
        region=standing.region.code,
        kind=kind.value,
        total=quota.total,
        flyaway_cap=quota.flyaway_cap,
        starts_at=term.starts_at,
        ends_on=term.ends_on,
        ends_at=term.ends_at,
        purchased_at=start,
    )


async def _wrong_fields(session: AsyncSession, ask: RegisterDevice, text: str) -> list[tuple[str, str]]:
    wrong = []
    if len(text) > LONGEST_SERIAL or not can_be_serial(text):
        wrong.append(("serial_number", f"A serial number has 1 to {LONGEST_SERIAL} letters and digits."))
    region = await catalogue.region(session, ask.region)
    if region is None:
        wrong.append(("region", f"There is no region {ask.region}."))
    model = await catalogue.model(session, ask.model)
    if model is None:
        wrong.append(("model", f"There is no model {ask.model}."))
    elif region is not None and region.code not in model.offers:
        wrong.append(("model", f"The {model.name} is not offered in {region.name}."))
    if ask.activated_at is not None and ask.activated_at > ask.at + CLOCK_SKEW:
        wrong.append(("activated_at", "An activation cannot lie in the future."))
    return wrong


async def _same_registration(session: AsyncSession, ask: RegisterDevice, text: str) -> bool:
    """Whether the device that is there came from this very command, of which only the answer was lost."""
    device = await session.get(DeviceRow, normalise_serial(text))
    if device is None:
        return False
    lineage = await session.get_one(LineageRow, device.lineage_id)
    told = (text, ask.model, ask.region, ask.activated_at, ask.at, ask.owner.name, ask.owner.email)
    kept = (device.serial_text, device.model, device.region, device.activated_at, device.registered_at)
    return told == (*kept, lineage.owner_name, lineage.owner_email)


async def _standing(session: AsyncSession, serial_number: str) -> Standing:
    standing = await load_standing(session, serial_number, lock=True)
    if standing is None:
        raise Refused("not_found", ("serial_number", f"There is no device {serial_number}."))
    return standing


def _must_be_current(standing: Standing) -> None:
    if standing.status is not DeviceStatus.CURRENT:
        message = f"{standing.serial_number} was {standing.status}; {standing.current_serial_number} took its place."
        raise Refused("conflict", ("serial_number", message))
