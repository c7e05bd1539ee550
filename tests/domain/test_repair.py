"""A repair quote: its options, their prices, and how long the warranty covers it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.coverage import warranty_end
from domain.dates import end_of_day
from domain.kinds import RepairChoice, TermKind
from domain.money import Money
from domain.policy import Policy
from domain.reasons import RuleError
from domain.repair import (
    REMINDER_DAYS,
    RepairQuote,
    needs_second_person,
    options,
    price,
    require_second_person,
    require_version,
    require_warranty,
)
from tests.domain.samples import BERLIN, LA, NOW, SYDNEY, TOKYO, at, usd

SECOND = timedelta(seconds=1)
WARRANTY, REPLACEMENT = RepairChoice.WARRANTY_REPAIR, RepairChoice.REPLACEMENT
PAID, RETURN = RepairChoice.PAID_REPAIR, RepairChoice.RETURN
FEE = usd(12400)


def quote(*, warranty: bool = False, fee: Money | None = FEE) -> RepairQuote:
    """A broken gimbal, repaired for 210.00."""
    return RepairQuote("The gimbal is broken.", usd(21000), warranty, fee, NOW, NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("warranty", "fee", "offered"),
    [
        pytest.param(True, FEE, (WARRANTY, REPLACEMENT, PAID, RETURN), id="all four"),
        pytest.param(False, FEE, (REPLACEMENT, PAID, RETURN), id="not borne by the warranty"),
        pytest.param(True, None, (WARRANTY, PAID, RETURN), id="no use left"),
        pytest.param(False, None, (PAID, RETURN), id="neither"),
    ],
)
def test_the_available_options_are_shown_together(
    warranty: bool, fee: Money | None, offered: tuple[RepairChoice, ...]
) -> None:
    """R-REP-1: what is not shown cannot be chosen."""
    made = quote(warranty=warranty, fee=fee)
    prices = {WARRANTY: usd(0), REPLACEMENT: FEE, PAID: usd(21000), RETURN: usd(0)}

    assert options(made) == offered
    for choice in RepairChoice:
        if choice in offered:
            assert price(made, choice) == prices[choice]
        else:
            with pytest.raises(RuleError) as refused:
                price(made, choice)
            assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-REP-1")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (WARRANTY, "The warranty does not bear this repair."),
        (REPLACEMENT, "No replacement of the plan is left for this case."),
    ],
)
def test_an_unavailable_option_has_a_reason(choice: RepairChoice, message: str) -> None:
    """R-REP-1."""
    with pytest.raises(RuleError) as refused:
        price(quote(fee=None), choice)
    assert refused.value.message == message


def test_a_free_replacement_is_an_option_too() -> None:
    """R-REP-1: a fee of nothing is not the lack of a use."""
    made = quote(fee=usd(0))
    assert REPLACEMENT in options(made)
    assert price(made, REPLACEMENT) == usd(0)


def test_prices_keep_the_quotes_currency() -> None:
    """R-REP-1, edge case 55."""
    made = replace(quote(warranty=True), amount=Money(21000, "JPY"), replacement_fee=Money(12400, "JPY"))
    assert [price(made, choice).currency for choice in options(made)] == ["JPY"] * 4


def test_the_reminders_lie_within_the_days_to_pay() -> None:
    """R-REP-2: 7, 23 and 29 of 30."""
    assert list(REMINDER_DAYS.values()) == [7, 23, 29]
    assert max(REMINDER_DAYS.values()) < Policy().repair_payment_days == 30


@pytest.mark.parametrize(
    ("zone", "activated", "kinds", "last"),
    [
        pytest.param(LA, "2025-01-10T10:00:00", [], "2026-01-10T23:59:59", id="no plan: one year"),
        pytest.param(LA, "2025-03-09T12:00:00", [TermKind.ONE_YEAR], "2026-03-09T23:59:59", id="1Y: one year"),
        pytest.param(BERLIN, "2024-10-27T00:00:00", [TermKind.TWO_YEARS], "2026-10-27T23:59:59", id="2Y: two years"),
        pytest.param(TOKYO, "2024-02-29T23:59:59", [TermKind.TWO_YEARS], "2026-02-28T23:59:59", id="from the leap day"),
        pytest.param(SYDNEY, "2025-10-04T08:00:00", [TermKind.ONE_YEAR] * 2, "2026-10-04T23:59:59", id="1Y renewed"),
    ],
)
def test_the_warranty_bears_a_case_opened_by_its_last_second(
    zone: str, activated: str, kinds: list[TermKind], last: str
) -> None:
    """R-PLN-4, R-CLM-2: the second before, at and after."""
    until = end_of_day(warranty_end(at(activated, zone), kinds, zone), zone)
    assert until == at(last, zone)

    for opened in (until - SECOND, until, until + SECOND * 0.999):
        require_warranty(until, opened)
    with pytest.raises(RuleError) as refused:
        require_warranty(until, until + SECOND)
    assert (refused.value.code, refused.value.rule) == ("invalid_request", "R-PLN-4")
    assert refused.value.message == f"The warranty ended at {until:%Y-%m-%d %H:%M:%S} UTC."


@pytest.mark.parametrize("opened", [NOW, at("2020-01-01T00:00:00")])
def test_a_warranty_that_has_not_begun_bears_nothing(opened: datetime) -> None:
    """R-PLN-4."""
    with pytest.raises(RuleError, match="The warranty has not begun") as refused:
        require_warranty(None, opened)
    assert refused.value.rule == "R-PLN-4"


@pytest.mark.parametrize(
    ("version", "choice", "named", "allowed"),
    [
        pytest.param(1, PAID, None, True, id="the first quote needs no version"),
        pytest.param(1, PAID, 1, True, id="the first quote by its version"),
        pytest.param(1, PAID, 2, False, id="a version that does not exist"),
        pytest.param(2, PAID, 2, True, id="the quote in force"),
        pytest.param(2, PAID, 1, False, id="the quote before it"),
        pytest.param(2, PAID, None, False, id="a revised quote that costs something"),
        pytest.param(2, REPLACEMENT, None, False, id="a replacement costs something too"),
        pytest.param(2, RETURN, None, True, id="what costs nothing"),
        pytest.param(2, RETURN, 1, False, id="what costs nothing, from the quote before"),
    ],
)
def test_a_revised_quote_is_chosen_by_its_version(
    version: int, choice: RepairChoice, named: int | None, allowed: bool
) -> None:
    """R-REP-5: nobody pays another price than the one they saw."""
    made = replace(quote(), version=version)
    if allowed:
        require_version(made, choice, named)
        return
    with pytest.raises(RuleError, match="quote_version") as refused:
        require_version(made, choice, named)
    assert (refused.value.code, refused.value.rule) == ("action_not_allowed", "R-REP-5")


@pytest.mark.parametrize(
    ("amount", "percent", "large"),
    [
        (usd(102_500), 50, False),
        (usd(102_501), 50, True),
        (usd(980_000), 50, True),
        (usd(98_000), 50, False),
        (usd(205_000), 100, False),
        (usd(1), 0, True),
        (usd(0), 0, False),
    ],
)
def test_a_quote_above_a_share_of_the_products_value_needs_a_second_person(
    amount: Money, percent: int, large: bool
) -> None:
    """R-REP-6: of a product of 2,050.00."""
    assert needs_second_person(amount, usd(205_000), percent) is large


def test_the_second_person_has_another_key() -> None:
    """R-REP-6: the role may be the same."""
    require_second_person("key-of-ada", "key-of-bob")
    for author in ("key-of-ada", ""):
        with pytest.raises(RuleError) as refused:
            require_second_person(author, author)
        assert (refused.value.code, refused.value.rule) == ("refused", "R-REP-6")
