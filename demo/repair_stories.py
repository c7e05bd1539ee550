"""The demo's stories of the workbench: online repair and maintenance."""

from __future__ import annotations

from typing import Final

from demo.case import Case, Ending
from demo.story import Story

_QUOTED: Final = frozenset({"repair_label", "arrived", "repair_quote"})
_IMPACT: Final = "Gimbal arm bent by an impact."


async def _quoted(case: Case) -> None:
    """The damaged device comes in and is quoted for."""
    await case.claim_repair("collision", "It fell down the stairs.")
    await case.wait_days(4)
    await case.parcel_arrives()
    await case.inspect()
    await case.quote_repair(_IMPACT, 9800)


async def _paid_repair(case: Case) -> None:
    await _quoted(case)
    await case.wait_days(2)
    await case.choose("paid_repair")
    await case.wait_days(5)
    await case.ship_back()


async def _replaced_instead(case: Case) -> None:
    await case.claim_repair("water_damage", "It fell into the lake.")
    await case.wait_days(4)
    await case.parcel_arrives()
    await case.inspect()
    await case.quote_repair("Water on the main board.", 61000)
    await case.wait_days(1)
    await case.choose("replacement")
    await case.wait_days(1)
    await case.ship_replacement()


async def _no_answer(case: Case) -> None:
    await _quoted(case)
    await case.wait_days(32)  # one more for the hour that a change of clocks may take


async def _warranty(case: Case) -> None:
    await case.claim_repair("natural_wear", "A motor stutters, without any accident.")
    await case.wait_days(4)
    await case.parcel_arrives()
    await case.inspect()
    await case.quote_repair("A bearing was faulty from the start.", 8000, warranty=True)
    await case.wait_days(1)
    await case.choose("warranty_repair")
    await case.wait_days(3)
    await case.ship_back()


async def _maintenance(case: Case) -> None:
    await case.ask_for_code()
    await case.ask_for_another_code()
    await case.claim_maintenance()
    await case.wait_days(4)
    await case.parcel_arrives()
    await case.wait_days(2)
    await case.ship_back()


REPAIRS: Final = (
    Story(
        title="Repaired for a price",
        customer="Kira Olsen",
        model="air-3",
        region="US",
        plot="The customer wants this very drone back and sends it in with a free label. The workshop quotes for it: "
        "all the ways out are shown together, and the repair is the cheapest.",
        play=_paid_repair,
        moral="A repair is paid for itself and uses nothing of the plan: both replacements are left.",
        told=Ending(
            outcome="repaired",
            fee="USD 98.00",
            paid="USD 98.00",
            left="2 of 2",
            answers=("replacement USD 124.00, paid repair USD 98.00, return free",),
            mails=_QUOTED | {"repaired"},
        ),
    ),
    Story(
        title="Replaced instead",
        customer="Luca Conti",
        model="air-3",
        region="US",
        plot="This one fell into a lake. A repair would cost five times the fee of a replacement out of the plan.",
        play=_replaced_instead,
        moral="The same quote, another way out: the plan's replacement, for its fee and one use.",
        told=Ending(
            outcome="replaced",
            fee="USD 124.00",
            paid="USD 124.00",
            left="1 of 2",
            answers=("replacement USD 124.00, paid repair USD 610.00, return free",),
            mails=_QUOTED | {"replaced", "rebind"},
        ),
    ),
    Story(
        title="No answer",
        customer="Mina Roth",
        model="air-3",
        region="EU",
        plot="The quote is sent, and three reminders follow it. Nobody answers.",
        play=_no_answer,
        moral="After 30 days the device goes home as it came. Nothing was paid, nothing used.",
        told=Ending(
            outcome="returned_unrepaired",
            fee="EUR 0.00",
            paid="EUR 0.00",
            left="2 of 2",
            answers=("replacement EUR 114.00, paid repair EUR 98.00, return free",),
            mails=_QUOTED | {"repair_reminder_7", "repair_reminder_23", "repair_reminder_29", "returned_unrepaired"},
        ),
    ),
    Story(
        title="The maker's own fault",
        customer="Nils Berg",
        model="mini-3",
        region="US",
        plot="A motor stutters without any accident, within the first year. The workshop finds a fault of the maker's.",
        play=_warranty,
        moral="The warranty bears it: no fee, no use. Of four ways out it was the free one.",
        told=Ending(
            outcome="repaired",
            fee="USD 0.00",
            paid="USD 0.00",
            left="2 of 2",
            answers=("warranty repair free, replacement USD 72.00, paid repair USD 80.00, return free",),
            mails=_QUOTED | {"repaired"},
        ),
    ),
    Story(
        title="Maintenance",
        customer="Olga Weiss",
        model="mavic-3",
        region="US",
        plot="A Mavic 3 is due one free maintenance in its first year. A code starts it, and there is one code only.",
        play=_maintenance,
        moral="One code, one device, one use: cleaned, checked, sent home, free of charge.",
        told=Ending(
            outcome="serviced",
            fee="USD 0.00",
            paid="USD 0.00",
            left="2 of 2",
            answers=("issued", "refused R-MNT-1"),
            mails=frozenset({"repair_label", "arrived", "serviced"}),
        ),
    ),
)
