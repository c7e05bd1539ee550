"""Messages: the amounts of a quote, as a claim is made with them."""

from domain.money import Money
from messages.base import Message


class QuotedAmounts(Message):
    """The amounts that a quote froze (R-CAT-4). `valid` is False for an expired quote or one for something else."""

    quote_id: str
    valid: bool
    fee: Money
    hold: Money | None
    window_days: int | None

    def valid_in(self, currency: str) -> bool:
        """Whether it is valid, and of the device's region: the device may have been moved since (R-XFR-3)."""
        return self.valid and self.fee.currency == currency
