"""What the payments state machine tests, and its model of a payment."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import KeyReused, Payment
from activities.payments.simulated.gateway import SimulatedGateway
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    CardCharged,
    ChargeCard,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    RefundPayment,
    ReleaseHold,
)
from store.database import Database
from store.reads.ledger import ledger

Request = AuthorizeHold | CaptureHold | ReleaseHold | LookAtHold | ChargeCard | RefundPayment | KeepDeposit
Result = HoldPlaced | CardCharged | PaymentRefunded | PaymentDeclined | PaymentRefused | None


@dataclass
class ExpectedPayment:
    """The model of one payment."""

    id: str
    amount: Money
    expires_at: datetime | None
    state: str
    captured: int = 0
    refunded: int = 0
    expiry_booked: bool = False


@dataclass
class PaymentsUnderTest:
    """What is tested, and the loop it runs in: hypothesis calls rules, not coroutines."""

    database: Database
    loop: asyncio.AbstractEventLoop
    gateway_type: type[SimulatedGateway] = SimulatedGateway
    payments: type[GatewayPayments] = GatewayPayments
    lose_next_response: bool = field(default=False)
    """Whether the next result gets lost."""

    def __post_init__(self) -> None:
        self.gateway = self.gateway_type(self.database, environment="test", lose_responses=self._loses)
        self.payments_activities = self.payments(self.gateway)

    def _loses(self, _key: str) -> bool:
        lost, self.lose_next_response = self.lose_next_response, False
        return lost

    def send(self, request: Request) -> Result:
        """One attempt of an activity."""
        return self.loop.run_until_complete(self._send(request))

    async def _send(self, request: Request) -> Result:
        match request:
            case AuthorizeHold():
                return await self.payments_activities.authorize_hold(request)
            case CaptureHold():
                return await self.payments_activities.capture_hold(request)
            case ReleaseHold():
                return await self.payments_activities.release_hold(request)
            case LookAtHold():
                return await self.payments_activities.look_at_hold(request)
            case ChargeCard():
                return await self.payments_activities.charge_card(request)
            case RefundPayment():
                return await self.payments_activities.refund_payment(request)
            case KeepDeposit():
                await self.payments_activities.keep_deposit(request)
                return None

    def repeat_at_gateway(self, request: AuthorizeHold | ChargeCard, amount: Money) -> str | None:
        """The id of the payment that the gateway itself returns under the key; None when the key was reused."""
        method = self.gateway.authorize if isinstance(request, AuthorizeHold) else self.gateway.charge
        payment = method(
            amount,
            request.payment_method,
            subject=request.subject,
            key=request.key,
            at=request.at,
            sent_at=request.at,
            off_session=request.off_session,
        )
        try:
            return self.loop.run_until_complete(payment).id
        except KeyReused:
            return None

    def found(self, subject: str, at: datetime) -> dict[str, Payment]:
        """Every payment of the subject as the gateway has it."""
        payments = self.loop.run_until_complete(self.gateway.find(subject, at=at))
        return {payment.id: payment for payment in payments}

    def balances(self, subject: str) -> dict[str, dict[str, int]]:
        """The ledger's balances by account and currency."""

        async def read() -> Any:
            async with self.database.snapshot() as session:
                return (await ledger(session, subject)).balances

        balances = self.loop.run_until_complete(read())
        return {account: {m.currency: m.amount for m in amounts} for account, amounts in balances.items()}
