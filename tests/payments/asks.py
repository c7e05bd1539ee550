"""Requests for the tests, ordinary unless told otherwise, and what is behind them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from activities.gateway import Payment
from activities.payments import GatewayPayments
from activities.simulated_gateway import SimulatedGateway
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    ChargeCard,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    RefundPayment,
    ReleaseHold,
)
from store.database import Database
from store.ledger_view import LedgerView, ledger

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
CLAIM = "clm_a"
HOLD = Money(164_000, "USD")


def later(**duration: float) -> datetime:
    """That long after the tests' now."""
    return NOW + timedelta(**duration)


def parties(database: Database, **gateway: Any) -> tuple[GatewayPayments, SimulatedGateway]:
    """Payments and the gateway behind them."""
    wire = SimulatedGateway(database, environment="development", **gateway)
    return GatewayPayments(wire), wire


def a_hold(**other: Any) -> AuthorizeHold:
    asked = {
        "subject": CLAIM,
        "key": f"{CLAIM}:authorize:0",
        "at": NOW,
        "amount": HOLD,
        "payment_method": "pm_card_visa",
    }
    return AuthorizeHold.model_validate(asked | other)


def a_charge(**other: Any) -> ChargeCard:
    asked = {
        "subject": CLAIM,
        "key": f"{CLAIM}:fee",
        "at": NOW,
        "amount": Money(15_900, "USD"),
        "payment_method": "pm_card_visa",
        "account": "service_fees",
    }
    return ChargeCard.model_validate(asked | other)


def a_capture(hold_id: str, **other: Any) -> CaptureHold:
    asked = {
        "subject": CLAIM,
        "key": f"{CLAIM}:capture",
        "at": later(days=5),
        "hold_id": hold_id,
        "amount": HOLD,
        "account": "default_charges",
    }
    return CaptureHold.model_validate(asked | other)


def a_release(hold_id: str, **other: Any) -> ReleaseHold:
    asked = {"subject": CLAIM, "key": f"{CLAIM}:release:0", "at": later(days=4), "hold_id": hold_id}
    return ReleaseHold.model_validate(asked | other)


def a_refund(payment_id: str, **other: Any) -> RefundPayment:
    asked = {
        "subject": CLAIM,
        "key": f"{CLAIM}:refund:0",
        "at": later(days=20),
        "payment_id": payment_id,
        "amount": HOLD,
        "account": "default_charges",
    }
    return RefundPayment.model_validate(asked | other)


def a_look(hold_id: str, **other: Any) -> LookAtHold:
    asked = {"subject": CLAIM, "key": f"{CLAIM}:look:0", "at": later(days=4), "hold_id": hold_id}
    return LookAtHold.model_validate(asked | other)


def a_keeping(**other: Any) -> KeepDeposit:
    asked = {
        "subject": CLAIM,
        "key": f"{CLAIM}:keep:0",
        "at": later(days=20),
        "amount": HOLD,
        "account": "default_charges",
    }
    return KeepDeposit.model_validate(asked | other)


async def hold_placed(payments: GatewayPayments, **other: Any) -> str:
    """The id of a hold that was placed."""
    answer = await payments.authorize_hold(a_hold(**other))
    assert isinstance(answer, HoldPlaced)
    return answer.payment_id


async def booked(database: Database, subject: str = CLAIM) -> LedgerView:
    """The ledger as it stands; double entry is checked on the way."""
    async with database.reading() as session:
        view = await ledger(session, subject)
    for currency in {line.currency for line in view.entries}:
        assert sum(line.amount for line in view.entries if line.currency == currency) == 0
    return view


async def only_payment(gateway: SimulatedGateway, at: datetime = NOW) -> Payment:
    """The one payment made for the claim."""
    (payment,) = await gateway.find(CLAIM, at=at)
    return payment
