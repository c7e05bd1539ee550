"""Store, read side: a registered unit whose serial number looks like another one (R-INS-5)."""

from typing import Final

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.serials import look_alike_key
from store.database import execute
from store.tables.devices import DeviceRow

_SELECT_OTHER: Final = (
    select(DeviceRow.serial_text)
    .where(col(DeviceRow.look_alike) == bindparam("key"), col(DeviceRow.serial_number) != bindparam("serial"))
    .limit(1)
)


async def look_alike_of(session: AsyncSession, serial: str) -> str | None:
    """Another registered serial number, as entered, that looks like the normalised `serial`; None for none."""
    found = await execute(session, _SELECT_OTHER, {"key": look_alike_key(serial), "serial": serial})
    text: str | None = found.scalar()
    return text
