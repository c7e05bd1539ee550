"""Activities: the MIME message of a rendered mail: headers, plain text and HTML. Knows neither claims nor plans."""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from email.charset import QP, Charset
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTPUTF8, compat32
from email.utils import format_datetime, formataddr, parseaddr
from typing import Final

from activities.mail.templates import RenderedMail

DEMO_SENDER: Final = "Aftercare <care@aftercare.example>"
# This policy writes headers as they are given. The default one of `EmailMessage` parses each of them first, which takes
# longer than rendering the mail.
_SMTP: Final = compat32.clone(linesep="\r\n")
_UTF8: Final = Charset("utf-8")
_UTF8.body_encoding = QP


class BadAddress(Exception):
    """The recipient's address is not a valid mail address."""


class MimeBuilder:
    """Builds messages from `sender`, an address as mail programs show it: "Aftercare <care@aftercare.example>"."""

    def __init__(self, sender: str = DEMO_SENDER) -> None:
        self._sender = parseaddr(sender)
        self._domain = Address(addr_spec=self._sender[1]).domain

    def message_id(self, name: str) -> str:
        """The Message-ID of the mail of that name; the same for every attempt."""
        return f"<{name}@{self._domain}>"

    def build(
        self, mail: RenderedMail, name: str, recipient: tuple[str, str], at: datetime, headers: Mapping[str, str]
    ) -> Message:
        """The message `name` to `recipient` (name and address), dated `at`, with further `headers`.

        Raises BadAddress.
        """
        display_name, address = " ".join(recipient[0].split()), recipient[1]
        try:
            to = Address(display_name=display_name, addr_spec=address)
        except (MessageError, ValueError, IndexError) as error:
            raise BadAddress from error
        ascii_address = address.isascii()
        policy = _SMTP if ascii_address else SMTPUTF8
        # Without a boundary the generator searches both parts for one that does not occur.
        message = MIMEMultipart("alternative", boundary=f"={secrets.token_hex(16)}", policy=policy)
        message["From"] = formataddr(self._sender)
        message["To"] = formataddr((display_name, address)) if ascii_address else str(to)
        message["Subject"] = _unstructured(mail.subject)
        message["Date"] = format_datetime(at)
        message["Message-ID"] = self.message_id(name)
        message["Auto-Submitted"] = "auto-generated"
        for header, value in headers.items():
            message[header] = _unstructured(value)
        message.attach(MIMEText(mail.text, "plain", _UTF8, policy=_SMTP))  # type: ignore[arg-type]  # a Charset is accepted
        message.attach(MIMEText(mail.html, "html", _UTF8, policy=_SMTP))  # type: ignore[arg-type]  # a Charset is accepted
        return message


def _unstructured(text: str) -> str:
    """The value of a header of free text, on one line."""
    line = " ".join(text.split())
    return line if line.isascii() else Header(line, "utf-8").encode()


def mail_name(subject: str, kind: str, occurrence: int) -> str:
    """The name of a mail in file names and Message-IDs; the same for every attempt."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{subject}.{kind}.{occurrence}")
