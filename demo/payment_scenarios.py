"""Demo: scenarios of holds: one renewed as long as its claim is open, and one that could not be renewed."""

from __future__ import annotations

from typing import Final

from demo.claim_steps import ClaimResult, ClaimSteps
from demo.scenario import ClaimScenario

_REMINDED: Final = frozenset({"due_minus_3", "due_minus_1", "due_day"})
_PREMIUM: Final = frozenset({"settlement", "shipped", "rebind", "extended"})


async def _a_month(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()
    await steps.wait_days(10)
    await steps.extend(7)
    await steps.wait_days(7)
    await steps.hand_to_carrier()
    await steps.wait_until_due()
    await steps.wait_days(3)
    await steps.parcel_arrives()
    await steps.inspect(serial="MINISEX99")
    await steps.wait_days(2)
    await steps.parcel_arrives()
    await steps.inspect()


async def _nothing_returned(steps: ClaimSteps, card: str) -> None:
    await steps.claim_express("premium", "collision", card=card)
    await steps.ship_replacement()
    await steps.wait_days(2)
    await steps.extend(7)
    await steps.wait_until_due()


async def _saved_card(steps: ClaimSteps) -> None:
    await _nothing_returned(steps, "pm_card_heldTwice")
    await steps.wait_until_due()


async def _owed(steps: ClaimSteps) -> None:
    await _nothing_returned(steps, "pm_card_heldTwiceOnly")
    await steps.claim_again()
    await steps.wait_until_due()


PAYMENT_SCENARIOS: Final = (
    ClaimScenario(
        title="A month on one hold",
        customer="Pia Lindqvist",
        model="mini-se",
        region="US",
        given="A hold on a Visa card dies after 7 days, a renewed one after less than 5. The window is 14 days, staff "
        "give 7 more, the carrier is slow, and the first box holds the wrong unit.",
        run=_a_month,
        then="Each time the new hold came first and the old one went then. It cost the fee alone.",
        expected=ClaimResult(
            outcome="hold_released",
            fee="USD 39.00",
            hold="USD 149.00 released",
            captured="USD 0.00",
            paid="USD 39.00",
            left="1 of 2",
            mails=_PREMIUM | {"in_transit", "arrived x2", "inspected_mismatch", "released"},
        ),
    ),
    ClaimScenario(
        title="A card that stops",
        customer="Quentin Roy",
        model="mini-se",
        region="US",
        given="The second renewal is declined for good, no other card is named, and nothing comes back.",
        run=_saved_card,
        then="Nothing is charged because a hold is about to lapse. The saved card is charged when the default is due.",
        expected=ClaimResult(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 expired",
            captured="USD 0.00",
            paid="USD 188.00",
            left="1 of 2",
            mails=_PREMIUM | _REMINDED | {"hold_at_risk", "charged"},
        ),
    ),
    ClaimScenario(
        title="Nothing to charge",
        customer="Rosa Nilsson",
        model="mini-se",
        region="US",
        given="The same again, and the saved card declines the default as well.",
        run=_owed,
        then="What could not be charged is owed, and there is no new claim on the device until it is paid.",
        expected=ClaimResult(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 expired",
            captured="USD 0.00",
            paid="USD 39.00",
            owed="USD 149.00",
            left="1 of 2",
            answers=("refused R-CLM-7 R-RET-9",),
            mails=_PREMIUM | _REMINDED | {"hold_at_risk", "amount_owed"},
        ),
    ),
)
