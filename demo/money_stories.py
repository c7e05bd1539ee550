"""The demo's stories of a card: a hold that lives as long as its claim, and one that could not be kept."""

from __future__ import annotations

from typing import Final

from demo.case import Case, Ending
from demo.story import Story

_REMINDED: Final = frozenset({"due_minus_3", "due_minus_1", "due_day"})
_PREMIUM: Final = frozenset({"settlement", "shipped", "rebind", "extended"})


async def _a_month(case: Case) -> None:
    await case.claim_express("premium", "collision")
    await case.ship_replacement()
    await case.wait_days(10)
    await case.extend(7)
    await case.wait_days(7)
    await case.hand_to_carrier()
    await case.wait_until_due()
    await case.wait_days(3)
    await case.parcel_arrives()
    await case.inspect(serial="MINISEX99")
    await case.wait_days(2)
    await case.parcel_arrives()
    await case.inspect()


async def _nothing_returned(case: Case, card: str) -> None:
    await case.claim_express("premium", "collision", card=card)
    await case.ship_replacement()
    await case.wait_days(2)
    await case.extend(7)
    await case.wait_until_due()


async def _saved_card(case: Case) -> None:
    await _nothing_returned(case, "pm_card_heldTwice")
    await case.wait_until_due()


async def _owed(case: Case) -> None:
    await _nothing_returned(case, "pm_card_heldTwiceOnly")
    await case.claim_again()
    await case.wait_until_due()


MONEY: Final = (
    Story(
        title="A month on one hold",
        customer="Pia Lindqvist",
        model="mini-se",
        region="US",
        plot="A hold on a Visa card dies after 7 days, a renewed one after less than 5. The window is 14 days, staff "
        "give 7 more, the carrier is slow, and the first box holds the wrong unit.",
        play=_a_month,
        moral="Each time the new hold came first and the old one went then. It cost the fee alone.",
        told=Ending(
            outcome="hold_released",
            fee="USD 39.00",
            hold="USD 149.00 released",
            captured="USD 0.00",
            paid="USD 39.00",
            left="1 of 2",
            mails=_PREMIUM | {"in_transit", "arrived x2", "inspected_mismatch", "released"},
        ),
    ),
    Story(
        title="A card that stops",
        customer="Quentin Roy",
        model="mini-se",
        region="US",
        plot="The second renewal is declined for good, no other card is named, and nothing comes back.",
        play=_saved_card,
        moral="Nothing is charged because a hold is about to lapse. The saved card is charged when the default is due.",
        told=Ending(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 expired",
            captured="USD 0.00",
            paid="USD 188.00",
            left="1 of 2",
            mails=_PREMIUM | _REMINDED | {"hold_at_risk", "charged"},
        ),
    ),
    Story(
        title="Nothing to charge",
        customer="Rosa Nilsson",
        model="mini-se",
        region="US",
        plot="The same again, and the saved card declines the default as well.",
        play=_owed,
        moral="What could not be charged is owed, and there is no new claim on the device until it is paid.",
        told=Ending(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 expired",
            captured="USD 0.00",
            paid="USD 39.00",
            left="1 of 2",
            answers=("refused R-CLM-7 R-RET-9",),
            mails=_PREMIUM | _REMINDED | {"hold_at_risk", "amount_owed"},
        ),
    ),
)
