"""Checks of single settings that only fail when they are used: addresses of servers, the sender of mails, the policy.

No message repeats the value: it may hold a password.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from difflib import get_close_matches
from email.headerregistry import Address
from email.utils import parseaddr
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from activities.mail.smtp_address import SmtpAddress
from domain.policy import Policy
from settings.constants import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable

TEST_PREFIX: Final = "AFTERCARE_TEST_"
"""Variables of the tests, which the product does not read."""


def check_database_url(url: str) -> None:
    """Raise ValueError unless it is the URL of a SQLite or PostgreSQL database."""
    # SQLAlchemy is slow to import, and most starts use the default.
    from sqlalchemy.exc import ArgumentError

    from store.database import async_url

    try:
        address = async_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or not (address.database or address.query or address.get_backend_name() == "sqlite"):
        raise ValueError("the database is postgresql://user:password@host/name or sqlite:///path")


def check_smtp_url(url: str) -> None:
    """Raise ValueError unless it is a mail server's address."""
    SmtpAddress.parse(url)


def check_web_url(url: str) -> None:
    """Raise ValueError unless it is an http or https address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("this is an address such as https://host:8233")


def check_sender(sender: str) -> None:
    """Raise ValueError unless a mail can come from it."""
    try:
        address = Address(addr_spec=parseaddr(sender)[1])
    except (ValueError, IndexError):
        address = Address()
    if not address.username or not address.domain:
        raise ValueError("the sender is written as Aftercare <care@example.com>")


_TEXT_CHECKS: Final = {
    "database_url": check_database_url,
    "mail_sender": check_sender,
    "temporal_ui_url": check_web_url,
    "stripe_api_base": check_web_url,
    "oidc_issuer": check_web_url,
    "public_url": check_web_url,
}


def check_text(name: str, value: str) -> None:
    """Raise ValueError unless `value` can be the setting `name`."""
    _TEXT_CHECKS[name](value)


def check_policy(given: object) -> None:
    """Raise ValueError for a key that the policy does not have, with the one that may be meant."""
    known = [field.name for field in fields(Policy)]
    for name in given if isinstance(given, dict) else ():
        if name not in known:
            raise ValueError(f"{name!r} is no key of the policy{_suggestion(name, known)}")


def check_policy_numbers(policy: Policy) -> None:
    """Raise ValueError for days or an amount below zero."""
    for name, value in asdict(policy).items():
        if isinstance(value, int) and value < 0:
            raise ValueError(f"{name} is {value}: it must not be below zero")


def unknown_variables(environment: Iterable[str], known: Iterable[str]) -> list[str]:
    """A sentence for each variable with our prefix that is no setting: it would be ignored without a word."""
    names = {name.upper() for name in known}
    return [
        f"{variable} is no setting{_suggestion(variable.upper().removeprefix(PREFIX), names, PREFIX)}"
        for variable in sorted(environment)
        if variable.upper().startswith(PREFIX)
        and not variable.upper().startswith(TEST_PREFIX)
        and variable.upper().removeprefix(PREFIX) not in names
    ]


def _suggestion(name: str, known: Iterable[str], prefix: str = "") -> str:
    close = get_close_matches(name, known, 1)
    return f": did you mean {prefix}{close[0]}?" if close else ": remove it"
