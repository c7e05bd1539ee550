"""Benchmarks: Premium claims that wait for the original, opened through the API's client.

Devices and their cover are there already (benchmarks/covered.py); the claims are real from the first message on.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from api.claim_commands import TemporalUnavailable
from api.temporal_client import TemporalClaimCommands
from benchmarks.covered import MODEL, REGION, lineage_of
from domain.claim import Claim, Incident
from domain.kinds import Action, Cause, ClaimState, Service, Tier
from domain.money import Money
from messages.claims import ClaimAccepted, Dispatch, ExtendReturn, PaymentChanged, ShipTo, SubmitCareExpress
from messages.ids import new_id

_TRIES: Final = 20
_HOME: Final = ShipTo(name="Ada Marsh", line1="1 Sky Road", city="Portland", postal_code="97201", country="US")


class NotOpened(Exception):
    """A claim did not get as far as waiting for its original."""


def claim_id(serial: str) -> str:
    """The claim of the device `serial`."""
    return new_id("clm", f"waiting:{serial}")


async def open_claims(claim_commands: TemporalClaimCommands, serials: Iterable[str], at_once: int) -> None:
    """Submit a claim for each of these devices and ship its replacement. Raises NotOpened when that does not work."""
    waiting = iter(serials)

    async def one_after_another() -> None:
        for serial in waiting:
            await open_claim(claim_commands, serial)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one_after_another())


async def open_claim(claim_commands: TemporalClaimCommands, serial: str) -> Claim:
    """The claim of device `serial`, waiting for the original."""
    ask, provisional = submission(serial)
    answer = None
    for _ in range(_TRIES):
        answer = await claim_commands.submit(
            ask, provisional, f"Premium · Mavic 3 · SN {serial} · collision", f"s{serial}"
        )
        if answer is not None:
            break
    if not isinstance(answer, ClaimAccepted):
        raise NotOpened(f"device {serial}: {answer}")
    decision = Dispatch(actor="warehouse", replacement_serial_number=f"{serial}B")
    for last in (False, False, True):
        try:
            claim = await claim_commands.decide(claim_id(serial), Action.DISPATCH, decision, f"d{serial}")
            break
        except TemporalUnavailable:  # the machine has other things to do; the same message again is the same decision
            if last:
                raise
    if claim.state is not ClaimState.AWAITING_RETURN:
        raise NotOpened(f"device {serial}: {claim.state}")
    return claim


async def extend(claim_commands: TemporalClaimCommands, serial: str) -> Claim:
    """Give the customer of device `serial` one day more; a claim is extended once only."""
    decision = ExtendReturn(actor="staff", days=1, reason="Away.")
    return await claim_commands.decide(claim_id(serial), Action.EXTENSION, decision, f"e{serial}")


async def tell(claim_commands: TemporalClaimCommands, serial: str) -> None:
    """News of a payment that is not this claim's: it wakes the claim up and changes nothing. Nobody answers."""
    await claim_commands.send_event(
        claim_id(serial), PaymentChanged(event_id=f"n{serial}", actor="gateway", payment_id="pay_none")
    )


def submission(serial: str) -> tuple[SubmitCareExpress, Claim]:
    """What starts the claim of device `serial`, and the claim as the API would tell it meanwhile."""
    now = datetime.now(UTC).replace(microsecond=0)
    incident = Incident(Cause.COLLISION, now - timedelta(hours=3), "It hit a tree.")
    ask = SubmitCareExpress(
        claim_id=claim_id(serial),
        serial_number=serial,
        tier=Tier.PREMIUM,
        incident=incident,
        replace_battery=False,
        payment_method="pm_card_visa",
        ship_to=_HOME,
        accepted_terms=True,
        terms_version="2026-01",
    )
    provisional = Claim(
        id=ask.claim_id,
        service=Service.CARE_EXPRESS,
        tier=ask.tier,
        state=ClaimState.SUBMITTED,
        serial_number=ask.serial_number,
        model=MODEL,
        region=REGION,
        lineage_id=lineage_of(serial),
        opened_at=now,
        incident=incident,
        fee=Money(0, "USD"),
        amount_owed=Money(0, "USD"),
        wait_reason="for the submission to be judged",
    )
    return ask, provisional
