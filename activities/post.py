"""Activities: how a mail leaves the house: into a folder, or over SMTP. Knows addresses, not what is written."""

import asyncio
import logging
import os
import secrets
from abc import ABC, abstractmethod
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import aiosmtplib

log = logging.getLogger("aftercare.mail")

SMTP_SECONDS: Final = 20
"""How long one conversation with the mail server may take."""


class Undeliverable(Exception):
    """The mail server refuses this recipient for good: trying again would not help."""


class Post(ABC):
    """A way out of the house."""

    at_once: int = 1
    """How many mails may be in hand before they are noted: so many come a second time when we die in between.

    More than one only where a second time is recognised.
    """

    @abstractmethod
    async def deliver(self, message: EmailMessage, name: str) -> None:
        """Hand `message` over. `name` is the same for the same notice, so that a second time can be recognised.

        Raises Undeliverable when that can never work; any other error means: try again.
        """


class FolderPost(Post):
    """Writes each mail into a folder as `name`.eml and a line into the log.

    Exactly once: the file appears whole and under its own name or not at all, and a name that is there is not written
    again, whoever tries and whenever an attempt died.
    """

    at_once = 25

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, message: EmailMessage, name: str) -> None:
        if await asyncio.to_thread(self._write, message.as_bytes(), name):
            log.info("mail to %s: %s (%s.eml)", message["To"], message["Subject"], name)

    def _write(self, content: bytes, name: str) -> bool:
        """Whether the file was written now; False when it was there."""
        target = self._folder / f"{name}.eml"
        if target.exists():
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return True


class SmtpPost(Post):
    """Sends over SMTP: `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://host:465`.

    At least once: when an attempt dies between the server's acceptance and our note of it, the next one sends the mail
    again under the same Message-ID, by which mail programs recognise it.

    Raises ValueError for an address it cannot use; the password is not repeated in it.
    """

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"smtp", "smtps"} or not address.hostname:
            raise ValueError("the mail server's address is smtp://user:password@host:port or smtps://host:port")
        self._tls = address.scheme == "smtps"
        self._host = address.hostname
        self._port = address.port
        self._user = unquote(address.username) if address.username else None
        self._password = unquote(address.password) if address.password else None

    async def deliver(self, message: EmailMessage, name: str) -> None:
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                username=self._user,
                password=self._password,
                use_tls=self._tls,
                timeout=SMTP_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if all(recipient.code >= 500 for recipient in refused.recipients):
                raise Undeliverable(f"the mail server refuses the recipient of {name}") from refused
            raise
        log.info("mail %s sent (%s)", message["Message-ID"], name)
