"""Money between ISO 4217 and Stripe: nothing is lost on the way, and what Stripe cannot take is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.payments.gateway import InvalidAmount
from activities.payments.stripe.money import from_stripe, stripe_digits, to_stripe
from domain.money import Money, minor_digits

CURRENCIES = """
    AUD BHD BIF CAD CLP DJF EUR GBP GNF HUF ISK JOD JPY KMF KRW KWD MGA OMR PYG RWF TND TWD UGX USD VND VUV XAF XOF XPF
"""


@pytest.mark.parametrize(
    ("money", "stripe_amount"),
    [
        (Money(1_099, "USD"), (1_099, "usd")),
        (Money(500, "JPY"), (500, "jpy")),
        (Money(500, "ISK"), (50_000, "isk")),
        (Money(7, "UGX"), (700, "ugx")),
        (Money(5_120, "KWD"), (5_120, "kwd")),
        (Money(30_000, "MGA"), (300, "mga")),
        (Money(1_000, "HUF"), (1_000, "huf")),
    ],
)
def test_an_amount_is_in_stripes_minor_units(money: Money, stripe_amount: tuple[int, str]) -> None:
    assert to_stripe(money) == stripe_amount
    assert from_stripe(*stripe_amount) == money


@pytest.mark.parametrize("money", [Money(5_124, "KWD"), Money(30_001, "MGA"), Money(1, "IQD"), Money(10, "LYD")])
def test_an_amount_stripe_cannot_represent_is_refused_before_the_request(money: Money) -> None:
    with pytest.raises(InvalidAmount, match=money.currency):
        to_stripe(money)


def test_a_fraction_of_a_krona_is_an_invalid_amount() -> None:
    with pytest.raises(ValueError, match="no whole number"):
        from_stripe(50_001, "isk")


@given(st.integers(1, 10**9), st.sampled_from(CURRENCIES.split()))
def test_a_round_trip_keeps_the_amount(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    try:
        stripe_amount = to_stripe(money)
    except InvalidAmount:
        assert stripe_digits(currency) == 3 or currency == "MGA"
        return
    assert from_stripe(*stripe_amount) == money


@given(st.integers(1, 10**7), st.sampled_from(CURRENCIES.split()))
def test_both_units_have_the_same_value(whole: int, currency: str) -> None:
    amount, _ = to_stripe(Money(whole * 10 ** minor_digits(currency), currency))
    assert amount == whole * 10 ** stripe_digits(currency)
