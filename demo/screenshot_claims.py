"""Demo: the claims that are shown in the pictures of docs/images, in as many states as possible."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from demo.api_client import ApiClient
from demo.claim_steps import ClaimSteps
from demo.mailbox import Mailbox
from demo.scenarios import SCENARIOS

_COMPLETE: Final = ("Cancelled in time", "Flown away", "Back, but too late", "Nothing to charge")
"""Scenarios that are played to their end."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim that is played by `run` and then left as it is."""

    customer: str
    run: Callable[[ClaimSteps], Awaitable[None]]
    model: str = "mini-se"
    region: str = "US"


async def _shipped(steps: ClaimSteps) -> None:
    await steps.claim_express("premium", "collision")
    await steps.ship_replacement()


async def _arrived(steps: ClaimSteps) -> None:
    await _shipped(steps)
    await steps.wait_days(5)
    await steps.parcel_arrives()


async def _inspection_overdue(steps: ClaimSteps) -> None:
    await _arrived(steps)
    await steps.wait_days(4)


async def _serial_unclear(steps: ClaimSteps) -> None:
    await _arrived(steps)
    await steps.inspect(serial=steps.serial.replace("I", "1"))


async def _wrong_serial(steps: ClaimSteps) -> None:
    await _arrived(steps)
    await steps.inspect(serial="AIR3X99")


async def _parts_missing(steps: ClaimSteps) -> None:
    await _arrived(steps)
    await steps.inspect(without="propellers")


async def _not_returned(steps: ClaimSteps) -> None:
    await _shipped(steps)
    await steps.wait_until_due()


async def _good_return(steps: ClaimSteps) -> None:
    await _shipped(steps)
    await steps.wait_days(4)
    await steps.parcel_arrives()
    await steps.inspect()


async def _almost_due(steps: ClaimSteps) -> None:
    # This card's last renewal of the hold is over by then, so that the next payment is the capture.
    await steps.claim_express("premium", "collision", card="pm_card_mastercard")
    await steps.ship_replacement()
    await steps.wait_days(14)


CLAIMS: Final = (
    _Claim("Ada Marsh", lambda steps: steps.claim_express("standard", "water_damage"), "mavic-3"),
    _Claim("Bruno Keller", _inspection_overdue),
    _Claim("Cleo Ortega", _parts_missing, "mavic-3-pro"),
    _Claim("Daichi Mori", _serial_unclear),
    _Claim("Edda Lund", lambda steps: steps.claim_flyaway(), "mavic-3"),
    _Claim("Gwen Archer", _not_returned, "mini-3"),
    _Claim("Jun Sato", _arrived, "air-3"),
    _Claim("Hana Novak", lambda steps: steps.claim_express("premium", "collision"), "mini-3"),
    _Claim("Ivo Petrov", _shipped, "mavic-3"),
    _Claim("Finn Doyle", _good_return, "mavic-3"),
    _Claim("Pia Lindqvist", _wrong_serial, "mavic-3"),
    _Claim("Quentin Roy", _almost_due, "mavic-3"),
)
"""The last three are the claims of the timeline, of the details and of the pending activity."""


async def play_scenarios(client: ApiClient, mailbox: Mailbox) -> None:
    """Raises RequestRejected, ApiUnavailable."""
    scenarios = {scenario.title: scenario for scenario in SCENARIOS}
    for number, title in enumerate(_COMPLETE, 1):
        await scenarios[title].run_on(client, mailbox, number, lambda step: None)


async def play_claims(client: ApiClient, mailbox: Mailbox) -> list[str]:
    """The ids of `CLAIMS`. Raises RequestRejected, ApiUnavailable."""
    claim_ids = []
    for number, claim in enumerate(CLAIMS, len(_COMPLETE) + 1):
        steps = ClaimSteps(client, mailbox, number, claim, lambda step: None)
        await steps.register()
        await steps.buy_plan()
        await claim.run(steps)
        claim_ids.append(steps.claim["id"])
    return claim_ids
