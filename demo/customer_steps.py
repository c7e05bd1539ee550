"""Demo: the steps of one customer with a device and a plan, and a log of requests and responses."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from demo.api_client import ApiClient, Json, RequestRejected
from demo.mailbox import Mail, Mailbox
from domain.money import Money

CARD: Final = "pm_card_visa"
ZONES: Final = {"US": "America/Los_Angeles", "EU": "Europe/Berlin", "JP": "Asia/Tokyo"}
"""The time zone of each region: its deadlines end at 23:59:59 there."""
HOMES: Final = {
    "US": ("12 Harbour Road", "Portland", "97201", "US"),
    "EU": ("Lindenallee 7", "Leipzig", "04109", "DE"),
    "JP": ("3-4-5 Minato", "Yokohama", "220-0012", "JP"),
}
"""Line, city, postal code and country, by region."""


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request and its response in words. `short` is the response without dates, as scenarios expect it."""

    at: datetime
    request: str
    response: str
    short: str


class CustomerProfile(Protocol):
    """The customer, and the device's model and region."""

    @property
    def customer(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def region(self) -> str: ...


class CustomerSteps:
    """A customer with one device. `on_step` is called with each step, for the progress display.

    Every method raises RequestRejected for an error response, ApiUnavailable when there is none.
    """

    def __init__(
        self, client: ApiClient, mailbox: Mailbox, number: int, who: CustomerProfile, on_step: Callable[[str], None]
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
        self.requests: list[LoggedRequest] = []

    async def register(self, *, days_ago: float = 0) -> None:
        """Register the device, activated that many days and an hour ago; bind a drone's remote controller."""
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

    async def buy_plan(self) -> Json:
        """Buy a year of cover."""
        self._on_step("buys a plan")
        return await self._client.post(self._device("/plans"), {"term": "1y", "payment_method": CARD})

    async def _bind(self, remote_controller: str, bound_at: str) -> None:
        binding = {"remote_controller": remote_controller, "bound_at": bound_at}
        await self._client.post(self._device("/bindings"), binding)

    def _log_request(self, request: str, response: str, short: str, at: datetime | None = None) -> None:
        self.requests.append(LoggedRequest(at or datetime.now(UTC), request, response, short))

    async def _refused(self, description: str, request: Awaitable[object], at: datetime | None = None) -> None:
        """Send a request that must be refused, and log the reasons. `at` is its moment in the scenario, else now."""
        self._on_step(description)
        try:
            await request
        except RequestRejected as refusal:
            if not refusal.rules:
                raise
            words = " ".join(f"{rule}: {message}" for rule, message in refusal.rules)
            rules = " ".join(rule for rule, _ in refusal.rules)
            self._log_request(description, f"Refused. {words}", f"refused {rules}", at)
        else:
            self._log_request(description, "Not refused.", "not refused", at)

    async def _mails(self, subject: str, expected: frozenset[str]) -> list[Mail]:
        """The customer's mails about `subject`, waiting for the `expected` ones."""
        return await self._mailbox.mails(subject, self._email, expected)

    def _home(self) -> Json:
        line1, city, postal_code, country = HOMES[self._region]
        return {
            "name": self._customer,
            "line1": line1,
            "city": city,
            "postal_code": postal_code,
            "country": country,
        }

    def _device(self, rest: str = "") -> str:
        return f"/devices/{self.serial}{rest}"

    def _serial(self, suffix: str) -> str:
        return f"{self._model.replace('-', '').upper()}{suffix}{self._number:02}"


def differences(found: Any, expected: Any) -> list[str]:
    """The fields in which two results of the same dataclass differ, in words."""
    differing = []
    for field in fields(expected):
        actual, wanted = (_words(getattr(result, field.name)) for result in (found, expected))
        if actual != wanted:
            differing.append(f"{field.name}: expected {wanted or 'nothing'}, found {actual or 'nothing'}")
    return differing


def money(amount: Json) -> str:
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
