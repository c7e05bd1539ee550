"""Activities: the tokens the simulated gateway knows, and how long their holds live. Most behave like the test cards of
Stripe whose names they have; the two of `HELD_TWICE` are our own.

A card here stands in for its bank: it says yes or no by its name alone, whatever the amount.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from activities.gateway import Declined
from domain.eligibility import Card


class Manner(Enum):
    """How a card answers."""

    WORKS = "works"
    DECLINES = "declines"
    """Every hold and every charge, each time with the same code."""
    FAILS_LATER = "fails_later"
    """The first hold for a subject works, and so do charges while the customer is there; nothing after that."""
    HELD_TWICE = "held_twice"
    """Two holds for a subject work, the first and one renewal; later ones are declined. Charges work."""
    HELD_TWICE_ONLY = "held_twice_only"
    """As HELD_TWICE; and what is charged without its owner is declined."""
    ASKS = "asks"
    """What its owner confirms works; what is asked without its owner is declined."""


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """A card, how it answers, and what it says when it declines (`retryable`: it may say yes another day)."""

    card: Card
    manner: Manner = Manner.WORKS
    code: str = "card_declined"
    retryable: bool = False

    @property
    def counts_holds(self) -> bool:
        """Whether its answer to a hold depends on those it bore before."""
        return self.manner in (Manner.FAILS_LATER, Manner.HELD_TWICE, Manner.HELD_TWICE_ONLY)

    def declines_hold(self, *, off_session: bool, held_before: int) -> bool:
        """Whether it says no to a hold; `held_before`: the holds it bore for the same subject already."""
        match self.manner:
            case Manner.FAILS_LATER:
                return off_session or held_before > 0
            case Manner.HELD_TWICE | Manner.HELD_TWICE_ONLY:
                return held_before > 1
            case _:
                return self.declines_charge(off_session=off_session)

    def declines_charge(self, *, off_session: bool) -> bool:
        """Whether it says no to a charge."""
        if self.manner in (Manner.FAILS_LATER, Manner.HELD_TWICE_ONLY, Manner.ASKS):
            return off_session
        return self.manner is Manner.DECLINES


_VISA: Final = Card("visa", "credit")
SIMULATED_CARDS: Final[dict[str, SimulatedCard]] = {
    "pm_card_visa": SimulatedCard(_VISA),
    "pm_card_mastercard": SimulatedCard(Card("mastercard", "credit")),
    "pm_card_amex": SimulatedCard(Card("amex", "credit")),
    "pm_card_visa_debit": SimulatedCard(Card("visa", "debit")),
    "pm_card_chargeDeclined": SimulatedCard(_VISA, Manner.DECLINES),
    "pm_card_chargeDeclinedInsufficientFunds": SimulatedCard(
        _VISA, Manner.DECLINES, "insufficient_funds", retryable=True
    ),
    "pm_card_chargeCustomerFail": SimulatedCard(_VISA, Manner.FAILS_LATER),
    "pm_card_heldTwice": SimulatedCard(_VISA, Manner.HELD_TWICE),
    "pm_card_heldTwiceOnly": SimulatedCard(_VISA, Manner.HELD_TWICE_ONLY),
    # Whoever stands at the checkout confirms; a renewal has nobody to ask.
    "pm_card_authenticationRequired": SimulatedCard(_VISA, Manner.ASKS, "authentication_required"),
}

_ORDINARY: Final = timedelta(days=7)
_VISA_MERCHANT_INITIATED: Final = timedelta(days=4, hours=18)
_EXTENDED: Final = timedelta(days=29, hours=18)


def hold_window(card: Card, *, off_session: bool, extended: bool) -> timedelta:
    """How long a hold lives. `extended` is what the account may ask for; not every card and moment gets it."""
    if extended and (card.brand == "mastercard" or (card.brand == "visa" and not off_session)):
        return _EXTENDED
    return _VISA_MERCHANT_INITIATED if card.brand == "visa" and off_session else _ORDINARY


def simulated_card(payment_method: str) -> SimulatedCard:
    """The card behind a token. Raises Declined with code `invalid_payment_method` for a token nobody issued."""
    card = SIMULATED_CARDS.get(payment_method)
    if card is None:
        raise Declined("invalid_payment_method", retryable=False)
    return card


def card_behind(payment_method: str) -> Card | None:
    """What kind of card the token stands for; None for a token nobody issued."""
    known = SIMULATED_CARDS.get(payment_method)
    return known.card if known else None
