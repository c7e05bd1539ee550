"""Store, the write side of a dispatch: the replacement joins the lineage as its current unit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import local_day
from domain.inspection import normalise_serial
from domain.kinds import ClaimState, DeviceStatus, Service, UseKind
from domain.lifecycle import charged
from domain.returns import reminders, reopened, window
from domain.serials import form_problem, look_alike_key, look_alike_problem
from messages.record import (
    DispatchRecorded,
    DispatchRefused,
    IdentifySerial,
    RecordDispatch,
    SerialIdentified,
)
from store.database import execute
from store.device_words import add_serial
from store.query_hints import unindexed
from store.reads import catalogue
from store.reads.look_alikes import look_alike_of
from store.tables.claims import ClaimRow
from store.tables.devices import BindingRow, DeviceRow, LineageRow
from store.upsert import insert_once, table_of
from store.writes.claims import close_dispatch_request, end_use
from store.writes.repeated_dispatch import repeated_dispatch

_LINEAGES, _DEVICES, _BINDINGS = (table_of(row) for row in (LineageRow, DeviceRow, BindingRow))
_LOCK_LINEAGE: Final = select(_LINEAGES.c.id).where(_LINEAGES.c.id == bindparam("lineage")).with_for_update()
_SELECT_UNITS: Final = _DEVICES.select().where(_DEVICES.c.lineage_id == bindparam("lineage"))
_SELECT_MODEL: Final = select(_DEVICES.c.model).where(_DEVICES.c.serial_number == bindparam("serial"))
_UPDATE_ORIGINAL: Final = update(_DEVICES).where(_DEVICES.c.serial_number == bindparam("original"))
_UPDATE_BINDING: Final = update(_BINDINGS).where(
    _BINDINGS.c.serial_number == bindparam("original"), _BINDINGS.c.unbound_at.is_(None)
)
Unit = Row[Any]
"""A row of the table `devices`."""


async def record_dispatch(session: AsyncSession, command: RecordDispatch) -> DispatchRecorded | DispatchRefused:
    """Consume the use and add the replacement to the lineage, unbound (R-CLM-6, -9, -10).

    A repair that changed the serial number consumes none (R-REP-4).

    A unit that came back leaves again as what it is: its cover and its use stay (R-EXP-10).

    A second attempt returns the first one's day and window. Returns DispatchRefused and writes nothing
    when the serial number cannot be the replacement's.
    """
    claim = command.claim
    await execute(session, _LOCK_LINEAGE, {"lineage": claim.lineage_id})
    units = (await execute(session, _SELECT_UNITS, {"lineage": claim.lineage_id})).all()
    original, text = normalise_serial(claim.serial_number), command.replacement_serial_number.strip()
    old = next(unit for unit in units if unit.serial_number == original)
    sent = next((unit for unit in units if unit.claim_id == claim.id), None)
    serial = normalise_serial(text)
    if command.number:
        return await _dispatched_again(session, command, old.region, sent)
    if sent is not None and sent.serial_number == serial:
        return await _dispatch_recorded(session, command, old.region, old.replaced_at or command.at)
    refusal = _refusal(command, units, old, sent) or await _invalid_serial(session, command, old.model)
    if refusal is not None:
        return refusal
    new = {
        "serial_number": serial,
        "serial_text": text,
        "lineage_id": old.lineage_id,
        "generation": old.generation + 1,
        "model": old.model,
        "region": old.region,
        "status": DeviceStatus.CURRENT.value,
        "activated_at": old.activated_at,
        "registered_at": command.at,
        "claim_id": claim.id,
        "look_alike": look_alike_key(serial),
    }
    if not await insert_once(session, DeviceRow, new):
        return await _serial_taken(session, text, old.model)
    await add_serial(session, old.lineage_id, serial)
    recorded = await _dispatch_recorded(session, command, old.region, command.at)
    status = (DeviceStatus.LOST if command.lost else DeviceStatus.REPLACED).value
    gone = {"status": status, "replaced_by": serial, "replaced_at": command.at, "replaced_on": recorded.dispatched_on}
    await execute(session, _UPDATE_ORIGINAL, gone | {"original": original})
    if command.consumes:
        await end_use(session, claim.id, UseKind.CONSUMED, command.at)
    await execute(session, _UPDATE_BINDING, {"original": original, "unbound_at": command.at})
    await close_dispatch_request(session, claim.id)
    return recorded


async def _dispatched_again(
    session: AsyncSession, command: RecordDispatch, region: str, sent: Unit | None
) -> DispatchRecorded | DispatchRefused:
    """The unit that came back has left once more (R-EXP-10)."""
    text = command.replacement_serial_number.strip()
    if sent is None or sent.serial_number != normalise_serial(text):
        came_back = sent.serial_text if sent is not None else "none"
        message = f"{text} is not the unit that came back and is to be shipped again: that is {came_back}."
        return DispatchRefused(rule="R-EXP-10", message=message)
    at = await repeated_dispatch(session, command.claim.id, command.number, command.at)
    await close_dispatch_request(session, command.claim.id)
    return await _dispatch_recorded(session, command, region, at)


async def identify_serial(session: AsyncSession, query: IdentifySerial) -> SerialIdentified:
    """Which unit arrived: of the same customer or not, and which open claim expects it (edge cases 11, 12)."""
    serial = normalise_serial(query.serial_number)
    owner = (
        select(LineageRow.owner_email, LineageRow.id)
        .join(DeviceRow, col(DeviceRow.lineage_id) == col(LineageRow.id))
        .where(DeviceRow.serial_number == serial)
    )
    found = (await session.exec(owner)).first()
    if found is None:
        return SerialIdentified(known=False)
    email, lineage_id = found
    lineage = await session.get(LineageRow, query.lineage_id)
    waiting = select(ClaimRow.id).where(
        ClaimRow.serial_number == serial,
        ClaimRow.lineage_id != query.lineage_id,
        unindexed(col(ClaimRow.service)) == Service.CARE_EXPRESS.value,
        ClaimRow.state != ClaimState.CLOSED.value,
    )
    return SerialIdentified(
        known=True,
        same_owner=lineage is not None
        and (lineage_id == lineage.id or email.casefold() == lineage.owner_email.casefold()),
        same_lineage=lineage_id == query.lineage_id,
        open_claim_id=(await session.exec(waiting)).first(),
    )


def _refusal(command: RecordDispatch, units: Sequence[Unit], old: Unit, sent: Unit | None) -> DispatchRefused | None:
    text = command.replacement_serial_number.strip()
    if normalise_serial(text) == old.serial_number:
        return DispatchRefused(rule="R-CLM-9", message=f"{text} is the original; the replacement is another unit.")
    if sent is not None:
        message = f"The replacement {sent.serial_text} has left already; one case sends one unit."
        return DispatchRefused(rule="R-CLM-9", message=message)
    if old.status != DeviceStatus.CURRENT.value:
        successor = next((unit for unit in units if unit.serial_number == old.replaced_by), None)
        by = f" by {successor.serial_text}" if successor else ""
        message = f"{old.serial_text} was replaced{by} already."
        return DispatchRefused(rule="R-CLM-9", message=message)
    return None


async def _invalid_serial(session: AsyncSession, command: RecordDispatch, slug: str) -> DispatchRefused | None:
    """Why a serial number cannot be a new unit's, or needs a second look (R-INS-5). One that is registered already is
    told as such when it is inserted."""
    text, confirmed = command.replacement_serial_number.strip(), command.serial_number_confirmed
    serial = normalise_serial(text)
    if (await execute(session, _SELECT_MODEL, {"serial": serial})).scalar() is not None:
        return None
    model = await catalogue.model(session, slug)
    wrong = form_problem(text, model.serial_pattern if model else None, confirmed=confirmed)
    if wrong is None and not confirmed and (known := await look_alike_of(session, serial)):
        wrong = look_alike_problem(known)
    return DispatchRefused(rule="R-INS-5", message=f"{text}: {wrong}") if wrong else None


async def _serial_taken(session: AsyncSession, text: str, model: str) -> DispatchRefused:
    """Why a serial number that is registered already cannot be the replacement's."""
    known = (await execute(session, _SELECT_MODEL, {"serial": normalise_serial(text)})).scalar_one()
    if known != model:
        message = f"{text} is a {known}. Replacements are the same model. We will not send a different one."
        return DispatchRefused(rule="R-CLM-8", message=message)
    message = f"{text} is registered already; a replacement is a unit nobody has had."
    return DispatchRefused(rule="R-CLM-9", message=message)


async def _dispatch_recorded(
    session: AsyncSession, command: RecordDispatch, region_code: str, at: datetime
) -> DispatchRecorded:
    """The day of the dispatch and, with a window, what follows from it (R-RET-2, R-NOT-1)."""
    region = await catalogue.region(session, region_code)
    if region is None:
        raise LookupError(f"the catalogue lacks the region {region_code}")
    zone = region.time_zone
    returning = (
        window(at, command.window_days, zone, command.expected, command.policy)
        if command.window_days is not None
        else None
    )
    if command.number and returning is not None and command.claim.returning is not None:
        returning = reopened(command.claim.returning, returning, charged=charged(command.claim))
    return DispatchRecorded(
        dispatched_on=local_day(at, zone),
        returning=returning,
        reminders=reminders(returning.due_at, zone) if returning else {},
    )
