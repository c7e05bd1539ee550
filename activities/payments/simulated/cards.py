"""Activities: the test cards of the simulated gateway, and how long their holds last. Most behave like Stripe's test
cards of the same names; the two of `HELD_TWICE` are our own.

A card's response depends on its name alone, whatever the amount.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from activities.payments.gateway import Declined
from domain.eligibility import Card


class Behaviour(Enum):
    """How a card responds."""

    WORKS = "works"
    DECLINES = "declines"
    """Every hold and every charge, each time with the same code."""
    FAILS_LATER = "fails_later"
    """The first hold for a subject works, and so do charges while the customer is there; nothing after that."""
    HELD_TWICE = "held_twice"
    """Two holds for a subject work, the first and one renewal; later ones are declined. Charges work."""
    HELD_TWICE_ONLY = "held_twice_only"
    """As HELD_TWICE; and off-session charges are declined."""


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """A card, its behaviour, and the code of its declines (`retryable`: it may be accepted another day)."""

    card: Card
    behaviour: Behaviour = Behaviour.WORKS
    code: str = "card_declined"
    retryable: bool = False

    @property
    def counts_holds(self) -> bool:
        """Whether its response to a hold depends on earlier holds."""
        return self.behaviour in (Behaviour.FAILS_LATER, Behaviour.HELD_TWICE, Behaviour.HELD_TWICE_ONLY)

    def declines_hold(self, *, off_session: bool, held_before: int) -> bool:
        """Whether it declines a hold; `held_before`: the earlier holds for the same subject."""
        match self.behaviour:
            case Behaviour.FAILS_LATER:
                return off_session or held_before > 0
            case Behaviour.HELD_TWICE | Behaviour.HELD_TWICE_ONLY:
                return held_before > 1
            case _:
                return self.declines_charge(off_session=off_session)

    def declines_charge(self, *, off_session: bool) -> bool:
        """Whether it declines a charge."""
        if self.behaviour in (Behaviour.FAILS_LATER, Behaviour.HELD_TWICE_ONLY):
            return off_session
        return self.behaviour is Behaviour.DECLINES


_VISA: Final = Card("visa", "credit")
SIMULATED_CARDS: Final[dict[str, SimulatedCard]] = {
    "pm_card_visa": SimulatedCard(_VISA),
    "pm_card_mastercard": SimulatedCard(Card("mastercard", "credit")),
    "pm_card_amex": SimulatedCard(Card("amex", "credit")),
    "pm_card_visa_debit": SimulatedCard(Card("visa", "debit")),
    "pm_card_chargeDeclined": SimulatedCard(_VISA, Behaviour.DECLINES),
    "pm_card_chargeDeclinedInsufficientFunds": SimulatedCard(
        _VISA, Behaviour.DECLINES, "insufficient_funds", retryable=True
    ),
    "pm_card_chargeCustomerFail": SimulatedCard(_VISA, Behaviour.FAILS_LATER),
    "pm_card_heldTwice": SimulatedCard(_VISA, Behaviour.HELD_TWICE),
    "pm_card_heldTwiceOnly": SimulatedCard(_VISA, Behaviour.HELD_TWICE_ONLY),
    # Its owner must confirm every payment, and nothing here asks them to: as with Stripe, each is declined.
    "pm_card_authenticationRequired": SimulatedCard(_VISA, Behaviour.DECLINES, "authentication_required"),
}

_ORDINARY: Final = timedelta(days=7)
_VISA_MERCHANT_INITIATED: Final = timedelta(days=4, hours=18)
_EXTENDED: Final = timedelta(days=29, hours=18)


def hold_lifetime(card: Card, *, off_session: bool, extended: bool) -> timedelta:
    """How long a hold lasts. `extended`: the account may request extended authorizations; not every card gets one."""
    if extended and (card.brand == "mastercard" or (card.brand == "visa" and not off_session)):
        return _EXTENDED
    return _VISA_MERCHANT_INITIATED if card.brand == "visa" and off_session else _ORDINARY


def simulated_card(payment_method: str) -> SimulatedCard:
    """The card behind a token. Raises Declined with code `invalid_payment_method` for an unknown token."""
    card = SIMULATED_CARDS.get(payment_method)
    if card is None:
        raise Declined("invalid_payment_method", retryable=False)
    return card


def card_details(payment_method: str) -> Card | None:
    """What kind of card the token stands for; None for an unknown token."""
    known = SIMULATED_CARDS.get(payment_method)
    return known.card if known else None
