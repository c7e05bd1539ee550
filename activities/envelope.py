"""Activities: the envelope of a notice: from whom, to whom, under which number. Knows neither claims nor plans."""

import quopri
import re
import textwrap
from collections.abc import Mapping
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from typing import Final, Self

from activities.letters import Letter

DEMO_SENDER: Final = "Aftercare <care@aftercare.example>"
_WIDTH: Final = 78


class _Headers(HeaderRegistry):
    """The library parses each header of each mail anew, into a class made for it; most of ours never change."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        if name not in self._made:
            self._made[name] = super().__getitem__(name)
        return self._made[name]


class _Plain(str):
    """A header of plain ASCII words, which needs no parsing: what the email library asks of one it has parsed."""

    name: str
    _folded: str

    def __new__(cls, name: str, value: str) -> Self:
        if not (value.isascii() and value.isprintable()):
            raise ValueError(f"{name} is not of plain words")
        header = super().__new__(cls, value)
        header.name = name
        line = f"{name}: {value}"
        header._folded = f"{line if len(line) <= _WIDTH else _fold(line)}\r\n"
        return header

    def fold(self, *, policy: object) -> str:
        return self._folded


_ASCII: Final = SMTP.clone(header_factory=_Headers())
_UTF8: Final = SMTPUTF8.clone(header_factory=_Headers())
_BOUNDARY: Final = "=_aftercare"
"""Between the halves, in which it cannot stand: quoted-printable writes "=" as "=3D"."""
_ALWAYS: Final = (
    _Plain("Auto-Submitted", "auto-generated"),
    _Plain("MIME-Version", "1.0"),
    _Plain("Content-Type", f'multipart/alternative; boundary="{_BOUNDARY}"'),
)
_PART: Final = {form: _Plain("Content-Type", f'text/{form}; charset="utf-8"') for form in ("plain", "html")}
_ENCODING: Final = _Plain("Content-Transfer-Encoding", "quoted-printable")


class BadAddress(Exception):
    """The recipient's address cannot be written into an envelope."""


class Sender:
    """Who writes. `sender` is an address as mail programs show it: "Aftercare <care@aftercare.example>"."""

    def __init__(self, sender: str = DEMO_SENDER) -> None:
        name, address = parseaddr(sender)
        self._address = Address(display_name=name, addr_spec=address)
        self._from = _ASCII.header_factory("From", self._address)

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
        to = _to(*owner)
        message = EmailMessage(policy=_policy(owner[1]))
        message["From"] = self._from
        message["To"] = to
        plain = letter.subject.isascii() and letter.subject.isprintable()
        message["Subject"] = _Plain("Subject", letter.subject) if plain else letter.subject
        message["Date"] = _Plain("Date", format_datetime(at))
        message["Message-ID"] = _Plain("Message-ID", self.message_id(name))
        for header, value in marks.items():
            message[header] = _Plain(header, value)
        for always in _ALWAYS:
            message[always.name] = always
        message.set_payload([_half(letter.text, "plain"), _half(letter.html, "html")])
        return message


def _fold(line: str) -> str:
    return "\r\n".join(
        textwrap.wrap(line, _WIDTH, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    )


# The same reader gets the next mail of the claim too.
@lru_cache(maxsize=1024)
def _to(name: str, email: str) -> BaseHeader:
    address = Address(display_name=" ".join(name.split()), addr_spec=email)
    header: BaseHeader = _policy(email).header_factory("To", address)
    return header


def _policy(email: str) -> "EmailPolicy[EmailMessage]":
    return _ASCII if email.isascii() else _UTF8


def _half(text: str, subtype: str) -> EmailMessage:
    half = EmailMessage(policy=_ASCII)
    half["Content-Type"] = _PART[subtype]
    half["Content-Transfer-Encoding"] = _ENCODING
    half.set_payload(quopri.encodestring(text.encode()).decode("ascii"))
    return half


def notice_name(subject: str, kind: str, occurrence: int) -> str:
    """Names the notice, in file names and Message-IDs; the same for every attempt."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{subject}.{kind}.{occurrence}")
