"""Store, the write side of a replacement that leaves: the new unit takes the old one's place in the lineage."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import local_day
from domain.inspection import can_be_serial, normalise_serial
from domain.kinds import ClaimState, DeviceStatus, Service, UseKind
from domain.returns import reminders, window
from messages.record import (
    DispatchRecorded,
    DispatchRefused,
    IdentifySerial,
    RecordDispatch,
    SerialIdentified,
)
from store import catalogue
from store.hints import checked
from store.tables import BindingRow, ClaimRow, DeviceRow, LineageRow, UseRow
from store.writes.claims import use_after


async def record_dispatch(session: AsyncSession, ask: RecordDispatch) -> DispatchRecorded | DispatchRefused:
    """Consume the use and let the replacement inherit the lineage, unbound (R-CLM-6, -9, -10).

    A repair that changed the serial number consumes none (R-REP-4).

    A second attempt answers with the first one's day and window. Refused when the serial number cannot be the
    replacement's; then nothing is written.
    """
    claim = ask.claim
    await session.exec(select(LineageRow.id).where(LineageRow.id == claim.lineage_id).with_for_update())
    old = await session.get_one(DeviceRow, normalise_serial(claim.serial_number), populate_existing=True)
    text = ask.replacement_serial_number.strip()
    serial = normalise_serial(text)
    sent = (await session.exec(select(DeviceRow).where(DeviceRow.claim_id == claim.id))).first()
    if sent is not None and sent.serial_number == serial:
        return await _recorded(session, ask, old.region, old.replaced_at or ask.at)
    refusal = await _refusal(session, ask, old, serial, sent)
    if refusal is not None:
        return refusal
    new = DeviceRow(
        serial_number=serial,
        serial_text=text,
        lineage_id=old.lineage_id,
        generation=old.generation + 1,
        model=old.model,
        region=old.region,
        status=DeviceStatus.CURRENT.value,
        activated_at=old.activated_at,
        registered_at=ask.at,
        claim_id=claim.id,
    )
    try:
        async with session.begin_nested():
            session.add(new)
            await session.flush()
    except IntegrityError:
        # Another claim's dispatch or a registration took the serial number a moment ago.
        return _known(text)
    recorded = await _recorded(session, ask, old.region, ask.at)
    old.status = (DeviceStatus.LOST if ask.lost else DeviceStatus.REPLACED).value
    old.replaced_by, old.replaced_at, old.replaced_on = serial, ask.at, recorded.dispatched_on
    if ask.consumes:
        await _consume(session, claim.id, ask.at)
    await _unbind(session, old.serial_number, ask.at)
    await session.flush()
    return recorded


async def identify_serial(session: AsyncSession, ask: IdentifySerial) -> SerialIdentified:
    """Whose unit came back: of the same customer, and does another open claim wait for it (edge cases 11, 12)."""
    serial = normalise_serial(ask.serial_number)
    owner = (
        select(LineageRow.owner_email, LineageRow.id)
        .join(DeviceRow, col(DeviceRow.lineage_id) == col(LineageRow.id))
        .where(DeviceRow.serial_number == serial)
    )
    found = (await session.exec(owner)).first()
    if found is None:
        return SerialIdentified(known=False)
    email, lineage_id = found
    asking = await session.get(LineageRow, ask.lineage_id)
    waiting = select(ClaimRow.id).where(
        ClaimRow.serial_number == serial,
        ClaimRow.lineage_id != ask.lineage_id,
        checked(col(ClaimRow.service)) == Service.CARE_EXPRESS.value,
        ClaimRow.state != ClaimState.CLOSED.value,
    )
    return SerialIdentified(
        known=True,
        same_owner=asking is not None
        and (lineage_id == asking.id or email.casefold() == asking.owner_email.casefold()),
        same_lineage=lineage_id == ask.lineage_id,
        open_claim_id=(await session.exec(waiting)).first(),
    )


async def _refusal(
    session: AsyncSession, ask: RecordDispatch, old: DeviceRow, serial: str, sent: DeviceRow | None
) -> DispatchRefused | None:
    text = ask.replacement_serial_number.strip()
    if not can_be_serial(text):
        return DispatchRefused(rule="R-CLM-9", message="The replacement needs a serial number.")
    if serial == old.serial_number:
        return DispatchRefused(rule="R-CLM-9", message=f"{text} is the original; the replacement is another unit.")
    if sent is not None:
        message = f"The replacement {sent.serial_text} has left already; one case sends one unit."
        return DispatchRefused(rule="R-CLM-9", message=message)
    if old.status != DeviceStatus.CURRENT.value:
        successor = await session.get(DeviceRow, old.replaced_by) if old.replaced_by else None
        by = f" by {successor.serial_text}" if successor else ""
        message = f"{old.serial_text} was replaced{by} already."
        return DispatchRefused(rule="R-CLM-9", message=message)
    known = await session.get(DeviceRow, serial)
    if known is None:
        return None
    if known.model != old.model:
        message = f"{text} is a {known.model}. Replacements are the same model. We will not send a different one."
        return DispatchRefused(rule="R-CLM-8", message=message)
    return _known(text)


def _known(text: str) -> DispatchRefused:
    message = f"{text} is registered already; a replacement is a unit nobody has had."
    return DispatchRefused(rule="R-CLM-9", message=message)


async def _recorded(session: AsyncSession, ask: RecordDispatch, region_code: str, at: datetime) -> DispatchRecorded:
    """The day of the dispatch and, with a window, what follows from it (R-RET-2, R-NOT-1)."""
    region = await catalogue.region(session, region_code)
    if region is None:
        raise LookupError(f"the catalogue lacks the region {region_code}")
    zone = region.time_zone
    returning = window(at, ask.window_days, zone, ask.expected, ask.policy) if ask.window_days is not None else None
    return DispatchRecorded(
        dispatched_on=local_day(at, zone),
        returning=returning,
        reminders=reminders(returning.due_at, zone) if returning else {},
    )


async def _consume(session: AsyncSession, claim_id: str, at: datetime) -> None:
    rows = await session.exec(select(UseRow).where(UseRow.claim_id == claim_id))
    uses = {row.kind: row for row in rows}
    reserved = uses.get(UseKind.RESERVED.value)
    if reserved is not None and UseKind.CONSUMED.value not in uses:
        session.add(use_after(reserved, UseKind.CONSUMED, at))


async def _unbind(session: AsyncSession, serial: str, at: datetime) -> None:
    active = select(BindingRow).where(BindingRow.serial_number == serial, col(BindingRow.unbound_at).is_(None))
    for binding in await session.exec(active):
        binding.unbound_at = at
