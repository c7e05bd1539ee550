"""Workflow part: what becomes of a hold that somebody else has captured: kept, as far as it is due, and else refunded.

The sum taken decides: nothing is charged beside it. The caller holds the lock `GatewayRequests.step`.
"""

from dataclasses import dataclass
from typing import assert_never

from temporalio import workflow

from domain.hold import CapturedElsewhere, CapturedHold, CardHoldState, LapsedHold
from domain.kinds import Attention, HoldState
from domain.money import Money
from messages.payments import CaptureAccount, CapturedPart, PaymentRefunded, PaymentRefused, Payments
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_data import Division
from workflows.parts.hold_requests import HoldRequests


@dataclass(frozen=True)
class Divided:
    """The hold afterwards, and what was kept and refunded of it."""

    hold: CapturedHold
    kept: Money
    refunded: Money


class CapturedElsewhereSteps:
    """Sends the requests; it keeps no state."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests) -> None:
        self._record = record
        self._gateway = gateway
        self._requests = HoldRequests(record)

    async def divide(self, found: CapturedElsewhere, division: Division, account: CaptureAccount) -> Divided:
        """Book what is kept for `account`, and refund the rest."""
        kept, refund = division.kept, division.refund
        if kept and found.account != account:
            request = self._requests.keep_captured(found, kept, account)
            response = await self._gateway.send(Payments.keep_deposit, request, f"keep {kept} that was captured")
            if isinstance(response, PaymentRefused):
                self._gateway.report_refusal(f"keep {kept} that was captured", response)
            else:
                self._record.note("captured_kept", f"{kept} of what somebody else captured was kept.")
        refunded = await self._refund(found, refund) if refund else None
        hold = CapturedHold(
            found.ordinal,
            found.payment_id,
            found.amount,
            found.captured,
            found.refunded if refunded is None else refunded,
            found.expires_at,
        )
        return Divided(hold, kept, refund.zero() if refunded is None else refund)

    async def search(self) -> tuple[CapturedPart, ...]:
        """The captured holds of the claim of which something is kept."""
        response = await self._gateway.send(Payments.compare_payments, self._requests.compare(), "look for a capture")
        return () if isinstance(response, PaymentRefused) else response.holds

    async def _refund(self, found: CapturedElsewhere, amount: Money) -> Money | None:
        """The sum refunded of the payment so far; None when the gateway refused."""
        request = self._requests.refund_captured(found, amount)
        response = await self._gateway.send(Payments.refund_payment, request, f"refund {amount} that was captured")
        match response:
            case PaymentRefunded():
                self._record.note("captured_refunded", f"{amount} of what somebody else captured was refunded.")
                return response.refunded
            case PaymentRefused():
                self._gateway.report_refusal(f"give {amount} back", response)
                return None
            case _:
                assert_never(response)


def taken_over(part: CapturedPart) -> CapturedElsewhere:
    """The claim's hold from here on: one that somebody captured. The key that placed it ends with its ordinal."""
    return CapturedElsewhere(
        int(part.reference.rpartition(":")[2]),
        part.payment_id,
        part.hold.amount,
        part.hold.captured,
        part.hold.refunded,
        part.hold.expires_at,
        account=part.account,
    )


def note_end(record: ClaimRecord, before: CardHoldState, now: CardHoldState) -> None:
    """Write down that a hold has ended without a request of this claim, and flag it for people."""
    match now:
        case LapsedHold() as ended if ended != before:
            record.note("hold_ended", f"The gateway reports the hold as {ended.ended_as}.")
            # An expiry is what a hold does by itself; a release was somebody's.
            if ended.ended_as is HoldState.RELEASED and workflow.patched("release-elsewhere-is-flagged"):
                record.flag(Attention.PAYMENT_DIFFERS)
        case CapturedElsewhere() as found if found != before:
            record.unflag(Attention.HOLD_AT_RISK)
            record.flag(Attention.PAYMENT_DIFFERS)
            record.note(
                "hold_captured_elsewhere",
                f"{found.captured} of the hold was captured, and not by this claim; {found.refunded} is refunded.",
            )
        case _:
            pass
