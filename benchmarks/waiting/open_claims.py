"""Benchmarks: Premium claims that wait for the original, opened through the API's client.

Devices and their cover are in the database already (benchmarks/devices.py).
"""

from collections.abc import Iterable
from typing import Final

from api.claim_commands import TemporalUnavailable
from api.temporal_client import TemporalClaimCommands
from benchmarks.concurrency import run_all
from benchmarks.premium_claim import PremiumClaim
from domain.kinds import Action, ClaimState
from messages.claims import ClaimAccepted, ExtendReturn, PaymentChanged

_ATTEMPTS: Final = 20
_DISPATCH_ATTEMPTS: Final = 3


class NotOpened(Exception):
    """A claim did not reach the state in which it waits for its original."""


def claim_id(serial: str) -> str:
    """The id of the claim of the device `serial`."""
    return PremiumClaim(serial).claim_id


async def open_claims(claim_commands: TemporalClaimCommands, serials: Iterable[str], at_once: int) -> None:
    """Submit a claim for each of these devices and dispatch its replacement, `at_once` at a time. Raises NotOpened."""
    await run_all(serials, at_once, lambda serial: _open(claim_commands, PremiumClaim(serial)))


async def _open(claim_commands: TemporalClaimCommands, claim: PremiumClaim) -> None:
    submission, provisional, serial = claim.submission(), claim.provisional(), claim.serial
    result = None
    for _ in range(_ATTEMPTS):
        result = await claim_commands.submit(submission, provisional, claim.summary, f"s{serial}")
        if result is not None:
            break
    if not isinstance(result, ClaimAccepted):
        raise NotOpened(f"device {serial}: {result}")
    dispatch = claim.dispatch()
    for attempt in range(1, _DISPATCH_ATTEMPTS + 1):
        try:
            dispatched = await claim_commands.decide(claim.claim_id, Action.DISPATCH, dispatch, f"d{serial}")
            break
        except TemporalUnavailable:  # the same key is the same decision
            if attempt == _DISPATCH_ATTEMPTS:
                raise
    if dispatched.state is not ClaimState.AWAITING_RETURN:
        raise NotOpened(f"device {serial}: {dispatched.state}")


async def extend(claim_commands: TemporalClaimCommands, serial: str) -> None:
    """Extend the return of device `serial` by one day; a claim can be extended once."""
    decision = ExtendReturn(actor="staff", days=1, reason="Away.")
    await claim_commands.decide(claim_id(serial), Action.EXTENSION, decision, f"e{serial}")


async def send_unrelated_event(claim_commands: TemporalClaimCommands, serial: str) -> None:
    """Signal a change of a payment that is not this claim's: the workflow runs and changes nothing."""
    event = PaymentChanged(event_id=f"n{serial}", actor="gateway", payment_id="pay_none")
    await claim_commands.send_event(claim_id(serial), event)
