"""Demo: the steps of one device's cover: purchase, renewal, reminders, refund, each a request to the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from demo.api_client import ApiClient, Json
from demo.customer_steps import CARD, ZONES, CustomerProfile, CustomerSteps, LoggedRequest, address, day, instant, money
from demo.mailbox import Mail, Mailbox, kinds
from domain.dates import add_months

_MONTHS_OF_COVER: Final = 12


@dataclass(frozen=True, slots=True)
class CoverResult:
    """The cover at the end, in words: as a scenario expects it or as the API has it."""

    answers: tuple[str, ...]
    """Short responses of the logged requests, in order."""
    cover: str
    """As in "covered, 2 terms"."""
    mails: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CoverReport:
    """What the output of a device's cover needs. `workflows` are the ids of the purchases."""

    requests: list[LoggedRequest]
    mails: list[Mail]
    workflows: list[str]
    ending: CoverResult


class CoverSteps(CustomerSteps):
    """A customer with one device and its cover. The clock is the real one; past cover is added through the API.

    Every method raises RequestRejected for an unexpected error response, ApiUnavailable when there is none.
    """

    def __init__(
        self, client: ApiClient, mailbox: Mailbox, number: int, who: CustomerProfile, on_step: Callable[[str], None]
    ) -> None:
        super().__init__(client, mailbox, number, who, on_step)
        self._plans: list[Json] = []
        self._ends_on = date.max

    # -- purchase ---------------------------------------------------------------------------------------------------

    async def buy(self) -> None:
        self._bought("buys a plan", "Bought", await self.buy_plan())

    async def ask_too_late(self) -> None:
        await self._refused("asks for a plan", self.buy_plan())

    async def approve_video(self) -> None:
        self._on_step("staff approve a video verification")
        approved = await self._client.post(self._device("/verification"))
        ends, began = (datetime.fromisoformat(approved[name]) for name in ("buy_until", "approved_at"))
        answer = f"A plan can be bought until {day(approved['buy_until'], self._region)}."
        self._log_request(
            "staff approve the video", answer, f"approved for {(ends - began) // timedelta(hours=1)} hours"
        )

    async def had_plan(self, *, ends_in_days: int) -> None:
        """Add a year of cover that ends that many days from today; negative for the past."""
        self._on_step("had bought a plan")
        ends_on = datetime.now(ZoneInfo(ZONES[self._region])).date() + timedelta(days=ends_in_days)
        term = {"term": "1y", "starts_on": f"{add_months(ends_on, -_MONTHS_OF_COVER)}"}
        planted = await self._client.post(f"/dev/devices/{self.serial}/terms", term)
        self._ends_on = date.fromisoformat(planted["care"]["ends_on"])

    # -- renewal --------------------------------------------------------------------------------------------------

    async def ask_for_renewal(self) -> None:
        self._on_step("asks whether it can be renewed")
        answer = await self._client.get(self._device("/renewal"))
        asked = "can it be renewed?"
        if not answer["eligible"]:
            self._log_request(asked, "No.", "not renewable")
            return
        words = f"Yes, until {day(answer['last_day'])}, for {money(answer['price'])}. {answer['gap_note'] or ''}"
        self._log_request(asked, words.rstrip(), "renewable with a gap" if answer["gap"] else "renewable")

    async def renew(self) -> None:
        self._on_step("renews the plan")
        self._bought("renews it", "Renewed", await self._renewal())

    async def renew_again(self) -> None:
        await self._refused("renews it again", self._renewal())

    async def run_reminders(self, offset: int, when: str) -> None:
        """Run the reminders for the day that many days from the end of the added term."""
        as_of = self._ends_on + timedelta(days=offset)
        self._on_step(f"reminders as on {as_of}")
        run = await self._client.post("/dev/reminders/run", {"as_of": f"{as_of}"})
        sent = [reminder["kind"] for reminder in run["sent"] if reminder["serial_number"] == self.serial]
        mails = [mail for mail in await self._mails("pln_", frozenset(sent)) if mail.kind in sent]
        words = " ".join(f"mail: {mail.subject}" for mail in mails) or "Nothing to send."
        self._log_request(f"{as_of:%d %b %Y}, {when}", words, ", ".join(sent) or "nothing")

    # -- other requests ------------------------------------------------------------------------------------------------

    async def give_back(self) -> None:
        self._on_step("gives the plan back")
        refund = await self._client.post(self._device(f"/plans/{self._plans[-1]['id']}/refund"))
        returned = money(refund["refunded"])
        self._log_request(
            "gives it back", f"{returned} goes back to the card; the cover ends now.", f"refunded {returned}"
        )

    async def ask_to_extend(self) -> None:
        request = self._client.post(self._device("/cover-changes"), {"change": "extension"})
        await self._refused("asks to extend it", request)

    async def sell_to(self, buyer: str) -> None:
        self._on_step(f"is sold to {buyer}")
        owner = {"name": buyer, "email": address(buyer)}
        device = await self._client.post(self._device("/owner"), owner)
        controller = "still bound" if device["binding"] else "unbound"
        cover = f"covered until {day(device['care']['ends_on'])}" if device["care"]["active"] else "not covered"
        self._log_request(
            f"is sold to {buyer}",
            f"It belongs to {device['owner']['name']} now and is {cover}; its remote controller is {controller}.",
            f"owned by {device['owner']['name']}, {controller}",
        )

    async def report_lost(self) -> None:
        """Submit a flyaway claim without a bound remote controller, which must be refused."""
        claim = {
            "service": "flyaway",
            "serial_number": self.serial,
            "incident": {"occurred_at": instant(datetime.now(UTC)), "description": "Lost over the bay."},
            "flight_record": f"FR-{self._number:02}",
            "confirmed_unrecoverable": True,
            "payment_method": CARD,
            "ship_to": self._home(),
            "accepted_terms": True,
        }
        await self._refused("the buyer reports it lost", self._client.post("/claims", claim))

    async def bind(self) -> None:
        self._on_step("binds a remote controller")
        name = f"RC{self._number:02}B"
        await self._bind(name, instant(datetime.now(UTC)))
        self._log_request("the buyer binds a controller", f"{name} is bound: a flyaway is covered again.", "bound")

    # -- result ----------------------------------------------------------------------------------------------------

    async def report(self, expected: frozenset[str]) -> CoverReport:
        """Read the result, waiting for the `expected` mails."""
        care = (await self._client.get(self._device()))["care"]
        mails = await self._mails("pln_", expected)
        count = len(care["periods"])
        ending = CoverResult(
            answers=tuple(request.short for request in self.requests),
            cover=f"{'' if care['active'] else 'not '}covered, {count} {'term' if count == 1 else 'terms'}",
            mails=kinds(mails),
        )
        return CoverReport(self.requests, mails, [plan["id"] for plan in self._plans], ending)

    async def _renewal(self) -> Json:
        return await self._client.post(self._device("/renewals"), {"payment_method": CARD})

    def _bought(self, request: str, what: str, plan: Json) -> None:
        self._plans.append(plan)
        days = f"{day(plan['starts_on'])} to {day(plan['ends_on'])}"
        gap = " with a gap" if plan["gap"] else ""
        self._log_request(
            request, f"{what} for {money(plan['price'])}: {days}{gap}.", f"{what.lower()} {money(plan['price'])}{gap}"
        )
