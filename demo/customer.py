"""One customer of the demo: the device, the plan, what they ask for and what they are answered. Knows no claim."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from demo.client import Answer, Client, Refused
from demo.mailbox import Mail, Mailbox
from domain.money import Money

CARD: Final = "pm_card_visa"
ZONES: Final = {"US": "America/Los_Angeles", "EU": "Europe/Berlin", "JP": "Asia/Tokyo"}
"""In whose days a region reckons: its deadlines end at 23:59:59 there."""
_HOMES: Final = {
    "US": ("12 Harbour Road", "Portland", "97201", "US"),
    "EU": ("Lindenallee 7", "Leipzig", "04109", "DE"),
    "JP": ("3-4-5 Minato", "Yokohama", "220-0012", "JP"),
}
"""Line, city, postal code and country, by region."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something asked of the programme itself, and its answer. `short` is the answer as a story tells it, undated."""

    at: datetime
    asked: str
    answer: str
    short: str


class Person(Protocol):
    """Who asks, and for which device."""

    @property
    def customer(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def region(self) -> str: ...


class Customer:
    """A customer with one device. `on_step` hears what is being done, for whoever watches.

    Every method raises Refused when the API says no, NoAnswer when the stack says nothing.
    """

    def __init__(
        self, client: Client, mailbox: Mailbox, number: int, who: Person, on_step: Callable[[str], None]
    ) -> None:
        self._client = client
        self._mailbox = mailbox
        self._number = number
        self._customer = who.customer
        self._model = who.model
        self._region = who.region
        self._on_step = on_step
        self._email = address(who.customer)
        self.serial = self._serial("A")
        self.said: list[Said] = []

    async def register(self, *, days_ago: float = 0) -> None:
        """The device, activated so long and an hour ago; a drone is bound to its remote controller."""
        self._on_step("registers the device")
        activated_at = instant(datetime.now(UTC) - timedelta(days=days_ago, hours=1))
        device = await self._client.post(
            "/devices",
            {
                "serial_number": self.serial,
                "model": self._model,
                "region": self._region,
                "owner": {"name": self._customer, "email": self._email},
                "activated_at": activated_at,
            },
        )
        if device["category"] == "camera_drone":
            await self._bind(f"RC{self._number:02}", activated_at)

    async def buy_plan(self) -> Answer:
        """A year of cover."""
        self._on_step("buys a plan")
        return await self._client.post(self._device("/plans"), {"term": "1y", "payment_method": CARD})

    async def _bind(self, remote_controller: str, bound_at: str) -> None:
        binding = {"remote_controller": remote_controller, "bound_at": bound_at}
        await self._client.post(self._device("/bindings"), binding)

    def _say(self, asked: str, answer: str, short: str, at: datetime | None = None) -> None:
        self.said.append(Said(at or datetime.now(UTC), asked, answer, short))

    async def _refused(self, asked: str, request: Awaitable[object]) -> None:
        """Ask for what the programme has to refuse, and note its reasons."""
        self._on_step(asked)
        try:
            await request
        except Refused as refusal:
            if not refusal.why:
                raise
            words = " ".join(f"{rule}: {message}" for rule, message in refusal.why)
            self._say(asked, f"Refused. {words}", f"refused {' '.join(rule for rule, _ in refusal.why)}")
        else:
            self._say(asked, "Not refused.", "not refused")

    async def _mails(self, subject: str, expected: frozenset[str]) -> list[Mail]:
        """The customer's mails about `subject`, of which `expected` ones may still be on their way."""
        return await self._mailbox.mails(subject, self._email, expected)

    def _home(self) -> Answer:
        line1, city, postal_code, country = _HOMES[self._region]
        return {
            "name": self._customer,
            "line1": line1,
            "city": city,
            "postal_code": postal_code,
            "country": country,
        }

    def _device(self, rest: str = "") -> str:
        return f"/devices/{self.serial}{rest}"

    def _serial(self, letter: str) -> str:
        return f"{self._model.replace('-', '').upper()}{letter}{self._number:02}"


def differences(found: Any, told: Any) -> list[str]:
    """Where the ending that was found is not the one that was told: two of one dataclass."""
    wrong = []
    for field in fields(told):
        mine, theirs = (_words(getattr(ending, field.name)) for ending in (found, told))
        if mine != theirs:
            wrong.append(f"{field.name}: told {theirs or 'nothing'}, found {mine or 'nothing'}")
    return wrong


def money(amount: Answer) -> str:
    """An amount as the API writes it, for people: "USD 39.00"."""
    return str(Money(amount["amount"], amount["currency"]))


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(text: str, region: str = "") -> str:
    """A day for people; of an instant the one it falls on in `region`."""
    if not region:
        return f"{date.fromisoformat(text):%d %b %Y}"
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(ZONES[region])):%d %b %Y %H:%M:%S}"


def address(name: str) -> str:
    """A person's mail address."""
    words = re.sub(r"[^a-z]+", ".", name.lower()).strip(".")
    return f"{words}@example.com"


def _words(value: Any) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(value))
    return "; ".join(value) if isinstance(value, tuple) else str(value)
