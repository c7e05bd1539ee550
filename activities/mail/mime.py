"""Activities: the MIME message of a rendered mail: headers, plain text and HTML. Knows neither claims nor plans."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import parseaddr
from typing import Final

from activities.mail.templates import RenderedMail

DEMO_SENDER: Final = "Aftercare <care@aftercare.example>"


class BadAddress(Exception):
    """The recipient's address is not a valid mail address."""


class MimeBuilder:
    """Builds messages from `sender`, an address as mail programs show it: "Aftercare <care@aftercare.example>"."""

    def __init__(self, sender: str = DEMO_SENDER) -> None:
        name, address = parseaddr(sender)
        self._sender = Address(display_name=name, addr_spec=address)

    def message_id(self, name: str) -> str:
        """The Message-ID of the mail of that name; the same for every attempt."""
        return f"<{name}@{self._sender.domain}>"

    def build(
        self, mail: RenderedMail, name: str, recipient: tuple[str, str], at: datetime, headers: Mapping[str, str]
    ) -> EmailMessage:
        """The message `name` to `recipient` (name and address), dated `at`, with further `headers`.

        Raises BadAddress.
        """
        display_name, address = recipient
        message = EmailMessage(policy=SMTP if address.isascii() else SMTPUTF8)
        message["From"] = self._sender
        try:
            message["To"] = Address(display_name=" ".join(display_name.split()), addr_spec=address)
        except (MessageError, ValueError, IndexError) as error:
            raise BadAddress from error
        message["Subject"] = mail.subject
        message["Date"] = at
        message["Message-ID"] = self.message_id(name)
        message["Auto-Submitted"] = "auto-generated"
        for header, value in headers.items():
            message[header] = value
        message.set_content(mail.text, cte="quoted-printable")
        message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        return message


def mail_name(subject: str, kind: str, occurrence: int) -> str:
    """The name of a mail in file names and Message-IDs; the same for every attempt."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{subject}.{kind}.{occurrence}")
