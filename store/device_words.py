"""Store: the words by which a device is found: its owner's name and mail address, and its serial numbers."""

import unicodedata
from typing import Any, Final

from sqlalchemy import Select
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.inspection import normalise_serial
from store.tables.devices import DeviceRow, DeviceWordRow, LineageRow
from store.upsert import insert_new

_LAST: Final = "\U0010ffff"
"""Sorts after every character of a word: it is no character, and is refused in texts."""


def wanted_words(text: str) -> list[str]:
    """The beginnings of words that `text` asks for; all of them must be met.

    With an @ it is one mail address, with a digit one serial number, in any spelling; else parts of a name.
    """
    folded = _folded(text)
    if "@" in folded:
        return [folded.strip()]
    if any(ch.isdigit() for ch in folded):
        return [_serial(text)]
    return sorted(set(_parts(folded))) or [folded]


def matching_lineages(word: str) -> Select[Any]:
    """The ids of the lineages with a word that begins with `word`: a range of the index."""
    begins = col(DeviceWordRow.word) >= word, col(DeviceWordRow.word) < word + _LAST
    return select(DeviceWordRow.lineage_id).where(*begins)


def owned_lineages(email: str) -> Select[Any]:
    """The ids of the lineages whose owner has the mail address, as asked for or in lower case, as some were typed."""
    return select(LineageRow.id).where(col(LineageRow.owner_email).in_((email, email.lower())))


async def write_words(session: AsyncSession, lineage: LineageRow) -> None:
    """Write the words of the lineage anew, from its row and its units."""
    await session.flush()
    serials = select(DeviceRow.serial_number).where(DeviceRow.lineage_id == lineage.id)
    words = {*_parts(_folded(lineage.owner_name)), _folded(lineage.owner_email)}
    words |= {_serial(serial) for serial in await session.exec(serials)}
    await session.exec(delete(DeviceWordRow).where(col(DeviceWordRow.lineage_id) == lineage.id))
    await insert_new(session, DeviceWordRow, [{"word": word, "lineage_id": lineage.id} for word in sorted(words)])


async def add_serial(session: AsyncSession, lineage_id: str, serial_number: str) -> None:
    """Let the lineage be found by another unit."""
    await insert_new(session, DeviceWordRow, [{"word": _serial(serial_number), "lineage_id": lineage_id}])


def _folded(text: str) -> str:
    """Without the difference of upper and lower case, and of full-width and plain characters."""
    return unicodedata.normalize("NFKC", text).casefold()


def _parts(folded: str) -> list[str]:
    return folded.replace("-", " ").split()


def _serial(text: str) -> str:
    return _folded(normalise_serial(text))
