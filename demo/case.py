"""One case of the demo: what customer, warehouse, staff and time do to it, each a request to the API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from demo.client import Answer, NoAnswer
from demo.customer import CARD, Customer, Said, day, instant, money
from demo.mailbox import PAUSE_SECONDS, Mail, kinds
from domain.money import Money

_JUDGED_SECONDS: Final = 30.0


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
    answers: tuple[str, ...] = ()
    """What was asked beside the claim, as it was answered."""
    state: str = "closed"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a page about a case needs, read back when its story is over."""

    claim: Answer
    events: list[Answer]
    said: list[Said]
    mails: list[Mail]
    ending: Ending


class Case(Customer):
    """A customer with one device and one claim.

    Every method raises Refused when the API says no, NoAnswer when the stack says nothing.
    """

    claim: Answer

    # -- made -----------------------------------------------------------------------------------------------------

    async def claim_express(self, tier: str, cause: str, *, replace_battery: bool = False, card: str = CARD) -> None:
        """Look at the settlement page and agree to exactly that."""
        self._on_step("makes a claim")
        asked = self._damage(tier, cause, self.serial) | {"replace_battery": replace_battery}
        quote = await self._client.post("/quotes", asked)
        await self._exchange(asked | {"quote_id": quote["id"], "payment_method": card})

    async def claim_again(self) -> None:
        """On the replacement, which the programme has to refuse."""
        body = self._damage("premium", "collision", self._serial("B")) | self._terms()
        await self._refused("makes another claim", self._client.post("/claims", body))

    def _damage(self, tier: str, cause: str, serial: str) -> Answer:
        return {
            "service": "care_express",
            "tier": tier,
            "serial_number": serial,
            "incident": {"cause": cause, "occurred_at": self._incident()},
        }

    async def claim_flyaway(self) -> None:
        self._on_step("reports the drone lost")
        await self._exchange(
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
        await self._job({"service": "online_repair", "incident": incident})

    async def claim_maintenance(self) -> None:
        """With the code that was issued."""
        self._on_step("sends the device in for its maintenance")
        await self._job({"service": "maintenance", "maintenance_code": self._code})

    async def ask_for_code(self) -> None:
        self._on_step("asks for the maintenance code")
        issued = await self._client.post(self._device("/maintenance-codes"))
        self._code = issued["code"]
        self._say("asks for the maintenance code", f"{self._code}, until {day(issued['expires_on'])}.", "issued")

    async def ask_for_another_code(self) -> None:
        await self._refused("asks for another one", self._client.post(self._device("/maintenance-codes")))

    async def _exchange(self, asked: Answer) -> None:
        await self._submit(self._terms() | asked)

    def _terms(self) -> Answer:
        return {"payment_method": CARD, "ship_to": self._home(), "accepted_terms": True}

    async def _job(self, asked: Answer) -> None:
        await self._submit(asked | {"serial_number": self.serial, "return_address": self._home()})

    async def _submit(self, body: Answer) -> None:
        key = str(uuid4())
        loop = asyncio.get_running_loop()
        until = loop.time() + _JUDGED_SECONDS
        self.claim = await self._client.post("/claims", body, key=key)
        while self.claim["state"] == "submitted":  # accepted, and nobody has had the time to judge it yet
            if loop.time() > until:
                raise NoAnswer(f"claim {self.claim['id']} was not judged in {_JUDGED_SECONDS:.0f} s")
            await asyncio.sleep(PAUSE_SECONDS)
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
        ways = [
            f"{way.replace('_', ' ')} {money(prices[way]) if way in prices else 'free'}" for way in quote["options"]
        ]
        answer = f"{', '.join(ways)}; until {day(quote['pay_until'], self._region)}."
        self._say("the ways out", answer, ", ".join(ways), datetime.fromisoformat(quote["quoted_at"]))

    async def choose(self, way: str) -> None:
        self._on_step("chooses a way out")
        await self._act("repair-choice", {"choice": way, "payment_method": CARD})

    async def ship_back(self) -> None:
        self._on_step("the workshop ships the device back")
        await self._act("completion", {"tracking_number": f"1Z{self._number:04}"})

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

    async def report(self, expected: frozenset[str]) -> Report:
        """Read back how it ended, with the mails, of which `expected` ones may still be on their way."""
        self._on_step("reads back how it ended")
        claim = await self._client.get(self._path())
        ledger = await self._client.get(self._path("/ledger"))
        device = await self._client.get(f"/devices/{claim['replacement_serial_number'] or self.serial}")
        mails = await self._mails(claim["id"], expected)
        ending = _ending(claim, ledger, device, mails, self.said)
        return Report(claim, await self._client.events(claim["id"]), self.said, mails, ending)

    def _path(self, rest: str = "") -> str:
        return f"/claims/{self.claim['id']}{rest}"

    def _incident(self) -> str:
        return instant(datetime.now(UTC))


def _ending(claim: Answer, ledger: Answer, device: Answer, mails: list[Mail], said: list[Said]) -> Ending:
    hold, currency = claim["hold"], claim["fee"]["currency"]
    on_card = [entry["amount"] for entry in ledger["entries"] if entry["account"] == "card"]
    given_back = sum(amount for amount in on_card if amount > 0)
    balance = ledger["balances"].get("card", {"amount": 0})["amount"]
    uses = device["care"]["replacements"]
    return Ending(
        outcome=claim["outcome"] or "",
        fee=money(claim["fee"]),
        paid=str(Money(-balance, currency)),
        left=f"{uses['left']} of {uses['total']}",
        mails=kinds(mails),
        hold=f"{money(hold['amount'])} {hold['state']}" if hold else "none",
        captured=money(hold["captured"]) if hold else "",
        refunded=str(Money(given_back, currency)) if given_back else "",
        answers=tuple(each.short for each in said),
        state=claim["state"],
    )
