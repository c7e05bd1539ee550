"""What must agree between gateway, ledger, claim and workflow: each difference is found once, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.claim import Claim, Hold
from domain.kinds import Attention, ClaimState, HoldState
from domain.money import Money
from domain.reconciliation import AttemptFindingCode, Code, FindingCode
from domain.reconciliation_rules import (
    RESPONSE_OVERDUE_AFTER,
    GatewayPayment,
    LedgerSums,
    OpenAttempt,
    Subject,
    WorkflowStatus,
    findings,
)
from tests.domain.samples import awaiting_return, usd

CLAIM = awaiting_return()
PLACED = CLAIM.opened_at
AT = PLACED + timedelta(days=3)
AMOUNT, FEE, NOTHING = usd(88_000), usd(12_400), usd(0)
CODE = FindingCode
ATTEMPT = AttemptFindingCode


def hold(number: int = 0, **changes: Any) -> GatewayPayment:
    """A live hold, booked when it was placed."""
    ends = PLACED + timedelta(days=7)
    live = GatewayPayment(f"pay_{number}", "hold", "authorized", AMOUNT, NOTHING, NOTHING, ends, PLACED)
    return replace(live, **changes)


FEE_CHARGE = GatewayPayment("pay_fee", "charge", "captured", FEE, FEE, NOTHING, None, PLACED)
RELEASED = hold(status="released")
CAPTURED = hold(status="captured", captured=AMOUNT)
LAPSED = hold(capture_before=AT)


def ledger_sums(held: Money = AMOUNT, captured: Money = FEE, refunded: Money = NOTHING) -> tuple[LedgerSums, ...]:
    return (LedgerSums(held, captured, refunded),)


def claim(held: HoldState | None = HoldState.AUTHORIZED, captured: Money = NOTHING, **changes: Any) -> Claim:
    own = None if held is None else Hold(AMOUNT, held, captured, NOTHING, hold().capture_before)
    return replace(CLAIM, hold=own, **changes)


RUNNING = Subject(CLAIM.id, (hold(), FEE_CHARGE), ledger_sums(), claim(), WorkflowStatus.RUNNING)
CLOSED = replace(
    RUNNING,
    payments=(RELEASED, FEE_CHARGE),
    booked=ledger_sums(held=NOTHING),
    claim=claim(HoldState.RELEASED, state=ClaimState.CLOSED),
    workflow_status=None,
)
DEFAULTED = replace(
    CLOSED,
    payments=(CAPTURED, FEE_CHARGE),
    booked=ledger_sums(NOTHING, AMOUNT + FEE),
    claim=claim(HoldState.CAPTURED, AMOUNT, state=ClaimState.DEFAULTED),
)
REFUNDED = replace(
    DEFAULTED,
    payments=(replace(CAPTURED, refunded=AMOUNT), FEE_CHARGE),
    booked=ledger_sums(NOTHING, AMOUNT + FEE, AMOUNT),
)
PLAN = Subject("pln_a", (FEE_CHARGE,), ledger_sums(held=NOTHING))
RENEWED = replace(RUNNING, payments=(RELEASED, hold(1), FEE_CHARGE))
RENEWING = replace(
    RUNNING,
    payments=(hold(), hold(1, booked_at=AT - timedelta(minutes=59)), FEE_CHARGE),
    booked=ledger_sums(AMOUNT + AMOUNT),
)
AT_RISK = replace(
    CLOSED,
    payments=(hold(status="expired"), FEE_CHARGE),
    claim=claim(HoldState.EXPIRED, attention=(Attention.HOLD_AT_RISK,)),
)
DEPOSIT = replace(DEFAULTED, claim=claim(HoldState.CAPTURED, AMOUNT))
EUROS, NO_EUROS = Money(5, "EUR"), Money(0, "EUR")
IN_TWO_CURRENCIES = Subject(
    "pln_b",
    (FEE_CHARGE, replace(FEE_CHARGE, id="pay_eur", amount=EUROS, captured=EUROS, refunded=NO_EUROS)),
    (*ledger_sums(held=NOTHING), LedgerSums(NO_EUROS, EUROS, NO_EUROS)),
)


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(RUNNING, id="a hold in force"),
        pytest.param(CLOSED, id="a good return"),
        pytest.param(DEFAULTED, id="a default charge"),
        pytest.param(REFUNDED, id="a late return"),
        pytest.param(PLAN, id="a plan bought"),
        pytest.param(RENEWED, id="a renewed hold"),
        pytest.param(RENEWING, id="a renewal under way"),
        pytest.param(AT_RISK, id="a lapsed hold that people know of"),
        pytest.param(DEPOSIT, id="a deposit instead of a hold"),
        pytest.param(IN_TWO_CURRENCIES, id="two currencies"),
        pytest.param(Subject("clm_x", (), ()), id="nothing paid"),
        pytest.param(
            replace(RUNNING, payments=(LAPSED, FEE_CHARGE), claim=None, booked=ledger_sums(held=NOTHING)),
            id="long over",
        ),
    ],
)
def test_nothing_is_found_where_all_agree(subject: Subject) -> None:
    """Invariant 14."""
    assert findings(subject, AT) == ()


def ended(status: WorkflowStatus) -> Any:
    return pytest.param(
        replace(RUNNING, workflow_status=status), CODE.HOLD_WITHOUT_WORKFLOW, "pay_0", f"is {status}", id=status
    )


@pytest.mark.parametrize(
    ("subject", "code", "payment_id", "words"),
    [
        *(ended(status) for status in WorkflowStatus if status is not WorkflowStatus.RUNNING),
        pytest.param(
            replace(RUNNING, claim=None, workflow_status=WorkflowStatus.NOT_FOUND),
            CODE.HOLD_WITHOUT_WORKFLOW,
            "pay_0",
            "not found",
            id="a hold of an unknown claim",
        ),
        pytest.param(
            replace(RUNNING, payments=(hold(booked_at=None), FEE_CHARGE), booked=ledger_sums(held=NOTHING)),
            CODE.HOLD_NOT_IN_LEDGER,
            "pay_0",
            "never had it placed",
            id="a hold never booked",
        ),
        pytest.param(
            replace(RUNNING, booked=ledger_sums(held=NOTHING)),
            CODE.HOLD_NOT_IN_LEDGER,
            "",
            "the ledger has only USD 0.00",
            id="a live hold booked as ended",
        ),
        pytest.param(
            replace(CLOSED, booked=ledger_sums()),
            CODE.LEDGER_HOLD_NOT_AT_GATEWAY,
            "",
            "USD 880.00 held, the gateway USD 0.00: pay_0 (USD 880.00, released)",
            id="an ended hold booked as open",
        ),
        pytest.param(
            Subject("clm_x", (), ledger_sums(captured=NOTHING)),
            CODE.LEDGER_HOLD_NOT_AT_GATEWAY,
            "",
            "nothing",
            id="a hold the gateway lacks",
        ),
        pytest.param(
            replace(CLOSED, payments=(LAPSED, FEE_CHARGE), booked=ledger_sums()),
            CODE.LEDGER_HOLD_NOT_AT_GATEWAY,
            "",
            "authorized",
            id="a hold long over, booked as open",
        ),
        pytest.param(
            replace(DEFAULTED, booked=ledger_sums(NOTHING, FEE)),
            CODE.CAPTURED_DIFFERS,
            "",
            "took USD 1004.00",
            id="too much",
        ),
        pytest.param(
            replace(PLAN, payments=()), CODE.CAPTURED_DIFFERS, "", "took USD 0.00", id="a charge the gateway lacks"
        ),
        pytest.param(
            replace(REFUNDED, booked=DEFAULTED.booked),
            CODE.REFUNDED_DIFFERS,
            "",
            "gave back USD 880.00",
            id="a refund by hand",
        ),
        pytest.param(
            replace(DEFAULTED, booked=REFUNDED.booked),
            CODE.REFUNDED_DIFFERS,
            "",
            "says USD 880.00",
            id="a refund that never was",
        ),
        pytest.param(
            replace(PLAN, payments=(replace(FEE_CHARGE, booked_at=None),), booked=()),
            CODE.CHARGE_NOT_IN_LEDGER,
            "pay_fee",
            "charged USD 124.00",
            id="a charge never booked",
        ),
        pytest.param(
            replace(CLOSED, claim=claim()), CODE.CLAIM_DISAGREES, "", "is authorized", id="the claim is behind"
        ),
        pytest.param(
            replace(RUNNING, claim=claim(HoldState.RELEASED)),
            CODE.CLAIM_DISAGREES,
            "pay_0",
            "is released; at the gateway it is live",
            id="the claim is ahead",
        ),
        pytest.param(
            replace(RUNNING, claim=claim(None)), CODE.CLAIM_DISAGREES, "pay_0", "has no hold", id="unknown to the claim"
        ),
        pytest.param(
            replace(CLOSED, claim=claim(HoldState.CAPTURED, AMOUNT)),
            CODE.CLAIM_DISAGREES,
            "",
            "says USD 880.00 of its hold was taken",
            id="the claim says captured",
        ),
        pytest.param(
            replace(RUNNING, payments=(LAPSED, FEE_CHARGE), workflow_status=None),
            CODE.HOLD_EXPIRED_UNNOTICED,
            "pay_0",
            "its time was over",
            id="not noticed",
        ),
        pytest.param(
            replace(AT_RISK, claim=claim(HoldState.EXPIRED)),
            CODE.EXPIRED_WHILE_CLAIM_OPEN,
            "",
            "awaiting return and nothing is held",
            id="uncovered without a reason",
        ),
        pytest.param(
            replace(RENEWING, payments=(hold(), hold(1, booked_at=AT - timedelta(hours=1)), FEE_CHARGE)),
            CODE.TWO_LIVE_HOLDS,
            "",
            "2 holds are live",
            id="the old hold was never released",
        ),
    ],
)
def test_each_difference_is_found_once_and_alone(
    subject: Subject, code: FindingCode, payment_id: str, words: str
) -> None:
    (finding,) = findings(subject, AT)
    assert (finding.code, finding.subject, finding.payment_id) == (code, subject.id, payment_id)
    assert words in finding.message


@pytest.mark.parametrize(
    ("state", "uncovered"),
    [
        (ClaimState.AWAITING_DISPATCH, False),
        (ClaimState.AWAITING_RETURN, True),
        (ClaimState.INSPECTING, True),
        (ClaimState.AWAITING_CURE, True),
        (ClaimState.AWAITING_PARTS, True),
        (ClaimState.DEFAULTED, False),
        (ClaimState.CLOSED, False),
    ],
)
def test_a_claim_must_be_covered_from_dispatch_to_verdict(state: ClaimState, uncovered: bool) -> None:
    """Invariant 8."""
    subject = replace(AT_RISK, claim=claim(HoldState.EXPIRED, state=state))
    assert [finding.code for finding in findings(subject, AT)] == [CODE.EXPIRED_WHILE_CLAIM_OPEN] * uncovered


SENT = OpenAttempt("clm_a:fee", "charge", AT - RESPONSE_OVERDUE_AFTER, answered=False)
LOST = replace(SENT, answered=True)


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"attempts": (SENT,)}, ATTEMPT.ATTEMPT_UNANSWERED, "charge clm_a:fee was sent"),
        ({"attempts": (LOST,)}, ATTEMPT.ATTEMPT_NOT_BOOKED, "charge clm_a:fee was answered as done"),
        ({"attempts": (replace(LOST, first_sent_at=AT),)}, ATTEMPT.ATTEMPT_NOT_BOOKED, "no line of it"),
        ({"unattempted": ("clm_a:fee",)}, ATTEMPT.LEDGER_WITHOUT_ATTEMPT, "no attempt of C1 explains"),
    ],
)
def test_attempts_and_ledger_explain_each_other(changes: dict[str, Any], code: Code, words: str) -> None:
    (finding,) = findings(replace(RUNNING, **changes), AT)
    assert (finding.code, finding.subject, finding.payment_id) == (code, CLAIM.id, "clm_a:fee")
    assert words in finding.message


def test_several_differences_of_one_subject_are_all_found() -> None:
    subject = replace(RUNNING, booked=ledger_sums(NOTHING, NOTHING, FEE), workflow_status=WorkflowStatus.TERMINATED)
    assert {finding.code for finding in findings(subject, AT)} == {
        CODE.HOLD_WITHOUT_WORKFLOW,
        CODE.HOLD_NOT_IN_LEDGER,
        CODE.CAPTURED_DIFFERS,
        CODE.REFUNDED_DIFFERS,
    }
