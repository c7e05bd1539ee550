"""Activities: the envelope of a notice: from whom, to whom, under which number. Knows neither claims nor plans."""

import re
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Final

from activities.letters import Letter

DEMO_SENDER: Final = "Aftercare <care@aftercare.example>"


class _Headers(HeaderRegistry):
    """The library makes a class anew for every header of every mail; here for every name, once."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


_ASCII: Final = SMTP.clone(header_factory=_Headers())
_UTF8: Final = SMTPUTF8.clone(header_factory=_Headers())


class BadAddress(Exception):
    """The recipient's address cannot be written into an envelope."""


class Sender:
    """Who writes. `sender` is an address as mail programs show it: "Aftercare <care@aftercare.example>"."""

    def __init__(self, sender: str = DEMO_SENDER) -> None:
        name, address = parseaddr(sender)
        self._address = Address(display_name=name, addr_spec=address)

    def message_id(self, name: str) -> str:
        """The Message-ID of the notice of that name; the same for every attempt."""
        return f"<{name}@{self._address.domain}>"

    def envelope(
        self, letter: Letter, name: str, owner: tuple[str, str], at: datetime, marks: Mapping[str, str]
    ) -> EmailMessage:
        """The mail `name` with `letter` to `owner` (name and address), dated `at`, with `marks` as further headers.

        Raises BadAddress.
        """
        try:
            return self._envelope(letter, name, owner, at, marks)
        except (MessageError, ValueError, IndexError) as bad_address:
            raise BadAddress from bad_address

    def _envelope(
        self, letter: Letter, name: str, owner: tuple[str, str], at: datetime, marks: Mapping[str, str]
    ) -> EmailMessage:
        owner_name, email = owner
        message = EmailMessage(policy=_ASCII if email.isascii() else _UTF8)
        message["From"] = self._address
        message["To"] = Address(display_name=" ".join(owner_name.split()), addr_spec=email)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = self.message_id(name)
        message["Auto-Submitted"] = "auto-generated"
        for header, value in marks.items():
            message[header] = value
        message.set_content(letter.text, cte="quoted-printable")
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        return message


def notice_name(subject: str, kind: str, occurrence: int) -> str:
    """Names the notice, in file names and Message-IDs; the same for every attempt."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{subject}.{kind}.{occurrence}")
