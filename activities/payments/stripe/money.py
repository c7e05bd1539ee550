"""Activities: amounts in Stripe's minor units. Everywhere else they are ISO 4217's; this module converts.

Source: docs.stripe.com/currencies, "Minor units in API amounts", "Zero-decimal" and "Special cases". Knows no request.
"""

from typing import Final

from activities.payments.gateway import InvalidAmount
from domain.money import Money, minor_digits

_ZERO_DIGITS: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THREE_DIGITS: Final = frozenset("BHD JOD KWD OMR TND".split())
# Special cases: ISK and UGX have no digits in ISO 4217 and two here, always 00. Every other currency has two.
_UNSUPPORTED: Final = frozenset("IQD LYD UYI".split())


def stripe_digits(currency: str) -> int:
    """Digits after the decimal point of an amount at Stripe: 0 for JPY and MGA, 2 for USD, ISK and UGX, 3 for KWD."""
    if currency in _ZERO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


def to_stripe(money: Money) -> tuple[int, str]:
    """`money` as Stripe's `amount` and `currency`.

    Raises InvalidAmount when Stripe does not accept the amount: a last digit that is not 0 in a currency of three
    digits, a fraction of an ariary (MGA), an unsupported currency.
    """
    if money.currency in _UNSUPPORTED:
        raise InvalidAmount(f"Stripe takes no {money.currency}")
    more = stripe_digits(money.currency) - minor_digits(money.currency)
    amount, rest = (money.amount * 10**more, 0) if more >= 0 else divmod(money.amount, 10**-more)
    if rest or (money.currency in _THREE_DIGITS and amount % 10):
        raise InvalidAmount(f"Stripe cannot take {money} to the last digit")
    return amount, money.currency.lower()


def from_stripe(amount: int, currency: str) -> Money:
    """Stripe's `amount` of `currency` as money. Raises ValueError for a fraction of a minor unit: half a króna."""
    code = currency.upper()
    more = stripe_digits(code) - minor_digits(code)
    units, rest = divmod(amount, 10**more) if more >= 0 else (amount * 10**-more, 0)
    if rest:
        raise ValueError(f"{amount} {currency} is no whole number of minor units")
    return Money(units, code)
