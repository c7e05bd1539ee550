"""Demo: the mails, read from the data folder."""

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

from store.database import Database
from store.reads.outbox import list_mails

PAUSE_SECONDS: Final = 0.1
_MAIL_TIMEOUT_SECONDS: Final = 20.0
"""Longer than the delivery pauses after a worker was killed."""
_MAX_OUTBOX_LINES: Final = 1000
"""Upper bound of outbox lines that are read; far fewer exist."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail from the data folder."""

    kind: str
    subject: str
    at: datetime


class Mailbox:
    """The mails in `folder`, and the outbox in `database`."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database

    async def mails(self, subject: str, recipient: str, expected: frozenset[str]) -> list[Mail]:
        """Those to `recipient` about `subject`, in the order of writing.

        Waits until none is left in the outbox and all `expected` kinds have arrived, for some seconds at most.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _MAIL_TIMEOUT_SECONDS
        while True:
            waits = await self._has_undelivered(
                subject
            )  # before the files are read: a mail is noted after it is written
            mails = await asyncio.to_thread(_read_mails, self._folder, f"{subject}*.eml", recipient)
            if (not waits and expected <= {mail.kind for mail in mails}) or loop.time() > until:
                return mails
            await asyncio.sleep(PAUSE_SECONDS)

    async def _has_undelivered(self, subject: str) -> bool:
        lines = await list_mails(self._database, _MAX_OUTBOX_LINES)
        return any(line.claim_id == subject and line.failed_at is None for line in lines)


def kinds(mails: Iterable[Mail]) -> frozenset[str]:
    """The kinds of mails that were sent; "kind x2" for one that was sent twice."""
    each = [mail.kind for mail in mails]
    return frozenset(f"{kind} x{each.count(kind)}" if each.count(kind) > 1 else kind for kind in each)


def _read_mails(folder: Path, pattern: str, recipient: str) -> list[Mail]:
    files = sorted(folder.glob(pattern), key=lambda file: file.stat().st_mtime_ns)
    messages = [BytesParser(policy=policy.default).parsebytes(file.read_bytes(), headersonly=True) for file in files]
    return [_mail(message) for message in messages if recipient in str(message["To"])]


def _mail(message: EmailMessage) -> Mail:
    # A long subject is folded in the file; the fold is not part of it.
    subject = str(message["Subject"]).strip()
    return Mail(str(message["X-Aftercare-Kind"]), subject, parsedate_to_datetime(str(message["Date"])))
