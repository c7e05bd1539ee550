"""Demo: the steps of one claim by customer, warehouse, staff and clock, each a request to the API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from demo.api_client import ApiUnavailable, Json
from demo.customer_steps import CARD, CustomerSteps, LoggedRequest, day, instant, money
from demo.mailbox import PAUSE_SECONDS, Mail, kinds
from domain.money import Money

_JUDGED_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The claim at the end, in words: as a scenario expects it or as the API has it. Money as in "USD 39.00"."""

    outcome: str
    fee: str
    paid: str
    """What the customer has paid for this claim after refunds: the ledger's balance of their card."""
    left: str
    """Replacements left on the plan, as in "1 of 2"."""
    mails: frozenset[str]
    hold: str = "none"
    captured: str = ""
    """Captured from the hold; empty without a hold."""
    refunded: str = ""
    """Everything refunded to the card, fees included; empty for nothing."""
    owed: str = ""
    """What could not be charged and is still owed; empty for nothing."""
    answers: tuple[str, ...] = ()
    """Short responses of the logged requests."""
    state: str = "closed"


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """What the output of a claim needs, read through the API at the end of its scenario."""

    claim: Json
    events: list[Json]
    requests: list[LoggedRequest]
    mails: list[Mail]
    ending: ClaimResult


class ClaimSteps(CustomerSteps):
    """A customer with one device and one claim.

    Every method raises RequestRejected for an error response, ApiUnavailable when there is none.
    """

    claim: Json

    # -- submission -----------------------------------------------------------------------------------------------

    async def claim_express(self, tier: str, cause: str, *, replace_battery: bool = False, card: str = CARD) -> None:
        """Get a quote and submit the claim with it."""
        self._on_step("makes a claim")
        asked = self._damage(tier, cause, self.serial) | {"replace_battery": replace_battery}
        quote = await self._client.post("/quotes", asked)
        await self._submit_replacement(asked | {"quote_id": quote["id"], "payment_method": card})

    async def claim_again(self) -> None:
        """Submit a claim for the replacement unit, which must be refused, at the time of the first claim."""
        body = self._damage("premium", "collision", self._serial("B")) | self._terms()
        events = await self._client.events(self.claim["id"])
        reached = max(datetime.fromisoformat(event["at"]) for event in events)
        await self._refused("makes another claim", self._client.post("/claims", body), reached)

    def _damage(self, tier: str, cause: str, serial: str) -> Json:
        return {
            "service": "care_express",
            "tier": tier,
            "serial_number": serial,
            "incident": {"cause": cause, "occurred_at": self._incident()},
        }

    async def claim_flyaway(self) -> None:
        self._on_step("reports the drone lost")
        await self._submit_replacement(
            {
                "service": "flyaway",
                "serial_number": self.serial,
                "incident": {"occurred_at": self._incident(), "description": "Lost over the bay."},
                "flight_record": f"FR-{self._number:02}",
                "confirmed_unrecoverable": True,
            }
        )

    async def claim_repair(self, cause: str, description: str) -> None:
        self._on_step("asks for a repair")
        incident = {"cause": cause, "occurred_at": self._incident(), "description": description}
        await self._submit_service_job({"service": "online_repair", "incident": incident})

    async def claim_maintenance(self) -> None:
        """Submit a maintenance claim with the issued code."""
        self._on_step("sends the device in for its maintenance")
        await self._submit_service_job({"service": "maintenance", "maintenance_code": self._code})

    async def ask_for_code(self) -> None:
        self._on_step("asks for the maintenance code")
        issued = await self._client.post(self._device("/maintenance-codes"))
        self._code = issued["code"]
        self._log_request(
            "asks for the maintenance code", f"{self._code}, until {day(issued['expires_on'])}.", "issued"
        )

    async def ask_for_another_code(self) -> None:
        await self._refused("asks for another one", self._client.post(self._device("/maintenance-codes")))

    async def _submit_replacement(self, claim: Json) -> None:
        await self._submit(self._terms() | claim)

    def _terms(self) -> Json:
        return {"payment_method": CARD, "ship_to": self._home(), "accepted_terms": True}

    async def _submit_service_job(self, claim: Json) -> None:
        await self._submit(claim | {"serial_number": self.serial, "return_address": self._home()})

    async def _submit(self, body: Json) -> None:
        key = str(uuid4())
        loop = asyncio.get_running_loop()
        until = loop.time() + _JUDGED_SECONDS
        self.claim = await self._client.post("/claims", body, key=key)
        while self.claim["state"] == "submitted":  # the workflow has not decided yet
            if loop.time() > until:
                raise ApiUnavailable(f"claim {self.claim['id']} was not judged in {_JUDGED_SECONDS:.0f} s")
            await asyncio.sleep(PAUSE_SECONDS)
            self.claim = await self._client.post("/claims", body, key=key)

    # -- events and decisions --------------------------------------------------------------------------------

    async def ship_replacement(self) -> None:
        self._on_step("the warehouse ships the replacement")
        parcel = {"carrier": "UPS", "tracking_number": f"1Z{self._number:04}"}
        serial = self.claim["replacement_serial_number"] or self._serial("B")  # one that came back leaves again
        await self._act("dispatch", {"replacement_serial_number": serial} | parcel)

    async def wait_days(self, days: int) -> None:
        self._on_step(f"{days} days go by")
        await self._forward({"days": days})

    async def wait_until_due(self) -> None:
        """Move the clock just past the next deadline."""
        self._on_step("waits past the deadline")
        await self._forward({"until": "due"})

    async def hand_to_carrier(self) -> None:
        self._on_step("the carrier takes the parcel")
        await self._act("return-scan", {"carrier": "DHL", "tracking_number": f"JD{self._number:04}"})

    async def parcel_arrives(self) -> None:
        self._on_step("the parcel reaches the warehouse")
        await self._act("arrival")

    async def inspect(self, *, without: str = "", serial: str = "") -> None:
        """Report an inspection: all expected components, `without` one or with another `serial`."""
        self._on_step("the warehouse opens the box")
        claim = await self._client.get(self._path())
        inside = [component for component in claim["return"]["expected"] if component != without]
        body = {"serial_number": serial or self.serial, "genuine": True, "components": inside}
        await self._act("inspection", body)

    async def extend(self, days: int) -> None:
        self._on_step("staff give more days")
        await self._act("extension", {"days": days, "reason": "In hospital."})

    async def pay_for_parts(self) -> None:
        self._on_step("pays for the missing part")
        await self._act("parts-choice", {"choice": "pay"})

    async def quote_repair(self, findings: str, minor_units: int, *, warranty: bool = False) -> None:
        self._on_step("the workshop quotes for the repair")
        amount = {"amount": minor_units, "currency": self.claim["fee"]["currency"]}
        await self._act("repair-quote", {"findings": findings, "amount": amount, "warranty": warranty})
        quote = self.claim["repair"]
        prices = {"replacement": quote["replacement_fee"], "paid_repair": quote["amount"]}
        options = [
            f"{option.replace('_', ' ')} {money(prices[option]) if option in prices else 'free'}"
            for option in quote["options"]
        ]
        answer = f"{', '.join(options)}; until {day(quote['pay_until'], self._region)}."
        self._log_request("the repair options", answer, ", ".join(options), datetime.fromisoformat(quote["quoted_at"]))

    async def choose(self, option: str) -> None:
        self._on_step("chooses a repair option")
        await self._act("repair-choice", {"choice": option, "payment_method": CARD})

    async def ship_back(self) -> None:
        self._on_step("the workshop ships the device back")
        await self._act("completion", {"tracking_number": f"1Z{self._number:04}"})

    async def approve(self) -> None:
        self._on_step("staff check the flight record")
        await self._act("decision", {"approve": True, "reason": "The flight record ends over the sea."})

    async def cancel(self) -> None:
        self._on_step("cancels")
        await self._act("cancel", {"reason": "Repaired elsewhere."})

    async def _act(self, action: str, body: Json | None = None) -> None:
        self.claim = await self._client.post(self._path(f"/{action}"), body)

    async def _forward(self, by: Json) -> None:
        # Not retried: each request moves the clock.
        self.claim = await self._client.post(f"/dev/claims/{self.claim['id']}/fast-forward", by, again=False)

    # -- result ----------------------------------------------------------------------------------------------------

    async def report(self, expected: frozenset[str]) -> ClaimReport:
        """Read the result, waiting for the `expected` mails."""
        self._on_step("reads back how it ended")
        claim = await self._client.get(self._path())
        ledger = await self._client.get(self._path("/ledger"))
        device = await self._client.get(f"/devices/{claim['replacement_serial_number'] or self.serial}")
        mails = await self._mails(claim["id"], expected)
        ending = _claim_result(claim, ledger, device, mails, self.requests)
        return ClaimReport(claim, await self._client.events(claim["id"]), self.requests, mails, ending)

    def _path(self, rest: str = "") -> str:
        return f"/claims/{self.claim['id']}{rest}"

    def _incident(self) -> str:
        return instant(datetime.now(UTC))


def _claim_result(
    claim: Json, ledger: Json, device: Json, mails: list[Mail], requests: list[LoggedRequest]
) -> ClaimResult:
    hold, currency = claim["hold"], claim["fee"]["currency"]
    on_card = [entry["amount"] for entry in ledger["entries"] if entry["account"] == "card"]
    given_back = sum(amount for amount in on_card if amount > 0)
    balance = ledger["balances"].get("card", {"amount": 0})["amount"]
    uses = device["care"]["replacements"]
    return ClaimResult(
        outcome=claim["outcome"] or "",
        fee=money(claim["fee"]),
        paid=str(Money(-balance, currency)),
        left=f"{uses['left']} of {uses['total']}",
        mails=kinds(mails),
        hold=f"{money(hold['amount'])} {hold['state']}" if hold else "none",
        captured=money(hold["captured"]) if hold else "",
        refunded=str(Money(given_back, currency)) if given_back else "",
        owed=money(claim["amount_owed"]) if claim["amount_owed"]["amount"] else "",
        answers=tuple(request.short for request in requests),
        state=claim["state"],
    )
