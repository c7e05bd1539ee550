"""Activities: a mail server's address as it is configured. No message repeats it: it may hold a password."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

_FORM: Final = (
    "the mail server's address is smtp://user:password@host:587 (with STARTTLS) or smtps://user:password@host:465, "
    "and smtp://host:25?tls=none sends in the clear"
)
_IN_THE_CLEAR: Final = "tls=none"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """`start_tls` and `implicit_tls` are both false when the address asks for no encryption by name."""

    host: str
    port: int | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False
    start_tls: bool = True

    @property
    def default_port(self) -> int:
        if self.implicit_tls:
            return 465
        return 587 if self.start_tls else 25

    @classmethod
    def parse(cls, url: str) -> Self:
        """The address of `url`. Raises ValueError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(_FORM) from None
        in_the_clear = parts.query == _IN_THE_CLEAR and parts.scheme == "smtp"
        if (
            parts.scheme not in {"smtp", "smtps"}
            or not parts.hostname
            or parts.path not in {"", "/"}
            or parts.fragment
            or (parts.query and not in_the_clear)
            or any(character.isspace() for character in url)
            or (parts.password and not parts.username)
        ):
            raise ValueError(_FORM)
        implicit = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=port,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            implicit_tls=implicit,
            start_tls=not implicit and not in_the_clear,
        )
