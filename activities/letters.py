"""Activities: what a notice says, in plain text and in HTML. Composes; sends nothing and reads no database.

Each kind has one template under `templates/`, which is rendered twice: with `layout.txt` and the words of `words.txt`,
and with those ending in `.html`. So the two halves of a mail differ in looks alone, never in an amount or a date.
"""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.dates import end_of_day_after, local_day
from domain.holds import give_up_at
from domain.kinds import Component, ReasonCode, RepairChoice
from domain.money import Money, minor_digits, total
from domain.repair import RepairQuote, options, price
from messages.mail import MailKind, SendMail
from store.addressee import Addressee

LOCALE: Final = "en_GB"
TEMPLATES: Final = Path(__file__).with_name("templates")
_WIDTH: Final = 72
_TEMPLATES: Final = {
    **dict.fromkeys((MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY), "reminder.j2"),
    **dict.fromkeys(
        (MailKind.REPAIR_REMINDER_7, MailKind.REPAIR_REMINDER_23, MailKind.REPAIR_REMINDER_29), "repair_reminder.j2"
    ),
}
"""Kinds that share one; every other kind has a template of its own name."""
_COMPONENTS: Final = {
    Component.AIRCRAFT: "aircraft",
    Component.GIMBAL_CAMERA: "gimbal camera",
    Component.PROPELLERS: "propellers",
    Component.BATTERY: "battery",
    Component.MAIN_UNIT: "main unit",
    Component.GRIP: "grip",
    Component.STABILISER_BODY: "stabiliser body",
}
_WAYS: Final = {
    RepairChoice.WARRANTY_REPAIR: "Repair under warranty",
    RepairChoice.REPLACEMENT: "Care replacement out of your plan",
    RepairChoice.PAID_REPAIR: "Paid repair",
    RepairChoice.RETURN: "Return unrepaired",
}

DEMO_RETURN_ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "US": ("Aftercare Returns", "500 Example Avenue, Dock 4", "Los Angeles, CA 90001", "United States"),
    "EU": ("Aftercare Returns", "Beispielstraße 12, Tor 4", "10115 Berlin", "Germany"),
    "JP": ("Aftercare Returns", "1-2-3 Rei, Koto-ku", "Tokyo 135-0001", "Japan"),
    "AU": ("Aftercare Returns", "7 Example Street, Dock 4", "Sydney NSW 2000", "Australia"),
}
"""Where customers send their units, by region. Made up: a real programme passes its own."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice, ready to be put into an envelope."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class RenewalNotice:
    """What a renewal reminder speaks of: the cover that ends, and the year that would follow.

    `ended_on` is the last covered day, `last_day` the last one on which it can be renewed; `starts_on` and `ends_on`
    are the new year's. `gap`: the days before it stay uncovered (R-REN-3).
    """

    kind: str
    serial_number: str
    owner_name: str
    model_name: str
    ended_on: date
    last_day: date
    price: Money
    starts_on: date
    ends_on: date
    gap: bool


class Letters:
    """Composes notices. `return_addresses` are the lines of the warehouse's address, by region code."""

    def __init__(self, return_addresses: Mapping[str, tuple[str, ...]] = DEMO_RETURN_ADDRESSES) -> None:
        self._return_addresses = return_addresses
        self._text = _environment("txt")
        self._html = _environment("html")

    def compose(self, ask: SendMail, addressee: Addressee) -> Letter:
        """The notice that `ask` describes. Raises jinja2's UndefinedError for a template that asks for too much."""
        return self._render(_TEMPLATES.get(ask.kind, f"{ask.kind}.j2"), self._facts(ask, addressee))

    def remind(self, notice: RenewalNotice, zone: str) -> Letter:
        """The renewal reminder that `notice` describes (R-NOT-1)."""
        facts = {
            "claim": None,
            "notice": notice,
            "name": " ".join(notice.owner_name.split()),
            "model": notice.model_name,
            "serial_number": notice.serial_number,
            "day": lambda when: _day(when, zone, "d MMMM y"),
            "short_day": lambda when: _day(when, zone, "d MMMM"),
        }
        return self._render("renewal.j2", facts)

    def _render(self, template: str, known: dict[str, Any]) -> Letter:
        text, html = (env.get_template(template) for env in (self._text, self._html))
        subject = "".join(text.blocks["subject"](text.new_context(dict(known))))
        return Letter(
            subject=" ".join(subject.split()),
            text=re.sub(r"\n{3,}", "\n\n", text.render(known)).strip() + "\n",
            html=html.render(known),
        )

    def _facts(self, ask: SendMail, addressee: Addressee) -> dict[str, Any]:
        """What templates may speak of. Moments are said in the claim's zone."""
        claim, zone = ask.claim, addressee.time_zone
        if claim.returning is not None:
            zone = claim.returning.time_zone
        # A region without an address of its own must not stop the mail: people ask, and are told.
        address = self._return_addresses.get(
            claim.region, (f"Aftercare Returns {addressee.region_name}", "Please ask us for the address")
        )
        return {
            "claim": claim,
            "at": ask.at,
            "amount": ask.amount,
            "nothing": claim.fee.zero(),
            "charged": ask.amount or claim.amount_owed,
            "owed": claim.amount_owed or ask.amount or claim.amount_owed,
            "owner": addressee,
            "serial_number": claim.serial_number,
            "name": " ".join(addressee.name.split()),
            "model": addressee.model_name,
            "policy": addressee.policy,
            "window_days": addressee.window_days,
            "example_due": end_of_day_after(ask.at, addressee.window_days, zone),
            "late_fee": Money(addressee.policy.late_fee, claim.fee.currency),
            "missing": [(part(gone.component), money(gone.difference)) for gone in claim.missing],
            "kept": [(f"Kept for missing {part(gone.component)}", money(gone.difference)) for gone in claim.missing],
            "differences": total([part.difference for part in claim.missing], claim.fee.currency),
            "card_until": give_up_at(claim.hold, addressee.policy.hold_policy) if claim.hold else None,
            "not_received": any(reason.code is ReasonCode.NOT_RECEIVED for reason in claim.reasons),
            # Counted now: after an outage a reminder may go out later than its kind says.
            "days_left": _days_between(ask.at, claim.returning.due_at, zone) if claim.returning else 0,
            "ways": [(_WAYS[way], _price(claim.repair_quote, way)) for way in options(claim.repair_quote)]
            if claim.repair_quote
            else [],
            "quote_days_left": _days_between(ask.at, claim.repair_quote.pay_until, zone) if claim.repair_quote else 0,
            "return_address": address,
            "expected": [part(component) for component in claim.returning.expected] if claim.returning else [],
            "moment": lambda instant: _moment(instant, zone),
            "day": lambda when: _day(when, zone, "d MMMM y"),
            "short_day": lambda when: _day(when, zone, "d MMMM"),
        }


# Each is said several times in a mail, in both halves, and the next mails say much the same.
@lru_cache(maxsize=1024)
def money(amount: Money) -> str:
    """An amount as a reader writes it: "US$1,640.00", "JP¥24,600"."""
    return format_currency(
        Decimal(amount.amount).scaleb(-minor_digits(amount.currency)), amount.currency, locale=LOCALE
    )


def _price(quote: RepairQuote, way: RepairChoice) -> str:
    cost = price(quote, way)
    return money(cost) if cost else "free of charge"


def part(component: Component) -> str:
    """A component's name in a sentence."""
    return _COMPONENTS[component]


@lru_cache(maxsize=1024)
def _moment(instant: datetime, zone: str) -> str:
    """Date, time and zone, in words: "Monday, 7 December 2026, 23:59:59 Pacific Standard Time"."""
    return format_datetime(instant, "EEEE, d MMMM y, HH:mm:ss zzzz", tzinfo=ZoneInfo(zone), locale=LOCALE)


@lru_cache(maxsize=1024)
def _day(when: date | datetime, zone: str, pattern: str) -> str:
    on = local_day(when, zone) if isinstance(when, datetime) else when
    return format_date(on, pattern, locale=LOCALE)


def _days_between(earlier: datetime, later: datetime, zone: str) -> int:
    return (local_day(later, zone) - local_day(earlier, zone)).days


@lru_cache(maxsize=1024)
def _fill(text: str, first: str = "", rest: str = "") -> str:
    """A paragraph of plain text, its own line breaks forgotten; `first` and `rest` begin its lines."""
    words = " ".join(text.split())
    return textwrap.fill(
        words, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _environment(form: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=form == "html",  # noqa: S701  plain text has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # templates are part of the release: nobody looks for changes at every letter
    )
    environment.filters["fill"] = _fill
    environment.globals.update(layout=f"layout.{form}", money=money)
    # Made once: a template that imports it has it looked through for every letter.
    environment.globals["w"] = environment.get_template(f"words.{form}").module
    return environment
