"""The demo's stories of Care Express and Flyaway, and the whole list: who, what happens, and how it has to end."""

from __future__ import annotations

from typing import Final

from demo.case import Case, Ending
from demo.cover_stories import COVER
from demo.money_stories import MONEY
from demo.repair_stories import REPAIRS
from demo.story import AnyStory, Story

_REMINDED: Final = frozenset({"due_minus_3", "due_minus_1", "due_day"})
_PREMIUM: Final = frozenset({"settlement", "shipped", "rebind"})
_BOX: Final = frozenset({"arrived"})


async def _good_return(case: Case) -> None:
    await case.claim_express("premium", "collision")
    await case.ship_replacement()
    await case.wait_days(6)
    await case.parcel_arrives()
    await case.inspect()


async def _nothing_returned(case: Case) -> None:
    await case.claim_express("premium", "water_damage")
    await case.ship_replacement()
    await case.wait_until_due()
    await case.wait_until_due()


async def _wrong_serial(case: Case) -> None:
    await case.claim_express("premium", "collision")
    await case.ship_replacement()
    await case.wait_days(8)
    await case.parcel_arrives()
    await case.inspect(serial="AIR3X99")
    await case.wait_until_due()  # the return was due anyway,
    await case.wait_until_due()  # now the time to put it right is over as well,
    await case.wait_until_due()  # and now the time for a refund.


async def _missing_battery(case: Case) -> None:
    await case.claim_express("premium", "water_damage", replace_battery=True)
    await case.ship_replacement()
    await case.wait_days(5)
    await case.parcel_arrives()
    await case.inspect(without="battery")
    await case.wait_until_due()
    await case.wait_until_due()


async def _missing_propellers(case: Case) -> None:
    await case.claim_express("premium", "collision")
    await case.ship_replacement()
    await case.wait_days(8)
    await case.parcel_arrives()
    await case.inspect(without="propellers")
    await case.wait_days(1)
    await case.pay_for_parts()


async def _late_return(case: Case) -> None:
    await case.claim_express("premium", "natural_wear")
    await case.ship_replacement()
    await case.wait_until_due()
    await case.wait_days(4)
    await case.parcel_arrives()
    await case.inspect()


async def _in_transit(case: Case) -> None:
    await case.claim_express("premium", "collision")
    await case.ship_replacement()
    await case.wait_days(6)
    await case.hand_to_carrier()
    await case.wait_until_due()
    await case.wait_days(2)
    await case.parcel_arrives()
    await case.inspect()


async def _cancelled(case: Case) -> None:
    await case.claim_express("premium", "water_damage")
    await case.cancel()


async def _flyaway(case: Case) -> None:
    await case.claim_flyaway()
    await case.wait_days(1)
    await case.approve()
    await case.wait_days(1)
    await case.ship_replacement()


async def _standard(case: Case) -> None:
    await case.claim_express("standard", "collision")
    await case.wait_days(7)
    await case.parcel_arrives()
    await case.inspect()
    await case.wait_days(1)
    await case.ship_replacement()


REPLACEMENTS: Final = (
    Story(
        title="Back in time",
        customer="Ada Marsh",
        model="mavic-3",
        region="US",
        plot="A Mavic 3 hits a tree. Care Express Premium: the replacement ships at once, and the product's worth is "
        "only held on the card. The damaged drone comes back on day 6, well within its 14 days.",
        play=_good_return,
        moral="The right unit came back complete and in time: the hold is released, the fee is all it cost.",
        told=Ending(
            outcome="hold_released",
            fee="USD 159.00",
            hold="USD 1640.00 released",
            captured="USD 0.00",
            paid="USD 159.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"released"},
        ),
    ),
    Story(
        title="Nothing comes back",
        customer="Bruno Keller",
        model="mini-se",
        region="US",
        plot="The replacement ships, three reminders go out, and the damaged unit never arrives.",
        play=_nothing_returned,
        moral="The second after the last day the whole hold is captured. Ten days later nothing is refunded any more.",
        told=Ending(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 captured",
            captured="USD 149.00",
            paid="USD 188.00",
            left="1 of 2",
            mails=_PREMIUM | _REMINDED | {"charged"},
        ),
    ),
    Story(
        title="The wrong unit",
        customer="Cleo Ortega",
        model="air-3",
        region="EU",
        plot="A box arrives on day 8 of 10, with another drone in it: its serial number is not the claim's. The "
        "customer has three days from the notice to put it right, and does not.",
        play=_wrong_serial,
        moral="A wrong unit is not charged at once: there is time to put it right. After that the hold is captured.",
        told=Ending(
            outcome="default_charged",
            fee="EUR 114.00",
            hold="EUR 810.00 captured",
            captured="EUR 810.00",
            paid="EUR 924.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"due_minus_3", "inspected_mismatch", "charged"},
        ),
    ),
    Story(
        title="Battery missing",
        customer="Daichi Mori",
        model="mavic-3",
        region="US",
        plot="The claim asked for a new battery as well, so the old one has to come back with the drone. It is not in "
        "the box, and does not follow.",
        play=_missing_battery,
        moral="Whoever gets a new battery returns the old one: without it the return does not count.",
        told=Ending(
            outcome="default_charged",
            fee="USD 159.00",
            hold="USD 1640.00 captured",
            captured="USD 1640.00",
            paid="USD 1799.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"inspected_mismatch", "charged"},
        ),
    ),
    Story(
        title="Propellers missing",
        customer="Edda Lund",
        model="mavic-3-pro",
        region="US",
        plot="The right drone comes back in time, without its propellers. The customer may send them or pay for them.",
        play=_missing_propellers,
        moral="A missing part costs its own price: that much of the hold is captured, the rest is let go.",
        told=Ending(
            outcome="parts_charged",
            fee="USD 255.00",
            hold="USD 1760.00 captured",
            captured="USD 12.00",
            paid="USD 267.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"inspected_parts", "charged"},
        ),
    ),
    Story(
        title="Back, but too late",
        customer="Finn Doyle",
        model="mini-3",
        region="US",
        plot="The window ends, the hold is captured. Four days later the parcel does arrive, with everything in it.",
        play=_late_return,
        moral="Up to ten days after the last day a good return is refunded.",
        told=Ending(
            outcome="late_return_refunded",
            fee="USD 72.00",
            hold="USD 330.00 captured",
            captured="USD 330.00",
            refunded="USD 330.00",
            paid="USD 72.00",
            left="1 of 2",
            mails=_PREMIUM | _REMINDED | _BOX | {"charged", "refund"},
        ),
    ),
    Story(
        title="Still on its way",
        customer="Gwen Archer",
        model="mavic-3",
        region="EU",
        plot="The carrier takes the parcel on day 6 of 10 and is slow. On the last day it is still in transit.",
        play=_in_transit,
        moral="What the carrier took in time has five days more: the charge is postponed, then the hold is released.",
        told=Ending(
            outcome="hold_released",
            fee="EUR 146.00",
            hold="EUR 1509.00 released",
            captured="EUR 0.00",
            paid="EUR 146.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"in_transit", "released"},
        ),
    ),
    Story(
        title="Cancelled in time",
        customer="Hana Novak",
        model="osmo-action-4",
        region="US",
        plot="The customer thinks better of it before the warehouse has shipped anything.",
        play=_cancelled,
        moral="Everything is undone: the hold is released, the fee refunded, the use of the plan given back.",
        told=Ending(
            outcome="cancelled",
            fee="USD 30.00",
            hold="USD 180.00 released",
            captured="USD 0.00",
            refunded="USD 30.00",
            paid="USD 0.00",
            left="2 of 2",
            mails=frozenset({"settlement", "cancelled"}),
        ),
    ),
    Story(
        title="Flown away",
        customer="Ivo Petrov",
        model="mavic-3",
        region="US",
        plot="The drone is lost over the bay. Staff check the flight record; the fee is charged when they approve.",
        play=_flyaway,
        moral="Nothing can come back, so nothing is held: the flyaway fee buys the replacement.",
        told=Ending(
            outcome="replaced",
            fee="USD 739.00",
            paid="USD 739.00",
            left="1 of 2",
            mails=frozenset({"settlement", "flyaway_approved", "replaced", "rebind"}),
        ),
    ),
    Story(
        title="Standard: unit first",
        customer="Jun Sato",
        model="air-3",
        region="JP",
        plot="Premium is not offered in Japan. With Standard the damaged unit is sent in first, and nothing is held.",
        play=_standard,
        moral="The unit passed, so the replacement was shipped. The fee is all it cost.",
        told=Ending(
            outcome="replaced",
            fee="JPY 18600",
            paid="JPY 18600",
            left="1 of 2",
            mails=_BOX | {"settlement", "replaced", "rebind"},
        ),
    ),
)

STORIES: Final[tuple[AnyStory, ...]] = (*REPLACEMENTS, *MONEY, *REPAIRS, *COVER)
