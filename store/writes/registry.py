"""Store, the write side of devices: registration, activation, bindings, terms planted for development."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import new_term, quota_for
from domain.dates import local_text, start_of_day
from domain.device_snapshot import DeviceSnapshot
from domain.eligibility import CLOCK_SKEW
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, TermKind
from domain.purchase import question_by_activation, starts_at
from domain.serials import form_problem, look_alike_key, look_alike_problem
from messages.ids import new_id
from messages.registry import ActivateDevice, BindController, PlantTerm, RegisterDevice, UnbindController
from store.device_words import write_words
from store.reads import catalogue
from store.reads.device_snapshot import load_snapshot, term_from
from store.reads.look_alikes import look_alike_of
from store.tables.devices import BindingRow, DeviceRow, LineageRow, TermRow
from store.writes.command_refused import CommandRefused


async def register_device(session: AsyncSession, command: RegisterDevice) -> str:
    """Register a device with its lineage; returns the serial number as entered. Raises CommandRefused."""
    text = command.serial_number.strip()
    serial = normalise_serial(text)
    invalid = await _invalid_fields(session, command, text)
    if invalid:
        raise CommandRefused("invalid_request", *invalid)
    known = None if command.serial_number_confirmed else await look_alike_of(session, serial)
    if known is not None:
        raise CommandRefused("conflict", ("serial_number_confirmed", look_alike_problem(known)))
    lineage = LineageRow(
        id=new_id("lin", serial),
        owner_name=command.owner.name,
        owner_email=command.owner.email,
        owner_phone=command.owner.phone,
        owner_language=command.owner.language,
        created_at=command.at,
    )
    device = DeviceRow(
        serial_number=serial,
        serial_text=text,
        lineage_id=lineage.id,
        model=command.model,
        region=command.region,
        status=DeviceStatus.CURRENT.value,
        activated_at=command.activated_at,
        registered_at=command.at,
        look_alike=look_alike_key(text),
    )
    try:
        async with session.begin_nested():
            session.add(lineage)
            await session.flush()
            session.add(device)
            await write_words(session, lineage)
    except IntegrityError:
        if not await _same_registration(session, command, text):
            raise CommandRefused("conflict", ("serial_number", f"{text} is registered already.")) from None
    return text


async def activate_device(session: AsyncSession, command: ActivateDevice) -> str:
    """Set the instant of activation, once; terms bought before start then (R-PUR-5).

    The purchase is judged again by it (R-PUR-6): a plan that would have been refused is put to staff, without dates.
    """
    snapshot = await _snapshot(session, command.serial_number)
    serial = snapshot.serial_number
    if snapshot.activated_at == command.activated_at:
        return serial
    _must_be_current(snapshot)
    if snapshot.activated_at is not None:
        raise CommandRefused(
            "conflict",
            (
                "activated_at",
                f"{serial} was activated {local_text(snapshot.activated_at, snapshot.region.time_zone)}.",
            ),
        )
    if command.activated_at > command.at + CLOCK_SKEW:
        raise CommandRefused("invalid_request", ("activated_at", "An activation cannot lie in the future."))
    device = await session.get_one(DeviceRow, normalise_serial(serial))
    device.activated_at = command.activated_at
    rows = select(TermRow).where(
        TermRow.lineage_id == snapshot.lineage_id, col(TermRow.starts_at).is_(None), col(TermRow.ended_at).is_(None)
    )
    for row in await session.exec(rows):
        row.question = question_by_activation(snapshot, command.activated_at, row.purchased_at)
        if row.question is None:
            begin_term(row, command.activated_at, snapshot.region.time_zone)
    return serial


def begin_term(row: TermRow, activated_at: datetime, zone: str) -> None:
    """Give the term of a device that was not activated its dates (R-PUR-5)."""
    pending = term_from(row)
    start = starts_at(activated_at, row.purchased_at) or activated_at
    term = new_term(pending.id, pending.kind, pending.quota, start, zone)
    row.starts_at, row.ends_on, row.ends_at = term.starts_at, term.ends_on, term.ends_at


async def bind_controller(session: AsyncSession, command: BindController) -> str:
    """Bind a remote controller from `bound_at` on; the binding in force then ends there (R-FLY-1, edge case 43).

    A back-dated binding lasts until the next one starts. Replaced and lost units cannot be bound (R-FLY-6).
    """
    snapshot = await _snapshot(session, command.serial_number)
    serial = snapshot.serial_number
    unit = normalise_serial(serial)
    known = select(BindingRow).where(BindingRow.serial_number == unit).order_by(col(BindingRow.bound_at))
    bindings = (await session.exec(known)).all()
    same = next((row for row in bindings if row.bound_at == command.bound_at), None)
    if same is not None and same.remote_controller == command.remote_controller:
        return serial
    _must_be_current(snapshot)
    if command.bound_at > command.at + CLOCK_SKEW:
        raise CommandRefused("invalid_request", ("bound_at", "A binding cannot begin in the future."))
    if same is not None:
        message = f"{same.remote_controller} was bound at that very moment."
        raise CommandRefused("conflict", ("bound_at", message))
    for row in bindings:
        if row.bound_at < command.bound_at and (row.unbound_at is None or row.unbound_at > command.bound_at):
            row.unbound_at = command.bound_at
    following = next((row.bound_at for row in bindings if row.bound_at > command.bound_at), None)
    session.add(
        BindingRow(
            serial_number=unit,
            remote_controller=command.remote_controller,
            bound_at=command.bound_at,
            unbound_at=following,
            told_at=command.at,
        )
    )
    return serial


async def unbind_controller(session: AsyncSession, command: UnbindController) -> str:
    """End the binding in force at `command.at`; `not_found` when there is none."""
    snapshot = await _snapshot(session, command.serial_number)
    serial = snapshot.serial_number
    bindings = select(BindingRow).where(BindingRow.serial_number == normalise_serial(serial))
    rows = (await session.exec(bindings)).all()
    active = [row for row in rows if row.unbound_at is None]
    if not active:
        if any(row.unbound_at == command.at for row in rows):
            return serial
        raise CommandRefused("not_found", ("serial_number", f"No remote controller is bound to {serial}."))
    for row in active:
        row.unbound_at = max(command.at, row.bound_at)
    return serial


async def plant_term(session: AsyncSession, command: PlantTerm) -> str:
    """Development: write a term that starts on `starts_on`, without the rules of purchase."""
    snapshot = await _snapshot(session, command.serial_number)
    if await session.get(TermRow, command.term_id) is None:
        session.add(
            unpaid_term(
                snapshot, command.term_id, command.kind, start_of_day(command.starts_on, snapshot.region.time_zone)
            )
        )
    return snapshot.serial_number


def unpaid_term(snapshot: DeviceSnapshot, term_id: str, kind: TermKind, start: datetime) -> TermRow:
    """The row of a term that starts at `start`, is bought then and has no payment."""
    quota = quota_for(kind, snapshot.model.category, snapshot.model.flyaway)
    term = new_term(term_id, kind, quota, start, snapshot.region.time_zone)
    return TermRow(
        id=term.id,
        lineage_id=snapshot.lineage_id,
        region=snapshot.region.code,
        kind=kind.value,
        total=quota.total,
        flyaway_cap=quota.flyaway_cap,
        starts_at=term.starts_at,
        ends_on=term.ends_on,
        ends_at=term.ends_at,
        purchased_at=start,
    )


async def _invalid_fields(session: AsyncSession, command: RegisterDevice, text: str) -> list[tuple[str, str]]:
    invalid = []
    region = await catalogue.region(session, command.region)
    if region is None:
        invalid.append(("region", f"There is no region {command.region}."))
    model = await catalogue.model(session, command.model)
    pattern = model.serial_pattern if model else None
    if wrong := form_problem(text, pattern, confirmed=command.serial_number_confirmed):
        invalid.insert(0, ("serial_number", wrong))
    if model is None:
        invalid.append(("model", f"There is no model {command.model}."))
    elif region is not None and region.code not in model.offers:
        invalid.append(("model", f"The {model.name} is not offered in {region.name}."))
    if command.activated_at is not None and command.activated_at > command.at + CLOCK_SKEW:
        invalid.append(("activated_at", "An activation cannot lie in the future."))
    return invalid


async def _same_registration(session: AsyncSession, command: RegisterDevice, text: str) -> bool:
    """Whether the stored device was registered by this same command, whose response was lost."""
    device = await session.get(DeviceRow, normalise_serial(text))
    if device is None:
        return False
    lineage = await session.get_one(LineageRow, device.lineage_id)
    sent = (
        text,
        command.model,
        command.region,
        command.activated_at,
        command.at,
        command.owner.name,
        command.owner.email,
    )
    stored = (device.serial_text, device.model, device.region, device.activated_at, device.registered_at)
    return sent == (*stored, lineage.owner_name, lineage.owner_email)


async def _snapshot(session: AsyncSession, serial_number: str) -> DeviceSnapshot:
    snapshot = await load_snapshot(session, serial_number, lock=True)
    if snapshot is None:
        raise CommandRefused("not_found", ("serial_number", f"There is no device {serial_number}."))
    return snapshot


def _must_be_current(snapshot: DeviceSnapshot) -> None:
    if snapshot.status is not DeviceStatus.CURRENT:
        message = f"{snapshot.serial_number} was {snapshot.status}; {snapshot.current_serial_number} took its place."
        raise CommandRefused("conflict", ("serial_number", message))
