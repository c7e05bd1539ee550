"""Activities: mails rendered from templates, as plain text and as HTML. Sends nothing and reads no database.

Each kind has one template under `templates/`, which is rendered twice: with `layout.txt` and `macros.txt`, and with
`layout.html` and `macros.html`. So the two parts of a mail differ in looks alone, never in an amount or a date.
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
from store.reads.mail_recipient import Recipient

LOCALE: Final = "en_GB"
TEMPLATES: Final = Path(__file__).with_name("templates")
_WIDTH: Final = 72
_TEMPLATES: Final = {
    **dict.fromkeys((MailKind.DUE_MINUS_3, MailKind.DUE_MINUS_1, MailKind.DUE_DAY), "reminder.j2"),
    **dict.fromkeys(
        (MailKind.REPAIR_REMINDER_7, MailKind.REPAIR_REMINDER_23, MailKind.REPAIR_REMINDER_29), "repair_reminder.j2"
    ),
}
"""Kinds that share a template; every other kind has one of its own name."""
_COMPONENTS: Final = {
    Component.AIRCRAFT: "aircraft",
    Component.GIMBAL_CAMERA: "gimbal camera",
    Component.PROPELLERS: "propellers",
    Component.BATTERY: "battery",
    Component.MAIN_UNIT: "main unit",
    Component.GRIP: "grip",
    Component.STABILISER_BODY: "stabiliser body",
}
_OPTIONS: Final = {
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
"""Where customers send their units, by region. Invented: a real programme passes its own."""


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """A mail as subject, plain text and HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class RenewalNotice:
    """The content of a renewal reminder: the cover that ends, and the year that would follow.

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


class MailTemplates:
    """Renders mails. `return_addresses` are the lines of the warehouse's address, by region code."""

    def __init__(self, return_addresses: Mapping[str, tuple[str, ...]] = DEMO_RETURN_ADDRESSES) -> None:
        self._return_addresses = return_addresses
        self._text = _environment("txt")
        self._html = _environment("html")

    def render(self, request: SendMail, recipient: Recipient) -> RenderedMail:
        """The mail of `request`. Raises jinja2's UndefinedError for a template that uses an unknown variable."""
        return self._render(_TEMPLATES.get(request.kind, f"{request.kind}.j2"), self._context(request, recipient))

    def render_renewal(self, notice: RenewalNotice, zone: str) -> RenderedMail:
        """The renewal reminder of `notice` (R-NOT-1)."""
        context = {
            "claim": None,
            "notice": notice,
            "name": " ".join(notice.owner_name.split()),
            "model": notice.model_name,
            "serial_number": notice.serial_number,
            "day": lambda when: _day(when, zone, "d MMMM y"),
            "short_day": lambda when: _day(when, zone, "d MMMM"),
        }
        return self._render("renewal.j2", context)

    def _render(self, template: str, context: dict[str, Any]) -> RenderedMail:
        text, html = (env.get_template(template) for env in (self._text, self._html))
        subject = "".join(text.blocks["subject"](text.new_context(dict(context))))
        return RenderedMail(
            subject=" ".join(subject.split()),
            text=re.sub(r"\n{3,}", "\n\n", text.render(context)).strip() + "\n",
            html=html.render(context),
        )

    def _context(self, request: SendMail, recipient: Recipient) -> dict[str, Any]:
        """The variables of the templates. Moments are in the claim's time zone."""
        claim, zone = request.claim, recipient.time_zone
        if claim.returning is not None:
            zone = claim.returning.time_zone
        # A region without an address of its own must not stop the mail: the customer is asked to write.
        address = self._return_addresses.get(
            claim.region, (f"Aftercare Returns {recipient.region_name}", "Please ask us for the address")
        )
        return {
            "claim": claim,
            "at": request.at,
            "amount": request.amount,
            "nothing": claim.fee.zero(),
            "charged": request.amount or claim.amount_owed,
            "owed": claim.amount_owed or request.amount or claim.amount_owed,
            "owner": recipient,
            "serial_number": claim.serial_number,
            "name": " ".join(recipient.name.split()),
            "model": recipient.model_name,
            "policy": recipient.policy,
            "window_days": recipient.window_days,
            "example_due": end_of_day_after(request.at, recipient.window_days, zone),
            "undone_fee_back": recipient.policy.refund_undone_fee,
            "late_fee": Money(recipient.policy.late_fee, claim.fee.currency),
            "missing": [(component_name(part.component), money(part.difference)) for part in claim.missing],
            "kept": [
                (f"Kept for missing {component_name(part.component)}", money(part.difference)) for part in claim.missing
            ],
            "differences": total([part.difference for part in claim.missing], claim.fee.currency),
            "card_until": give_up_at(claim.hold, recipient.policy.hold_policy) if claim.hold else None,
            "not_received": any(reason.code is ReasonCode.NOT_RECEIVED for reason in claim.reasons),
            # Counted from now: after an outage a reminder may go out later than its kind says.
            "days_left": _days_between(request.at, claim.returning.due_at, zone) if claim.returning else 0,
            "options": _options(claim.repair_quote) if claim.repair_quote else [],
            "quote_days_left": _days_between(request.at, claim.repair_quote.pay_until, zone)
            if claim.repair_quote
            else 0,
            "return_address": address,
            "expected": [component_name(component) for component in claim.returning.expected]
            if claim.returning
            else [],
            "moment": lambda instant: _moment(instant, zone),
            "day": lambda when: _day(when, zone, "d MMMM y"),
            "short_day": lambda when: _day(when, zone, "d MMMM"),
        }


# Each value appears several times in a mail, in both parts, and often in the next mails too.
@lru_cache(maxsize=1024)
def money(amount: Money) -> str:
    """An amount as a reader writes it: "US$1,640.00", "JP¥24,600"."""
    return format_currency(
        Decimal(amount.amount).scaleb(-minor_digits(amount.currency)), amount.currency, locale=LOCALE
    )


def _options(quote: RepairQuote) -> list[tuple[str, str]]:
    return [(_OPTIONS[option], _price(quote, option)) for option in options(quote)]


def _price(quote: RepairQuote, option: RepairChoice) -> str:
    cost = price(quote, option)
    return money(cost) if cost else "free of charge"


def component_name(component: Component) -> str:
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
    """A paragraph of plain text, wrapped anew; `first` and `rest` are the indents of its lines."""
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
        auto_reload=False,  # templates are part of the release and do not change
    )
    environment.filters["fill"] = _fill
    environment.globals.update(layout=f"layout.{form}", money=money)
    # Loaded once: an import in each template would evaluate the macros for every mail.
    environment.globals["macros"] = environment.get_template(f"macros.{form}").module
    return environment
