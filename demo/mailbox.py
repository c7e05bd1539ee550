"""The mails of the demo's installation, read where they are written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from store import outbox
from store.database import Database

PAUSE_SECONDS: Final = 0.1
_MAIL_SECONDS: Final = 20.0
"""More than a killed worker's delivery stands still."""
_LOOKED_AT: Final = 1000
"""Of the mails in the outbox; far fewer ever wait here."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail out of the data folder."""

    kind: str
    subject: str
    at: datetime


class Mailbox:
    """The mails in `folder`, and those in `database` that are still to be delivered."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database

    async def mails(self, subject: str, recipient: str, expected: frozenset[str]) -> list[Mail]:
        """Those to `recipient` about `subject`, in the order of writing.

        They are delivered beside the story: until none waits in the outbox and those of `expected` kinds are there, or
        for some seconds.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _MAIL_SECONDS
        while True:
            waits = await self._waits(subject)  # before the files are read: a mail is noted after it is written
            mails = await asyncio.to_thread(_read_mails, self._folder, f"{subject}*.eml", recipient)
            if (not waits and expected <= {mail.kind for mail in mails}) or loop.time() > until:
                return mails
            await asyncio.sleep(PAUSE_SECONDS)

    async def _waits(self, subject: str) -> bool:
        lines = await outbox.listed(self._database, _LOOKED_AT)
        return any(line.claim_id == subject and line.failed_at is None for line in lines)


def kinds(mails: Iterable[Mail]) -> frozenset[str]:
    """Which mails were sent; named twice where one was sent twice, which no story tells."""
    each = [mail.kind for mail in mails]
    return frozenset(f"{kind} x{each.count(kind)}" if each.count(kind) > 1 else kind for kind in each)


def _read_mails(folder: Path, pattern: str, recipient: str) -> list[Mail]:
    files = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime_ns)
    letters = [BytesParser(policy=policy.default).parsebytes(file.read_bytes(), headersonly=True) for file in files]
    return [_mail(letter) for letter in letters if recipient in str(letter["To"])]


def _mail(letter: EmailMessage) -> Mail:
    # A long subject stands folded in the file, and the fold is no part of it.
    subject = str(letter["Subject"]).strip()
    return Mail(str(letter["X-Aftercare-Kind"]), subject, parsedate_to_datetime(str(letter["Date"])))
