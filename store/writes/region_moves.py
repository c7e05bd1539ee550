"""Store, the write side of a move: a device with its lineage gets another region, and the move is kept (R-XFR-3)."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.region_move import move_refusals
from messages.entitlements import MoveRegion
from store.reads import catalogue
from store.reads.device_snapshot import load_snapshot
from store.tables.devices import DeviceRow, RegionMoveRow
from store.writes.command_refused import CommandRefused


async def move_region(session: AsyncSession, command: MoveRegion) -> str:
    """Move every unit of the lineage to `command.region`; returns the serial number as entered (R-XFR-3).

    Terms stay as they were sold. A device that is in that region already stays as it is, so that a repeated command
    has no effect. Raises CommandRefused with every reason.
    """
    snapshot = await load_snapshot(session, command.serial_number, lock=True)
    if snapshot is None:
        raise CommandRefused("not_found", ("serial_number", f"There is no device {command.serial_number}."))
    if snapshot.region.code == command.region:
        return snapshot.serial_number
    region = await catalogue.region(session, command.region)
    if region is None:
        raise CommandRefused("invalid_request", ("region", f"There is no region {command.region}."))
    if reasons := move_refusals(snapshot, region):
        raise CommandRefused("conflict", *(("region", reason.message) for reason in reasons))
    for unit in (await session.exec(select(DeviceRow).where(col(DeviceRow.lineage_id) == snapshot.lineage_id))).all():
        unit.region = region.code
    session.add(
        RegionMoveRow(
            lineage_id=snapshot.lineage_id,
            at=command.at,
            actor=command.actor,
            from_region=snapshot.region.code,
            to_region=region.code,
            reason=command.reason,
        )
    )
    await session.flush()
    return snapshot.serial_number
