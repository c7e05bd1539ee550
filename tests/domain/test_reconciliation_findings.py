"""The text of a finding of the reconciliation, and what staff should do."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.reconciliation import ADVICE, CODES, Code, Finding, code_of
from domain.reconciliation_rules import (
    RESPONSE_OVERDUE_AFTER,
    findings,
    has_live_hold,
    unbalanced,
)
from tests.domain.samples import usd
from tests.domain.test_reconciliation import AT, CLOSED, CODE, DEFAULTED, LAPSED, PLAN, RUNNING, SENT


def test_a_missing_response_is_a_finding_after_a_day() -> None:
    young = replace(SENT, first_sent_at=AT - RESPONSE_OVERDUE_AFTER + timedelta(seconds=1))
    assert findings(replace(RUNNING, attempts=(young,)), AT) == ()


@pytest.mark.parametrize("code", CODES)
def test_a_code_is_read_as_it_was_stored(code: Code) -> None:
    assert code_of(code.value) is code


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="misread"):
        code_of("misread")


def test_only_a_live_hold_needs_a_running_workflow() -> None:
    assert has_live_hold(RUNNING, AT)
    for subject in (CLOSED, DEFAULTED, PLAN, replace(RUNNING, payments=(LAPSED,))):
        assert not has_live_hold(subject, AT)


def test_lines_that_do_not_sum_to_zero_are_named_by_their_key() -> None:
    """Invariant 13."""
    message = "The ledger's lines of clm_a:fee sum to USD 5.00 instead of zero."
    assert unbalanced("clm_a", "clm_a:fee", usd(500)) == Finding(CODE.LEDGER_UNBALANCED, "clm_a", message, "clm_a:fee")


def test_every_finding_has_a_remedy() -> None:
    assert set(ADVICE) == set(CODES)
    for advice in ADVICE.values():
        assert advice.endswith(".")
