"""Demo: scenarios of online repair and maintenance."""

from __future__ import annotations

from typing import Final

from demo.claim_steps import ClaimResult, ClaimSteps
from demo.scenario import ClaimScenario

_QUOTED: Final = frozenset({"repair_label", "arrived", "repair_quote"})
_IMPACT: Final = "Gimbal arm bent by an impact."


async def _quoted(steps: ClaimSteps) -> None:
    """The damaged device comes in and is quoted for."""
    await steps.claim_repair("collision", "It fell down the stairs.")
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.inspect()
    await steps.quote_repair(_IMPACT, 9800)


async def _paid_repair(steps: ClaimSteps) -> None:
    await _quoted(steps)
    await steps.wait_days(2)
    await steps.choose("paid_repair")
    await steps.wait_days(5)
    await steps.ship_back()


async def _replaced_instead(steps: ClaimSteps) -> None:
    await steps.claim_repair("water_damage", "It fell into the lake.")
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.inspect()
    await steps.quote_repair("Water on the main board.", 31000)
    await steps.wait_days(1)
    await steps.choose("replacement")
    await steps.wait_days(1)
    await steps.ship_replacement()


async def _no_answer(steps: ClaimSteps) -> None:
    await _quoted(steps)
    await steps.wait_days(32)  # one more for the hour that a change of clocks may take


async def _warranty(steps: ClaimSteps) -> None:
    await steps.claim_repair("natural_wear", "A motor stutters, without any accident.")
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.inspect()
    await steps.quote_repair("A bearing was faulty from the start.", 8000, warranty=True)
    await steps.wait_days(1)
    await steps.choose("warranty_repair")
    await steps.wait_days(3)
    await steps.ship_back()


async def _maintenance(steps: ClaimSteps) -> None:
    await steps.ask_for_code()
    await steps.ask_for_another_code()
    await steps.claim_maintenance()
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.wait_days(2)
    await steps.ship_back()


SERVICE_SCENARIOS: Final = (
    ClaimScenario(
        title="Repaired for a price",
        customer="Kira Olsen",
        model="air-3",
        region="US",
        given="The customer wants this very drone back and sends it in with a free label. The workshop quotes: "
        "all options are shown together, and the repair is the cheapest.",
        run=_paid_repair,
        then="A repair is paid for itself and uses nothing of the plan: both replacements are left.",
        expected=ClaimResult(
            outcome="repaired",
            fee="USD 98.00",
            paid="USD 98.00",
            left="2 of 2",
            answers=("replacement USD 124.00, paid repair USD 98.00, return free",),
            mails=_QUOTED | {"repaired"},
        ),
    ),
    ClaimScenario(
        title="Replaced instead",
        customer="Luca Conti",
        model="air-3",
        region="US",
        given="This one fell into a lake. A repair would cost more than twice the fee of a replacement.",
        run=_replaced_instead,
        then="The same quote, another option: the plan's replacement, for its fee and one use.",
        expected=ClaimResult(
            outcome="replaced",
            fee="USD 124.00",
            paid="USD 124.00",
            left="1 of 2",
            answers=("replacement USD 124.00, paid repair USD 310.00, return free",),
            mails=_QUOTED | {"replaced", "rebind"},
        ),
    ),
    ClaimScenario(
        title="No answer",
        customer="Mina Roth",
        model="air-3",
        region="EU",
        given="The quote is sent, and three reminders follow it. Nobody answers.",
        run=_no_answer,
        then="After 30 days the device goes home as it came. Nothing was paid, nothing used.",
        expected=ClaimResult(
            outcome="returned_unrepaired",
            fee="EUR 0.00",
            paid="EUR 0.00",
            left="2 of 2",
            answers=("replacement EUR 114.00, paid repair EUR 98.00, return free",),
            mails=_QUOTED | {"repair_reminder_7", "repair_reminder_23", "repair_reminder_29", "returned_unrepaired"},
        ),
    ),
    ClaimScenario(
        title="The maker's own fault",
        customer="Nils Berg",
        model="mini-3",
        region="US",
        given="A motor stutters without any accident, within the first year. The workshop finds a manufacturing fault.",
        run=_warranty,
        then="The warranty bears it: no fee, no use. Of four options it was the free one.",
        expected=ClaimResult(
            outcome="repaired",
            fee="USD 0.00",
            paid="USD 0.00",
            left="2 of 2",
            answers=("warranty repair free, replacement USD 72.00, paid repair USD 80.00, return free",),
            mails=_QUOTED | {"repaired"},
        ),
    ),
    ClaimScenario(
        title="Maintenance",
        customer="Olga Weiss",
        model="mavic-3",
        region="US",
        given="A Mavic 3 is due one free maintenance in its first year. A code starts it, and there is one code only.",
        run=_maintenance,
        then="One code, one device, one use: cleaned, checked, sent home, free of charge.",
        expected=ClaimResult(
            outcome="serviced",
            fee="USD 0.00",
            paid="USD 0.00",
            left="2 of 2",
            answers=("issued", "refused R-MNT-1"),
            mails=frozenset({"repair_label", "arrived", "serviced"}),
        ),
    ),
)
