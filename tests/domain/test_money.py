"""Money: minor units per currency, no mixing."""

import pytest

from domain.money import Money, minor_digits, total
from tests.domain.samples import usd


@pytest.mark.parametrize(
    ("currency", "digits", "shown"),
    [
        ("USD", 2, "USD 1234.56"),
        ("EUR", 2, "EUR 1234.56"),
        ("JPY", 0, "JPY 123456"),
        ("KRW", 0, "KRW 123456"),
        ("ISK", 0, "ISK 123456"),
        ("UGX", 0, "UGX 123456"),
        ("KWD", 3, "KWD 123.456"),
        ("BHD", 3, "BHD 123.456"),
        ("TND", 3, "TND 123.456"),
    ],
)
def test_an_amount_is_written_with_its_currencys_minor_units(currency: str, digits: int, shown: str) -> None:
    """Edge case 55."""
    assert minor_digits(currency) == digits
    assert str(Money(123456, currency)) == shown
    assert f"{currency} {Money(123456, currency).decimal}" == shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Money(0, "USD"), "USD 0.00"),
        (Money(5, "USD"), "USD 0.05"),
        (Money(-5, "USD"), "-USD 0.05"),
        (Money(-100, "USD"), "-USD 1.00"),
        (Money(-1, "JPY"), "-JPY 1"),
        (Money(7, "KWD"), "KWD 0.007"),
    ],
)
def test_small_and_negative_amounts_keep_their_zeros(amount: Money, shown: str) -> None:
    assert str(amount) == shown


@pytest.mark.parametrize("currency", ["", "US", "USDX", "usd", "Usd", "US1", "U D", "123", "ÜSD", "US$"])
def test_a_currency_is_three_upper_case_letters(currency: str) -> None:
    with pytest.raises(ValueError, match="three upper-case letters"):
        Money(1, currency)


def test_amounts_add_subtract_and_turn() -> None:
    assert usd(3900) + usd(14900) == usd(18800)
    assert usd(3900) - usd(14900) == usd(-11000)
    assert -usd(3900) == usd(-3900)
    assert usd(5).zero() == usd(0)


def test_the_least_of_two_amounts_is_the_smaller_in_either_order() -> None:
    assert usd(3).least(usd(5)) == usd(5).least(usd(3)) == usd(3)


def test_only_nothing_is_false() -> None:
    assert not usd(0)
    assert usd(1)
    assert usd(-1)


@pytest.mark.parametrize("operation", ["add", "subtract", "least", "total"])
def test_two_currencies_do_not_mix(operation: str) -> None:
    """Edge case 55: not even nothing of the other currency."""
    yen = Money(0, "JPY")
    with pytest.raises(ValueError, match="cannot compute"):
        {
            "add": lambda: usd(1) + yen,
            "subtract": lambda: usd(1) - yen,
            "least": lambda: usd(1).least(yen),
            "total": lambda: total([usd(1), yen], "USD"),
        }[operation]()


def test_the_total_of_nothing_is_zero_in_the_given_currency() -> None:
    assert total([], "JPY") == Money(0, "JPY")
    assert total((usd(1), usd(2)), "USD") == usd(3)
