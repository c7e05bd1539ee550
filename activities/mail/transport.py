"""Activities: mail transports: a folder, or SMTP. They know addresses, not the content of a mail."""

import asyncio
import logging
import os
import secrets
import ssl
from abc import ABC, abstractmethod
from email.message import Message
from pathlib import Path
from typing import Final

import aiosmtplib

from activities.mail.smtp_address import SmtpAddress

log = logging.getLogger("aftercare.mail")

SMTP_SECONDS: Final = 20
"""The timeout of each exchange with the mail server."""


class Undeliverable(Exception):
    """The mail server refuses this recipient permanently: a retry would not help."""


class MailTransport(ABC):
    """Delivers mails."""

    batch_size: int = 1
    """How many mails may be delivered before they are recorded: so many are sent again after a crash in between.

    More than one only where a repeated delivery is recognised.
    """

    @abstractmethod
    async def deliver(self, message: Message, name: str) -> None:
        """Deliver `message`. `name` is the same for the same mail, so that a repeated delivery can be recognised.

        Raises Undeliverable when a retry cannot succeed; any other error is retried.
        """


class FolderTransport(MailTransport):
    """Writes each mail into a folder as `name`.eml and its name into the log.

    Exactly once: the file appears whole under its name or not at all, and a name that exists is not written again,
    whatever attempt crashed before.
    """

    batch_size = 25

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, message: Message, name: str) -> None:
        if await asyncio.to_thread(self._write, message.as_bytes(), name):
            log.info("mail %s written", name)

    def _write(self, content: bytes, name: str) -> bool:
        """Whether the file was written now; False when it existed."""
        target = self._folder / f"{name}.eml"
        if target.exists():
            return False
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            draft.touch(mode=0o600, exist_ok=False)
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return True


class NotEncrypted(Exception):
    """The mail server offers no encryption, so nothing was sent. Retried: it may be repaired."""


class SmtpTransport(MailTransport):
    """Sends over SMTP, encrypted unless the address says `tls=none` (`activities.mail.smtp_address`).

    At least once: when an attempt crashes between the server's acceptance and our record of it, the next one sends the
    mail again under the same Message-ID, by which mail programs recognise it.

    Raises ValueError for an invalid address; its text does not contain the password. `tls_context` replaces the
    system's certificates.
    """

    def __init__(self, url: str, tls_context: ssl.SSLContext | None = None) -> None:
        self._address = SmtpAddress.parse(url)
        self._tls_context = tls_context

    async def deliver(self, message: Message, name: str) -> None:
        try:
            await self._send(message)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if all(recipient.code >= 500 for recipient in refused.recipients):
                raise Undeliverable(f"the mail server refuses the recipient of {name}") from refused
            raise
        log.info("mail %s sent", name)

    async def _send(self, message: Message) -> None:
        address = self._address
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port or address.default_port,
            use_tls=address.implicit_tls,
            # STARTTLS is asked for below: the library's own default goes on in the clear when the server offers none.
            start_tls=False,
            tls_context=self._tls_context,
            timeout=SMTP_SECONDS,
        )
        async with client:
            if address.start_tls:
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    log.error("the mail server %s offers no STARTTLS: nothing is sent to it", address.host)
                    raise NotEncrypted
                await client.starttls()
            if address.user:
                await client.login(address.user, address.password or "")
            await client.send_message(message)
