"""What the soak holds claims against: a good claim passes, and each way of being wrong is named by its number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.gateway import Payment
from benchmarks.invariants import Facts, violations
from domain.claim import Claim, Hold
from domain.kinds import Attention, ClaimState, HoldState, Outcome, Service, Tier
from domain.money import Money
from store.ledger_view import LedgerLine

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
FEE, HOLD, NOTHING = Money(3_900, "USD"), Money(14_900, "USD"), Money(0, "USD")
FEE_PAID = Payment("pay_fee", "charge", "captured", FEE, FEE, NOTHING, None, "clm_a", "clm_a:fee")
FIRST = Payment(
    "pay_0", "hold", "released", HOLD, NOTHING, NOTHING, AT + timedelta(days=7), "clm_a", "clm_a:authorize:0"
)
SECOND = replace(FIRST, id="pay_1", reference="clm_a:authorize:1")
LIVE = replace(SECOND, status="authorized")
CLAIM = Claim(
    id="clm_a",
    service=Service.CARE_EXPRESS,
    tier=Tier.PREMIUM,
    state=ClaimState.CLOSED,
    outcome=Outcome.HOLD_RELEASED,
    serial_number="SN1",
    model="mini-se",
    region="US",
    lineage_id="lin_a",
    opened_at=AT,
    closed_at=AT + timedelta(days=9),
    dispatched_on=AT.date(),
    incident=None,
    fee=FEE,
    amount_owed=NOTHING,
    hold=Hold(HOLD, HoldState.RELEASED, NOTHING, NOTHING, AT + timedelta(days=7)),
)


def lines(key: str, at: datetime = AT, **amounts: int) -> list[LedgerLine]:
    return [LedgerLine(at, account, amount, "USD", f"clm_a:{key}") for account, amount in amounts.items()]


def placed(n: int) -> list[LedgerLine]:
    return lines(f"authorize:{n}", holds_open=HOLD.amount, holds_placed=-HOLD.amount)


def ended(n: int) -> list[LedgerLine]:
    return lines(f"authorize:{n}:released", AT + timedelta(days=6), holds_open=-HOLD.amount, holds_placed=HOLD.amount)


CHARGED = lines("fee", card=-FEE.amount, service_fees=FEE.amount)
GOOD = Facts(
    claim=CLAIM,
    payments=(FIRST, FEE_PAID, SECOND),
    lines=(*placed(0), *CHARGED, *placed(1), *ended(0), *ended(1)),
    events=("hold_authorized", "fee_charged"),
    ship_asked_at=AT + timedelta(seconds=1),
    at=AT + timedelta(days=9),
)
OPEN = replace(
    GOOD,
    claim=replace(CLAIM, state=ClaimState.AWAITING_RETURN, outcome=None, closed_at=None),
    payments=(FIRST, FEE_PAID, LIVE),
    lines=(*placed(0), *CHARGED, *placed(1), *ended(0)),
)
LAPSED = replace(OPEN, payments=(FIRST, FEE_PAID, replace(SECOND, status="expired")), lines=GOOD.lines)
CAPTURED = replace(SECOND, status="captured", captured=HOLD)
DEFAULT = lines(
    "capture",
    card=-HOLD.amount,
    default_charges=HOLD.amount,
    holds_open=-HOLD.amount,
    holds_placed=HOLD.amount,
)
DEFAULTED = replace(
    GOOD,
    claim=replace(CLAIM, outcome=Outcome.DEFAULT_CHARGED),
    payments=(FIRST, FEE_PAID, CAPTURED),
    lines=(*placed(0), *CHARGED, *placed(1), *ended(0), *DEFAULT),
)


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(GOOD, id="a good return"),
        pytest.param(OPEN, id="open"),
        pytest.param(DEFAULTED, id="a default"),
        pytest.param(
            replace(LAPSED, claim=replace(LAPSED.claim, attention=(Attention.HOLD_AT_RISK,))), id="a lapse explained"
        ),
        pytest.param(replace(LAPSED, events=("hold_at_risk",)), id="a lapse told"),
    ],
)
def test_what_is_right_passes(facts: Facts) -> None:
    assert violations(facts) == []


def wrong(facts: Facts, number: str, **changes: Any) -> Any:
    return pytest.param(replace(facts, **changes), number, id=f"{number}: {', '.join(changes)}")


@pytest.mark.parametrize(
    ("facts", "number"),
    [
        wrong(GOOD, "1, 3", lines=(*placed(0), *CHARGED, *placed(1), *ended(0))),
        wrong(DEFAULTED, "2", payments=(FIRST, FEE_PAID, replace(CAPTURED, refunded=HOLD + FEE))),
        wrong(DEFAULTED, "2", payments=(FIRST, FEE_PAID, replace(CAPTURED, captured=HOLD + FEE))),
        wrong(GOOD, "4", payments=(FIRST, FEE_PAID, replace(SECOND, captured=HOLD))),
        wrong(GOOD, "4", payments=(FIRST, replace(FEE_PAID, status="released"), SECOND)),
        wrong(GOOD, "5", payments=(FIRST, FEE_PAID, SECOND, replace(SECOND, id="pay_2"))),
        wrong(GOOD, "7", payments=(FIRST, FEE_PAID, LIVE)),
        wrong(OPEN, "7", payments=(replace(FIRST, status="authorized"), FEE_PAID, LIVE)),
        wrong(DEFAULTED, "7", payments=(replace(CAPTURED, id="pay_0"), FEE_PAID, SECOND)),
        wrong(LAPSED, "8", events=()),
        wrong(DEFAULTED, "9", lines=(*DEFAULTED.lines, *lines("more", card=-1, default_charges=1))),
        wrong(DEFAULTED, "9", claim=replace(DEFAULTED.claim, outcome=Outcome.HOLD_RELEASED)),
        wrong(GOOD, "9", payments=(FIRST, FEE_PAID, replace(FEE_PAID, id="pay_2", reference="clm_b:fee"), SECOND)),
        wrong(GOOD, "9", lines=(*GOOD.lines, *lines("kept", deposits=5, card=-5))),
        wrong(GOOD, "10", claim=replace(CLAIM, outcome=Outcome.CANCELLED, dispatched_on=None)),
        wrong(GOOD, "11", ship_asked_at=None),
        wrong(GOOD, "11", ship_asked_at=AT - timedelta(seconds=1)),
        wrong(GOOD, "12", events=("hold_declined",) * 30),
        wrong(GOOD, "13", lines=(*GOOD.lines, *lines("odd", service_fees=1))),
        wrong(GOOD, "14", lines=(*placed(0), *placed(1), *ended(0), *ended(1))),
        wrong(OPEN, "14", payments=(FIRST, FEE_PAID, SECOND)),
        wrong(
            GOOD,
            "14",
            claim=replace(CLAIM, hold=Hold(HOLD, HoldState.AUTHORIZED, NOTHING, NOTHING, AT)),
        ),
    ],
)
def test_what_is_wrong_is_named(facts: Facts, number: str) -> None:
    assert any(said.startswith(f"{number}:") for said in violations(facts)), violations(facts)
