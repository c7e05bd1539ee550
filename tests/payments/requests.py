"""Requests for the tests, with ordinary values by default, and the gateway behind them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Payment
from activities.payments.simulated.gateway import SimulatedGateway
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureHold,
    ChargeCard,
    ComparePayments,
    HoldPlaced,
    KeepDeposit,
    LookAtHold,
    RefundPayment,
    ReleaseHold,
)
from store.database import Database
from store.reads.ledger import LedgerView, ledger

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
CLAIM = "clm_a"
HOLD = Money(164_000, "USD")


def later(**duration: float) -> datetime:
    """That long after the tests' now."""
    return NOW + timedelta(**duration)


def parties(database: Database, **options: Any) -> tuple[GatewayPayments, SimulatedGateway]:
    """Payments and the gateway behind them."""
    gateway = SimulatedGateway(database, environment="development", **options)
    return GatewayPayments(gateway), gateway


def a_hold(**other: Any) -> AuthorizeHold:
    requested = {
        "subject": CLAIM,
        "key": f"{CLAIM}:authorize:0",
        "at": NOW,
        "amount": HOLD,
        "payment_method": "pm_card_visa",
    }
    return AuthorizeHold.model_validate(requested | other)


def a_charge(**other: Any) -> ChargeCard:
    requested = {
        "subject": CLAIM,
        "key": f"{CLAIM}:fee",
        "at": NOW,
        "amount": Money(15_900, "USD"),
        "payment_method": "pm_card_visa",
        "account": "service_fees",
    }
    return ChargeCard.model_validate(requested | other)


def a_capture(hold_id: str, **other: Any) -> CaptureHold:
    requested = {
        "subject": CLAIM,
        "key": f"{CLAIM}:capture",
        "at": later(days=5),
        "hold_id": hold_id,
        "amount": HOLD,
        "account": "default_charges",
    }
    return CaptureHold.model_validate(requested | other)


def a_release(hold_id: str, **other: Any) -> ReleaseHold:
    requested = {"subject": CLAIM, "key": f"{CLAIM}:release:0", "at": later(days=4), "hold_id": hold_id}
    return ReleaseHold.model_validate(requested | other)


def a_refund(payment_id: str, **other: Any) -> RefundPayment:
    requested = {
        "subject": CLAIM,
        "key": f"{CLAIM}:refund:0",
        "at": later(days=20),
        "payment_id": payment_id,
        "amount": HOLD,
        "account": "default_charges",
    }
    return RefundPayment.model_validate(requested | other)


def a_look(hold_id: str, **other: Any) -> LookAtHold:
    requested = {"subject": CLAIM, "key": f"{CLAIM}:look:0", "at": later(days=4), "hold_id": hold_id}
    return LookAtHold.model_validate(requested | other)


def a_deposit_kept(**other: Any) -> KeepDeposit:
    requested = {
        "subject": CLAIM,
        "key": f"{CLAIM}:keep:0",
        "at": later(days=20),
        "amount": HOLD,
        "account": "default_charges",
    }
    return KeepDeposit.model_validate(requested | other)


def a_comparison(**other: Any) -> ComparePayments:
    requested = {"subject": CLAIM, "key": f"{CLAIM}:compare", "at": later(days=20), "currency": "USD"}
    return ComparePayments.model_validate(requested | other)


async def hold_placed(payments: GatewayPayments, **other: Any) -> str:
    """The id of a hold that was placed."""
    result = await payments.authorize_hold(a_hold(**other))
    assert isinstance(result, HoldPlaced)
    return result.payment_id


async def booked(database: Database, subject: str = CLAIM) -> LedgerView:
    """The ledger as it stands; double entry is checked on the way."""
    async with database.snapshot() as session:
        view = await ledger(session, subject)
    for currency in {line.currency for line in view.entries}:
        assert sum(line.amount for line in view.entries if line.currency == currency) == 0
    return view


async def only_payment(gateway: SimulatedGateway, at: datetime = NOW) -> Payment:
    """The one payment made for the claim."""
    (payment,) = await gateway.find(CLAIM, at=at)
    return payment
