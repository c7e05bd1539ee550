"""A Premium claim whose customer, warehouse and staff act at random."""

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import Final

from demo.api_client import ApiClient, ApiUnavailable, RequestRejected
from demo.claim_steps import ClaimSteps
from demo.mailbox import Mailbox

CARDS: Final = {
    "pm_card_visa": 62,
    "pm_card_mastercard": 10,
    "pm_card_amex": 10,
    "pm_card_heldTwice": 5,
    "pm_card_heldTwiceOnly": 4,
    "pm_card_chargeCustomerFail": 4,
    "pm_card_authenticationRequired": 2,
    "pm_card_chargeDeclined": 2,
    "pm_card_chargeDeclinedInsufficientFunds": 1,
}
"""Of a hundred customers so many have each: five in a hundred are declined at once, thirteen some time later."""
_STEPS: Final = 60
_JUDGED_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Customer:
    customer: str
    model: str = "mini-se"
    region: str = "US"


class RandomClaim(ClaimSteps):
    """A claim with random actions of its customer and staff. After a refusal the next action is tried."""

    def __init__(self, client: ApiClient, mailbox: Mailbox, number: int, seed: int) -> None:
        super().__init__(client, mailbox, number, Customer(f"Customer {number}"), lambda _step: None)
        self._dice = random.Random(f"{seed}:{number}")  # noqa: S311  # repeatable, not secret
        self._card = self._dice.choices(list(CARDS), list(CARDS.values()))[0]
        self._comes_back = self._dice.random() < 0.7

    async def live(self) -> str | None:
        """Until the claim is closed; the refusal of a customer who got no claim."""
        try:
            await self.register()
            await self.buy_plan()
            await self.claim_express("premium", "collision", card=self._card)
        except RequestRejected as refusal:
            return str(refusal)
        except ApiUnavailable as silence:
            if not hasattr(self, "claim"):
                return str(silence)  # otherwise it is decided once a worker runs again
        for _ in range(_STEPS):
            try:
                self.claim = await self._client.get(self._path())
                if self.claim["state"] == "closed" and not self._pays_afterwards():
                    break
                await self._do_something()
            except RequestRejected:
                continue
            except ApiUnavailable:
                await asyncio.sleep(1)
        return None

    def _pays_afterwards(self) -> bool:
        """Half of the customers who owe an amount after the end pay it."""
        actions = self.claim["allowed_actions"]
        return "payment_method" in actions and self._dice.random() < 0.5

    async def _do_something(self) -> None:
        dice, claim = self._dice, self.claim
        if "replacement_resend" in claim["allowed_actions"] and dice.random() < 0.6:
            await self._act("replacement-resend", {"reason": "Sends the original."})
        elif "replacement_undo" in claim["allowed_actions"] and dice.random() < 0.1:
            await self._act("replacement-undo", {"reason": "Keeps the original."})
        elif "decision" in claim["allowed_actions"]:
            await self._act("decision", {"approve": dice.random() < 0.5, "reason": "Looked at it."})
        elif "payment_method" in claim["allowed_actions"] and dice.random() < 0.4:
            card = dice.choice(["pm_card_visa", "pm_card_amex", "pm_card_chargeDeclined", self._card])
            await self._act("payment-method", {"payment_method": card})
        elif "waiver" in claim["allowed_actions"] and dice.random() < 0.02:
            await self._act("waiver", {"reason": "Goodwill."})
        else:
            await self._go_on()

    async def _go_on(self) -> None:
        dice = self._dice
        match self.claim["state"]:
            case "submitted":
                await self._until_judged()
            case "awaiting_dispatch":
                stop = self.cancel if "cancel" in self.claim["allowed_actions"] else self._some_days
                await dice.choices([self.ship_replacement, stop, self._some_days], [75, 10, 15])[0]()
            case "awaiting_return":
                home = 25 if self._comes_back else 0
                choices = [self._some_days, self.hand_to_carrier, self.parcel_arrives, self._more_days]
                await dice.choices(
                    [*choices, self.wait_until_due], [45, home / 3, home, 8, 10 if self._comes_back else 40]
                )[0]()
            case "inspecting":
                await self._look_into_the_box()
            case "awaiting_parts":
                choices = [self.pay_for_parts, self.parcel_arrives, self._some_days, self.wait_until_due]
                await dice.choices(choices, [30, 20, 20, 30])[0]()
            case _:  # a cure is waited for, or a late return
                await dice.choices([self.parcel_arrives, self._some_days, self.wait_until_due], [30, 20, 50])[0]()

    async def _until_judged(self) -> None:
        """Six lost responses in a row, of hold or fee, take a minute: the retries back off."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_JUDGED_SECONDS):
                while (await self._client.get(self._path()))["state"] == "submitted":
                    await asyncio.sleep(1)

    async def _some_days(self) -> None:
        await self.wait_days(self._dice.randint(1, 6))

    async def _more_days(self) -> None:
        await self.extend(self._dice.randint(1, 7))

    async def _look_into_the_box(self) -> None:
        box = self._dice.random()
        if box < 0.15:
            await self._some_days()
        elif box < 0.3:
            await self.inspect(serial="WRONG1")
        elif box < 0.4:
            await self.inspect(serial=self.claim["replacement_serial_number"])
        elif box < 0.5:
            await self.inspect(without="propellers")
        else:
            await self.inspect()
