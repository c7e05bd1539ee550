"""Domain: money as whole minor units of an ISO 4217 currency, without exchange rates, rounding or floats."""

from dataclasses import dataclass

# ISO 4217 minor units that differ from two digits (https://www.six-group.com, list one).
_ZERO_DIGITS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(),
)
_THREE_DIGITS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())


def minor_digits(currency: str) -> int:
    """Digits after the decimal point of one unit of `currency`: 0 for JPY, 2 for USD, 3 for KWD."""
    if currency in _ZERO_DIGITS:
        return 0
    return 3 if currency in _THREE_DIGITS else 2


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units (cents, yen) of `currency` (three upper-case letters). May be negative in a ledger.

    Arithmetic between different currencies is a programming error and raises ValueError.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if len(self.currency) != 3 or not (
            self.currency.isascii() and self.currency.isalpha() and self.currency.isupper()
        ):
            raise ValueError(f"currency must be three upper-case letters, not {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __str__(self) -> str:
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{self.currency} {Money(abs(self.amount), self.currency).decimal}"

    @property
    def decimal(self) -> str:
        """The amount in whole units with the currency's digits: -159.00, 18600, 1.234."""
        digits = minor_digits(self.currency)
        sign, units = ("-" if self.amount < 0 else ""), abs(self.amount)
        if digits == 0:
            return f"{sign}{units}"
        whole, rest = divmod(units, 10**digits)
        return f"{sign}{whole}.{rest:0{digits}d}"

    def least(self, other: "Money") -> "Money":
        """The smaller of two amounts."""
        return Money(min(self.amount, self._same(other)), self.currency)

    def zero(self) -> "Money":
        """Nothing, in the same currency."""
        return Money(0, self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot compute {self.currency} with {other.currency}")
        return other.amount


def total(amounts: "tuple[Money, ...] | list[Money]", currency: str) -> Money:
    """The sum of `amounts`, zero for none."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result
