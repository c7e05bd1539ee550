"""One case of the demo: what customer, warehouse, staff and time do to it, each a request to the API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from demo.client import Answer, Client, NoAnswer
from domain.money import Money

CARD: Final = "pm_card_visa"
_JUDGED_SECONDS: Final = 30.0
_MAIL_SECONDS: Final = 15.0
_PAUSE_SECONDS: Final = 0.1
_SHIP_TO: Final = {
    "US": ("12 Harbour Road", "Portland", "97201", "US"),
    "EU": ("Lindenallee 7", "Leipzig", "04109", "DE"),
    "JP": ("3-4-5 Minato", "Yokohama", "220-0012", "JP"),
}
"""Line, city, postal code and country, by region."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a case stands at the end, in words: what a story tells, and what the API says. Money as in "USD 39.00"."""

    outcome: str
    fee: str
    paid: str
    """What the customer has paid for this case once everything is given back: the ledger's balance of their card."""
    left: str
    """Replacements left on the plan, as in "1 of 2"."""
    mails: frozenset[str]
    hold: str = "none"
    captured: str = ""
    """Out of the hold; empty without a hold."""
    refunded: str = ""
    """Everything the ledger gave back to the card, fees included; empty for nothing."""
    state: str = "closed"

    def differences(self, told: Ending) -> list[str]:
        """Where this ending is not the one `told`."""
        found = []
        for field in fields(self):
            mine, theirs = (_words(getattr(ending, field.name)) for ending in (self, told))
            if mine != theirs:
                found.append(f"{field.name}: told {theirs or 'nothing'}, found {mine or 'nothing'}")
        return found


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail out of the data folder."""

    kind: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a page about a case needs, read back when its story is over."""

    claim: Answer
    events: list[Answer]
    mails: list[Mail]
    ending: Ending


class Case:
    """A customer with one device and, later, one claim. `on_step` hears what is being done, for whoever watches.

    Every method raises Refused when the API says no, NoAnswer when the stack says nothing.
    """

    def __init__(
        self, client: Client, number: int, customer: str, model: str, region: str, on_step: Callable[[str], None]
    ) -> None:
        self._client = client
        self._number = number
        self._customer = customer
        self._model = model
        self._region = region
        self._on_step = on_step
        self.serial = self._serial("A")
        self.claim: Answer = {}

    # -- before ---------------------------------------------------------------------------------------------------

    async def buy_cover(self) -> None:
        """Register the device, bind a drone to its remote controller, buy a year of cover."""
        self._on_step("registers the device and buys a plan")
        now = datetime.now(UTC)
        email = f"{re.sub(r'[^a-z]+', '.', self._customer.lower())}@example.com"
        device = await self._client.post(
            "/devices",
            {
                "serial_number": self.serial,
                "model": self._model,
                "region": self._region,
                "owner": {"name": self._customer, "email": email},
                "activated_at": _instant(now - timedelta(hours=1)),
            },
        )
        if device["category"] == "camera_drone":
            binding = {"remote_controller": f"RC{self._number:02}", "bound_at": _instant(now - timedelta(hours=1))}
            await self._client.post(f"/devices/{self.serial}/bindings", binding)
        await self._client.post(f"/devices/{self.serial}/plans", {"term": "1y", "payment_method": CARD})

    async def claim_express(self, tier: str, cause: str, *, replace_battery: bool = False) -> None:
        """Look at the settlement page and agree to exactly that."""
        self._on_step("makes a claim")
        asked: Answer = {
            "service": "care_express",
            "tier": tier,
            "serial_number": self.serial,
            "incident": {"cause": cause, "occurred_at": self._incident()},
            "replace_battery": replace_battery,
        }
        quote = await self._client.post("/quotes", asked)
        await self._submit(asked | {"quote_id": quote["id"]})

    async def claim_flyaway(self) -> None:
        self._on_step("reports the drone lost")
        await self._submit(
            {
                "service": "flyaway",
                "serial_number": self.serial,
                "incident": {"occurred_at": self._incident(), "description": "Lost over the bay."},
                "flight_record": f"FR-{self._number:02}",
                "confirmed_unrecoverable": True,
            }
        )

    async def _submit(self, asked: Answer) -> None:
        line1, city, postal_code, country = _SHIP_TO[self._region]
        body = asked | {
            "payment_method": CARD,
            "ship_to": {
                "name": self._customer,
                "line1": line1,
                "city": city,
                "postal_code": postal_code,
                "country": country,
            },
            "accepted_terms": True,
        }
        key = str(uuid4())
        loop = asyncio.get_running_loop()
        until = loop.time() + _JUDGED_SECONDS
        self.claim = await self._client.post("/claims", body, key=key)
        while self.claim["state"] == "submitted":  # accepted, and nobody has had the time to judge it yet
            if loop.time() > until:
                raise NoAnswer(f"claim {self.claim['id']} was not judged in {_JUDGED_SECONDS:.0f} s")
            await asyncio.sleep(_PAUSE_SECONDS)
            self.claim = await self._client.post("/claims", body, key=key)

    # -- what happens to the claim --------------------------------------------------------------------------------

    async def ship_replacement(self) -> None:
        self._on_step("the warehouse ships the replacement")
        parcel = {"carrier": "UPS", "tracking_number": f"1Z{self._number:04}"}
        await self._act("dispatch", {"replacement_serial_number": self._serial("B")} | parcel)

    async def wait_days(self, days: int) -> None:
        self._on_step(f"{days} days go by")
        await self._forward({"days": days})

    async def wait_until_due(self) -> None:
        """Just past the next deadline."""
        self._on_step("waits past the deadline")
        await self._forward({"until": "due"})

    async def hand_to_carrier(self) -> None:
        self._on_step("the carrier takes the parcel")
        await self._act("return-scan", {"carrier": "DHL", "tracking_number": f"JD{self._number:04}"})

    async def parcel_arrives(self) -> None:
        self._on_step("the parcel reaches the warehouse")
        await self._act("arrival")

    async def inspect(self, *, without: str = "", serial: str = "") -> None:
        """The warehouse opens the box: what was expected is in it, `without` one component or with another `serial`."""
        self._on_step("the warehouse opens the box")
        claim = await self._client.get(self._path())
        inside = [component for component in claim["return"]["expected"] if component != without]
        body = {"serial_number": serial or self.serial, "genuine": True, "components": inside}
        await self._act("inspection", body)

    async def pay_for_parts(self) -> None:
        self._on_step("pays for the missing part")
        await self._act("parts-choice", {"choice": "pay"})

    async def approve(self) -> None:
        self._on_step("staff check the flight record")
        await self._act("decision", {"approve": True, "reason": "The flight record ends over the sea."})

    async def cancel(self) -> None:
        self._on_step("cancels")
        await self._act("cancel", {"reason": "Repaired elsewhere."})

    async def _act(self, action: str, body: Answer | None = None) -> None:
        self.claim = await self._client.post(self._path(f"/{action}"), body)

    async def _forward(self, by: Answer) -> None:
        # Not to be sent twice: each time moves the clock.
        self.claim = await self._client.post(f"/dev/claims/{self.claim['id']}/fast-forward", by, again=False)

    # -- after ----------------------------------------------------------------------------------------------------

    async def report(self, mail_folder: Path, expected: frozenset[str]) -> Report:
        """Read back how it ended. Mails are written beside the case, so they are waited for a little."""
        self._on_step("reads back how it ended")
        claim = await self._client.get(self._path())
        ledger = await self._client.get(self._path("/ledger"))
        device = await self._client.get(f"/devices/{claim['replacement_serial_number'] or self.serial}")
        mails = await self._mails(mail_folder, expected)
        return Report(claim, await self._client.events(claim["id"]), mails, _ending(claim, ledger, device, mails))

    async def _mails(self, folder: Path, expected: frozenset[str]) -> list[Mail]:
        loop = asyncio.get_running_loop()
        until = loop.time() + _MAIL_SECONDS
        while True:
            mails = await asyncio.to_thread(_read_mails, folder, self.claim["id"])
            if expected <= {mail.kind for mail in mails} or loop.time() > until:
                return mails
            await asyncio.sleep(_PAUSE_SECONDS)

    def _path(self, rest: str = "") -> str:
        return f"/claims/{self.claim['id']}{rest}"

    def _serial(self, letter: str) -> str:
        return f"{self._model.replace('-', '').upper()}{letter}{self._number:02}"

    def _incident(self) -> str:
        return _instant(datetime.now(UTC))


def money(amount: Answer) -> str:
    """An amount as the API writes it, for people: "USD 39.00"."""
    return str(Money(amount["amount"], amount["currency"]))


def _ending(claim: Answer, ledger: Answer, device: Answer, mails: list[Mail]) -> Ending:
    hold, currency = claim["hold"], claim["fee"]["currency"]
    on_card = [entry["amount"] for entry in ledger["entries"] if entry["account"] == "card"]
    given_back = sum(amount for amount in on_card if amount > 0)
    balance = ledger["balances"].get("card", {"amount": 0})["amount"]
    uses = device["care"]["replacements"]
    kinds = [mail.kind for mail in mails]
    return Ending(
        outcome=claim["outcome"] or "",
        fee=money(claim["fee"]),
        paid=str(Money(-balance, currency)),
        left=f"{uses['left']} of {uses['total']}",
        # Named twice where it was sent twice, which no story tells.
        mails=frozenset(f"{kind} x{kinds.count(kind)}" if kinds.count(kind) > 1 else kind for kind in kinds),
        hold=f"{money(hold['amount'])} {hold['state']}" if hold else "none",
        captured=money(hold["captured"]) if hold else "",
        refunded=str(Money(given_back, currency)) if given_back else "",
        state=claim["state"],
    )


def _read_mails(folder: Path, claim_id: str) -> list[Mail]:
    """The claim's mails in the order of writing."""
    files = sorted(folder.glob(f"{claim_id}.*.eml"), key=lambda file: file.stat().st_mtime_ns)
    return [_read_mail(file) for file in files]


def _read_mail(file: Path) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(file.read_bytes(), headersonly=True)
    # A long subject stands folded in the file, and the fold is no part of it.
    subject = str(message["Subject"]).strip()
    return Mail(str(message["X-Aftercare-Kind"]), subject, parsedate_to_datetime(str(message["Date"])))


def _words(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
