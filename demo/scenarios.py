"""Demo: scenarios of Care Express and flyaway, and the list of all scenarios."""

from __future__ import annotations

from typing import Final

from demo.claim_steps import ClaimResult, ClaimSteps
from demo.cover_scenarios import COVER_SCENARIOS
from demo.payment_scenarios import PAYMENT_SCENARIOS
from demo.scenario import ClaimScenario, Scenario
from demo.service_scenarios import SERVICE_SCENARIOS

_REMINDED: Final = frozenset({"due_minus_3", "due_minus_1", "due_day"})
_PREMIUM: Final = frozenset({"settlement", "shipped", "rebind"})
_BOX: Final = frozenset({"arrived"})


async def _good_return(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()
    await steps.wait_days(6)
    await steps.parcel_arrives()
    await steps.inspect()


async def _nothing_returned(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "water_damage")
    await steps.ship_replacement()
    await steps.wait_until_due()
    await steps.wait_until_due()


async def _wrong_serial(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()
    await steps.wait_days(8)
    await steps.parcel_arrives()
    await steps.inspect(serial="AIR3X99")
    await steps.wait_until_due()  # the return was due anyway,
    await steps.wait_until_due()  # now the time to put it right is over as well,
    await steps.wait_until_due()  # and now the time for a refund.


async def _missing_battery(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "water_damage", replace_battery=True)
    await steps.ship_replacement()
    await steps.wait_days(5)
    await steps.parcel_arrives()
    await steps.inspect(without="battery")
    await steps.wait_until_due()
    await steps.wait_until_due()


async def _missing_propellers(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()
    await steps.wait_days(8)
    await steps.parcel_arrives()
    await steps.inspect(without="propellers")
    await steps.wait_days(1)
    await steps.pay_for_parts()


async def _late_return(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "natural_wear")
    await steps.ship_replacement()
    await steps.wait_until_due()
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.inspect()


async def _in_transit(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()
    await steps.wait_days(6)
    await steps.hand_to_carrier()
    await steps.wait_until_due()
    await steps.wait_days(2)
    await steps.parcel_arrives()
    await steps.inspect()


async def _cancelled(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "water_damage")
    await steps.cancel()


async def _flyaway(steps: ClaimSteps) -> None:
    await steps.claim_flyaway()
    await steps.wait_days(1)
    await steps.approve()
    await steps.wait_days(1)
    await steps.ship_replacement()


async def _standard(steps: ClaimSteps) -> None:
    await steps.claim_express("standard", "collision")
    await steps.wait_days(7)
    await steps.parcel_arrives()
    await steps.inspect()
    await steps.wait_days(1)
    await steps.ship_replacement()


REPLACEMENT_SCENARIOS: Final = (
    ClaimScenario(
        title="Back in time",
        customer="Ada Marsh",
        model="mavic-3",
        region="US",
        given="A Mavic 3 hits a tree. Care Express Premium: the replacement ships at once, and the product's worth is "
        "only held on the card. The damaged drone comes back on day 6, well within its 14 days.",
        run=_good_return,
        then="The right unit came back complete and in time: the hold is released, the fee is all it cost.",
        expected=ClaimResult(
            outcome="hold_released",
            fee="USD 159.00",
            hold="USD 1640.00 released",
            captured="USD 0.00",
            paid="USD 159.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"released"},
        ),
    ),
    ClaimScenario(
        title="Nothing comes back",
        customer="Bruno Keller",
        model="mini-se",
        region="US",
        given="The replacement ships, three reminders go out, and the damaged unit never arrives.",
        run=_nothing_returned,
        then="The second after the last day the whole hold is captured. Ten days later nothing is refunded any more.",
        expected=ClaimResult(
            outcome="default_charged",
            fee="USD 39.00",
            hold="USD 149.00 captured",
            captured="USD 149.00",
            paid="USD 188.00",
            left="1 of 2",
            mails=_PREMIUM | _REMINDED | {"charged"},
        ),
    ),
    ClaimScenario(
        title="The wrong unit",
        customer="Cleo Ortega",
        model="air-3",
        region="EU",
        given="A box arrives on day 8 of 10, with another drone in it: its serial number is not the claim's. The "
        "customer has three days from the notice to put it right, and does not.",
        run=_wrong_serial,
        then="A wrong unit is not charged at once: there is time to put it right. After that the hold is captured.",
        expected=ClaimResult(
            outcome="default_charged",
            fee="EUR 114.00",
            hold="EUR 810.00 captured",
            captured="EUR 810.00",
            paid="EUR 924.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"due_minus_3", "inspected_mismatch", "charged"},
        ),
    ),
    ClaimScenario(
        title="Battery missing",
        customer="Daichi Mori",
        model="mavic-3",
        region="US",
        given="The claim asked for a new battery as well, so the old one has to come back with the drone. It is not in "
        "the box, and does not follow.",
        run=_missing_battery,
        then="Whoever gets a new battery returns the old one: without it the return does not count.",
        expected=ClaimResult(
            outcome="default_charged",
            fee="USD 159.00",
            hold="USD 1640.00 captured",
            captured="USD 1640.00",
            paid="USD 1799.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"inspected_mismatch", "charged"},
        ),
    ),
    ClaimScenario(
        title="Propellers missing",
        customer="Edda Lund",
        model="mavic-3-pro",
        region="US",
        given="The right drone comes back in time, without its propellers. The customer may send them or pay for them.",
        run=_missing_propellers,
        then="A missing part costs its own price: that much of the hold is captured, the rest is let go.",
        expected=ClaimResult(
            outcome="parts_charged",
            fee="USD 255.00",
            hold="USD 1760.00 captured",
            captured="USD 12.00",
            paid="USD 267.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"inspected_parts", "charged"},
        ),
    ),
    ClaimScenario(
        title="Back, but too late",
        customer="Finn Doyle",
        model="mini-3",
        region="US",
        given="The window ends, the hold is captured. Four days later the parcel does arrive, with everything in it.",
        run=_late_return,
        then="Up to ten days after the last day a good return is refunded.",
        expected=ClaimResult(
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
    ClaimScenario(
        title="Still on its way",
        customer="Gwen Archer",
        model="mavic-3",
        region="EU",
        given="The carrier takes the parcel on day 6 of 10 and is slow. On the last day it is still in transit.",
        run=_in_transit,
        then="What the carrier took in time has five days more: the charge is postponed, then the hold is released.",
        expected=ClaimResult(
            outcome="hold_released",
            fee="EUR 146.00",
            hold="EUR 1509.00 released",
            captured="EUR 0.00",
            paid="EUR 146.00",
            left="1 of 2",
            mails=_PREMIUM | _BOX | {"in_transit", "released"},
        ),
    ),
    ClaimScenario(
        title="Cancelled in time",
        customer="Hana Novak",
        model="osmo-action-4",
        region="US",
        given="The customer thinks better of it before the warehouse has shipped anything.",
        run=_cancelled,
        then="Everything is undone: the hold is released, the fee refunded, the use of the plan given back.",
        expected=ClaimResult(
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
    ClaimScenario(
        title="Flown away",
        customer="Ivo Petrov",
        model="mavic-3",
        region="US",
        given="The drone is lost over the bay. Staff check the flight record; the fee is charged when they approve.",
        run=_flyaway,
        then="Nothing can come back, so nothing is held: the flyaway fee buys the replacement.",
        expected=ClaimResult(
            outcome="replaced",
            fee="USD 739.00",
            paid="USD 739.00",
            left="1 of 2",
            mails=frozenset({"settlement", "flyaway_approved", "replaced", "rebind"}),
        ),
    ),
    ClaimScenario(
        title="Standard: unit first",
        customer="Jun Sato",
        model="air-3",
        region="JP",
        given="Premium is not offered in Japan. With Standard the damaged unit is sent in first, and nothing is held.",
        run=_standard,
        then="The unit passed, so the replacement was shipped. The fee is all it cost.",
        expected=ClaimResult(
            outcome="replaced",
            fee="JPY 18600",
            paid="JPY 18600",
            left="1 of 2",
            mails=_BOX | {"settlement", "replaced", "rebind"},
        ),
    ),
)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *REPLACEMENT_SCENARIOS,
    *PAYMENT_SCENARIOS,
    *SERVICE_SCENARIOS,
    *COVER_SCENARIOS,
)
