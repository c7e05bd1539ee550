"""Store, the write side of a correction of an owner's particulars: the same person, so that nothing else changes."""

from typing import Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from messages.entitlements import CorrectOwner
from store.device_words import write_words
from store.reads.device_snapshot import load_snapshot
from store.tables.claims import ClaimRow
from store.tables.devices import LineageRow, OwnerCorrectionRow
from store.writes.command_refused import CommandRefused
from store.writes.outbox import retry_mails

_COLUMNS: Final = {
    "name": "owner_name",
    "email": "owner_email",
    "phone": "owner_phone",
    "language": "owner_language",
}


async def correct_owner(session: AsyncSession, command: CorrectOwner) -> str:
    """Correct the owner's particulars and keep what they were; returns the serial number as entered (R-XFR-2).

    It is possible whatever is open, and ends no binding. With another mail address, the mails of the device's claims
    that wait or were given up are due now; the address is read when a mail is sent. A repeated correction has no
    effect.
    """
    snapshot = await load_snapshot(session, command.serial_number, lock=True)
    if snapshot is None:
        raise CommandRefused("not_found", ("serial_number", f"There is no device {command.serial_number}."))
    lineage = await session.get_one(LineageRow, snapshot.lineage_id)
    changes = {
        name: (before, after)
        for name, after in command.changes.items()
        if (before := getattr(lineage, _COLUMNS[name])) != after
    }
    for name, (_, after) in changes.items():
        setattr(lineage, _COLUMNS[name], after)
    await write_words(session, lineage)  # also those that an older worker left out
    if not changes:
        return snapshot.serial_number
    correction = {name: list(change) for name, change in changes.items()}
    session.add(OwnerCorrectionRow(lineage_id=lineage.id, at=command.at, actor=command.actor, changes=correction))
    await session.flush()
    if "email" in changes:
        claims = select(ClaimRow.id).where(col(ClaimRow.lineage_id) == lineage.id)
        for claim_id in (await session.exec(claims)).all():
            await retry_mails(session, claim_id)
    return snapshot.serial_number
