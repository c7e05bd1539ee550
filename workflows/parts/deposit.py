"""Workflow part: a hold that was captured as a deposit (decision 13): kept, as far as it is due, and else refunded.

The caller holds the lock `GatewayRequests.step`.
"""

from typing import assert_never

from domain import hold as holds
from domain.hold import CapturedHold, DepositHold
from domain.money import Money
from messages.payments import CaptureAccount, PaymentRefunded, PaymentRefused, Payments
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_requests import HoldRequests


class DepositSteps:
    """Sends the requests; it keeps no state."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests) -> None:
        self._record = record
        self._gateway = gateway
        self._requests = HoldRequests(record)

    async def keep(self, deposit: DepositHold, amount: Money, account: CaptureAccount) -> CapturedHold:
        """Keep `amount` of the deposit and refund the rest. Returns the hold afterwards."""
        request = self._requests.keep_deposit(deposit, amount, account)
        response = await self._gateway.send(Payments.keep_deposit, request, f"keep {amount} of the deposit")
        if isinstance(response, PaymentRefused):
            self._gateway.report_refusal(f"keep {amount} of the deposit", response)
        else:
            self._record.note("deposit_kept", f"{amount} of the deposit was kept.")
        return await self.refund(deposit, deposit.amount - amount)

    async def refund(self, deposit: DepositHold, amount: Money) -> CapturedHold:
        """Refund `amount` of the deposit, which ends as a captured hold."""
        captured = CapturedHold(
            deposit.ordinal, deposit.payment_id, deposit.amount, deposit.amount, amount.zero(), deposit.expires_at
        )
        if not amount:
            return captured
        request = self._requests.refund_deposit(deposit, amount)
        response = await self._gateway.send(Payments.refund_payment, request, f"refund {amount} (deposit)")
        match response:
            case PaymentRefunded():
                self._record.note("deposit_refunded", f"{amount} of the deposit was refunded.")
                return holds.refunded(captured, response.refunded)
            case PaymentRefused():
                self._gateway.report_refusal(f"give {amount} back", response)
                return captured
            case _:
                assert_never(response)
