"""Covered devices, pages of reminders and a mail transport for the tests."""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import Message
from pathlib import Path
from typing import Any

from sqlmodel import select

from activities.mail.transport import MailTransport, Undeliverable
from activities.renewals import DatabaseRenewals
from domain.kinds import TermKind
from messages.registry import PlantTerm
from messages.renewals import PageReminded, Reminder, RemindPage
from store.database import Database
from store.tables.mails import MailRow
from tests.store.programme import NOW, Programme

START = date(2024, 11, 20)


END = date(2025, 11, 20)
"""The last covered day of terms that start on START, in the United States."""


@dataclass
class CountingTransport(MailTransport):
    """Stores the names of the mails. Fails or is cancelled after some mails; refuses the addresses in `unknown`."""

    sent: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    fails_after: int | None = None
    cancelled_after: int | None = None
    unknown: set[str] = field(default_factory=set)
    slow: bool = False

    async def deliver(self, message: Message, name: str) -> None:
        if self.slow:
            await asyncio.sleep(0.01)
        if any(address in message["To"] for address in self.unknown):
            raise Undeliverable(name)
        if self.fails_after is not None and len(self.sent) >= self.fails_after:
            raise OSError("the mail server is unavailable")
        self.sent.append(name)
        part = next(part for part in message.walk() if not part.is_multipart())
        self.texts.append(bytes(part.get_payload(decode=True)).decode())
        if self.cancelled_after is not None and len(self.sent) >= self.cancelled_after:
            raise asyncio.CancelledError


def page(
    as_of: date | None, *, after: str | None = None, size: int = 100, at: datetime = NOW, **more: Any
) -> RemindPage:
    scheduled = more.pop("scheduled_at", at)
    region = more.pop("region", "US")
    return RemindPage(region=region, as_of=as_of, scheduled_at=scheduled, at=at, after=after, size=size)


async def covered(programme: Programme, count: int, *, first: int = 0) -> list[str]:
    """Registers devices `first` to `count - 1`, each covered for a year from START. Returns the ids of the terms."""
    for n in range(first, count):
        await programme.device(f"DX-200{n}", kind=None, bound=False, email=f"owner{n}@example.com")
        await plant(programme, f"DX-200{n}", f"t{n}", START)
    return [f"t{n}" for n in range(first, count)]


async def plant(
    programme: Programme, serial: str, term_id: str, start: date, kind: TermKind = TermKind.ONE_YEAR
) -> None:
    command = PlantTerm(serial_number=serial, kind=kind, starts_on=start, term_id=term_id, at=NOW)
    await programme.registry.plant_term(command)


async def run_all_pages(renewals: DatabaseRenewals, as_of: date, at: datetime = NOW, size: int = 100) -> list[Reminder]:
    """Every page, one after the other, as the workflow requests them."""
    sent: list[Reminder] = []
    after = None
    while True:
        result = await renewals.remind_page(page(as_of, after=after, size=size, at=at))
        sent += result.sent
        after = result.next
        if after is None:
            return sent


def kinds(result: PageReminded | list[Reminder]) -> list[str]:
    return [reminder.kind for reminder in (result.sent if isinstance(result, PageReminded) else result)]


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.eml"))


async def recorded_mails(database: Database) -> int:
    async with database.snapshot() as session:
        return len((await session.exec(select(MailRow))).all())
