"""Store, the write side of a dispatch that is undone: the original is the lineage's current unit again (R-EXP-10)."""

from typing import Final

from sqlalchemy import bindparam, delete, update
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import DeviceStatus
from messages.record import DispatchRefused, UndoDispatch
from store.database import execute
from store.tables.claims import ClaimRow
from store.tables.devices import BindingRow, DeviceRow, LineageRow
from store.upsert import table_of
from store.writes.claims import undo_use

_LINEAGES, _DEVICES, _BINDINGS, _CLAIMS = (table_of(row) for row in (LineageRow, DeviceRow, BindingRow, ClaimRow))
_LOCK_LINEAGE: Final = select(_LINEAGES.c.id).where(_LINEAGES.c.id == bindparam("lineage")).with_for_update()
_SELECT_UNITS: Final = _DEVICES.select().where(_DEVICES.c.lineage_id == bindparam("lineage"))
_SELECT_CASES: Final = select(_CLAIMS.c.id).where(_CLAIMS.c.serial_number == bindparam("serial")).limit(1)
_RESTORE_ORIGINAL: Final = (
    update(_DEVICES)
    .where(_DEVICES.c.serial_number == bindparam("original"))
    .values(status=DeviceStatus.CURRENT.value, replaced_by=None, replaced_at=None, replaced_on=None)
)
_RESTORE_BINDING: Final = (
    update(_BINDINGS)
    .where(_BINDINGS.c.serial_number == bindparam("original"), _BINDINGS.c.unbound_at == bindparam("replaced_at"))
    .values(unbound_at=None)
)
_DELETE_BINDINGS: Final = delete(_BINDINGS).where(_BINDINGS.c.serial_number == bindparam("serial"))
_DELETE_UNIT: Final = delete(_DEVICES).where(_DEVICES.c.serial_number == bindparam("serial"))


async def undo_dispatch(session: AsyncSession, command: UndoDispatch) -> DispatchRefused | None:
    """Remove the claim's replacement from its lineage and restore the original, its binding and the use (R-EXP-10).

    A second attempt changes nothing. Returns DispatchRefused and writes nothing when the replacement has had a claim of
    its own. The claim keeps both serial numbers, and so does its timeline.
    """
    claim = command.claim
    await execute(session, _LOCK_LINEAGE, {"lineage": claim.lineage_id})
    units = (await execute(session, _SELECT_UNITS, {"lineage": claim.lineage_id})).all()
    sent = next((unit for unit in units if unit.claim_id == claim.id), None)
    if sent is not None:
        serial = {"serial": sent.serial_number}
        if (case := (await execute(session, _SELECT_CASES, serial)).scalar()) is not None:
            message = f"The replacement {sent.serial_text} has had case {case}; it can no longer be undone."
            return DispatchRefused(rule="R-EXP-10", message=message)
        old = next(unit for unit in units if unit.replaced_by == sent.serial_number)
        await execute(session, _RESTORE_ORIGINAL, {"original": old.serial_number})
        await execute(session, _RESTORE_BINDING, {"original": old.serial_number, "replaced_at": old.replaced_at})
        await execute(session, _DELETE_BINDINGS, serial)
        await execute(session, _DELETE_UNIT, serial)
    await undo_use(session, claim.id, command.at)
    return None
