"""Activities: the protocol of a payment gateway, and the four errors of its requests.

Money is `Money` in ISO minor units; a gateway with other units converts inside. `key` is the idempotency key: the same
key with the same parameters returns the first response and moves nothing again. `at` is the moment on the claim's
clock: the simulated gateway uses it, a real one has its own clock and ignores it. `sent_at` is when the key was first
sent, on the wall clock: a gateway that forgets keys recognises an old one by it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from domain.eligibility import Card
from domain.money import Money

INVALID_REQUEST: Final = "unfit"
"""The state of a payment whose request the gateway will never accept as it stands."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A hold or a charge as the gateway has it: 0 <= refunded <= captured <= amount.

    `subject` is the claim or purchase it is for, `reference` the key of the request that made it. A hold can be
    captured before `capture_before`; a charge is captured from the start and has none.
    """

    id: str
    kind: Literal["hold", "charge"]
    status: Literal["authorized", "captured", "released", "expired"]
    amount: Money
    captured: Money
    refunded: Money
    capture_before: datetime | None
    subject: str
    reference: str

    @property
    def held(self) -> Money:
        """The amount that it blocks on the card."""
        return self.amount if self.status == "authorized" else self.amount.zero()


class GatewayError(Exception):
    """One of the four: Declined, GatewayRefused, OutcomeUnknown, KeyReused."""


class Declined(GatewayError):
    """The card's issuer declined. `retryable`: the same card may be accepted later."""

    def __init__(self, code: str, retryable: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable


class GatewayRefused(GatewayError):
    """Illegal in the payment's present `state`, or more than there is; `unknown` for a payment that does not exist,
    `unfit` (`INVALID_REQUEST`) for a request that is never accepted as it stands."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class OutcomeUnknown(GatewayError):
    """No response came. It may have happened: retry with the same key, never with another one."""


class KeyReused(GatewayError):
    """The key was used for another request: a mistake in the caller, not to be retried."""


class InvalidAmount(ValueError):
    """Zero, negative, or in another currency than the payment: a mistake in the caller, found before anything is sent
    to the gateway."""


class Gateway(ABC):
    """A payment gateway. Every call may raise OutcomeUnknown, every call with a key KeyReused, every call with an
    amount InvalidAmount."""

    @abstractmethod
    async def authorize(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        """Hold `amount`. `off_session` when the customer is not there to confirm.

        Raises Declined, or GatewayRefused with state `unfit` when the gateway will never accept the request.
        """

    @abstractmethod
    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        """Capture `amount` of a hold, once; the rest is released with it. Raises GatewayRefused."""

    @abstractmethod
    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        """Release a hold. Raises GatewayRefused when it has ended."""

    @abstractmethod
    async def charge(
        self,
        amount: Money,
        payment_method: str,
        *,
        subject: str,
        key: str,
        at: datetime,
        sent_at: datetime,
        off_session: bool = False,
    ) -> Payment:
        """Charge `amount` without a hold before it. Raises as `authorize`."""

    @abstractmethod
    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        """Refund `amount` of what was captured; in sum never more. Raises GatewayRefused."""

    @abstractmethod
    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        """The payment as it is at `at`. Raises GatewayRefused with state `unknown` when there is none."""

    @abstractmethod
    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        """Every payment made for the claim or purchase, oldest first."""

    @abstractmethod
    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        """At most `limit` of all payments ever made, as they are now; reading changes none of them.

        The order is the gateway's own and stable. `after` is the id of the last payment of the page before, None for
        the first page; a page without payments is the last. Payments made during the paging may be left out.
        """

    @abstractmethod
    async def look_up(self, payment_method: str) -> Card | None:
        """What kind of card the token stands for; None when the gateway does not know it. Moves nothing."""


def require_positive(amount: Money) -> None:
    """Raises InvalidAmount unless `amount` is more than zero."""
    if amount.amount <= 0:
        raise InvalidAmount(f"a payment is of more than nothing, not of {amount}")
