"""Store, the write side of a replacement that leaves: the new unit takes the old one's place in the lineage."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, update
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
from store.core import core, locked
from store.hints import checked
from store.once import insert_once, table_of
from store.tables import BindingRow, ClaimRow, DeviceRow, LineageRow
from store.writes.claims import ships_nothing, use_ends

_LINEAGES, _DEVICES, _BINDINGS = (table_of(row) for row in (LineageRow, DeviceRow, BindingRow))
_LOCK: Final = select(_LINEAGES.c.id).where(_LINEAGES.c.id == bindparam("lineage")).with_for_update()
_UNITS: Final = _DEVICES.select().where(_DEVICES.c.lineage_id == bindparam("lineage"))
_MODEL_OF: Final = select(_DEVICES.c.model).where(_DEVICES.c.serial_number == bindparam("serial"))
_REPLACES: Final = update(_DEVICES).where(_DEVICES.c.serial_number == bindparam("original"))
_UNBINDS: Final = update(_BINDINGS).where(
    _BINDINGS.c.serial_number == bindparam("original"), _BINDINGS.c.unbound_at.is_(None)
)
Unit = Row[Any]
"""A line of the devices' table."""


async def record_dispatch(session: AsyncSession, ask: RecordDispatch) -> DispatchRecorded | DispatchRefused:
    """Consume the use and let the replacement inherit the lineage, unbound (R-CLM-6, -9, -10).

    A repair that changed the serial number consumes none (R-REP-4).

    A second attempt answers with the first one's day and window. Refused when the serial number cannot be the
    replacement's; then nothing is written.
    """
    claim = ask.claim
    await locked(session, _LOCK, {"lineage": claim.lineage_id})
    units = (await core(session, _UNITS, {"lineage": claim.lineage_id})).all()
    original, text = normalise_serial(claim.serial_number), ask.replacement_serial_number.strip()
    old = next(unit for unit in units if unit.serial_number == original)
    sent = next((unit for unit in units if unit.claim_id == claim.id), None)
    serial = normalise_serial(text)
    if sent is not None and sent.serial_number == serial:
        return await _recorded(session, ask, old.region, old.replaced_at or ask.at)
    refusal = _refusal(ask, units, old, sent)
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
        "registered_at": ask.at,
        "claim_id": claim.id,
    }
    if not await insert_once(session, DeviceRow, new):
        return await _known(session, text, old.model)
    recorded = await _recorded(session, ask, old.region, ask.at)
    status = (DeviceStatus.LOST if ask.lost else DeviceStatus.REPLACED).value
    gone = {"status": status, "replaced_by": serial, "replaced_at": ask.at, "replaced_on": recorded.dispatched_on}
    await core(session, _REPLACES, gone | {"original": original})
    if ask.consumes:
        await use_ends(session, claim.id, UseKind.CONSUMED, ask.at)
    await core(session, _UNBINDS, {"original": original, "unbound_at": ask.at})
    await ships_nothing(session, claim.id)
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


def _refusal(ask: RecordDispatch, units: Sequence[Unit], old: Unit, sent: Unit | None) -> DispatchRefused | None:
    text = ask.replacement_serial_number.strip()
    if not can_be_serial(text):
        return DispatchRefused(rule="R-CLM-9", message="The replacement needs a serial number.")
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


async def _known(session: AsyncSession, text: str, model: str) -> DispatchRefused:
    """Why a serial number that somebody has already cannot be the replacement's."""
    known = (await core(session, _MODEL_OF, {"serial": normalise_serial(text)})).scalar_one()
    if known != model:
        message = f"{text} is a {known}. Replacements are the same model. We will not send a different one."
        return DispatchRefused(rule="R-CLM-8", message=message)
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
