"""Activities: what any payment gateway must be able to do, and the four ways in which it says no.

Money is `Money` in ISO minor units; a gateway that counts otherwise converts inside. `key` is the idempotency key: the
same key with the same parameters answers as the first time and moves nothing again. `at` is the moment on the claim's
clock: the simulated gateway lives by it, a real one has a clock of its own and ignores it. `sent_at` is when the key
was first sent, on the wall clock: a gateway that forgets its keys tells an old one by it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.eligibility import Card
from domain.money import Money
from store.writes.payment_attempts import AnswerJson, Attempt

AnswerT = TypeVar("AnswerT")
UNFIT: Final = "unfit"
"""The state of a payment that the gateway will never make as it was requested."""


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
        """What the customer cannot spend because of it."""
        return self.amount if self.status == "authorized" else self.amount.zero()


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A card that can be charged later, without its owner. `payment_method` is the token to use from now on."""

    payment_method: str
    card: Card


class GatewayError(Exception):
    """One of the four: Declined, Refused, OutcomeUnknown, KeyReused."""


class Declined(GatewayError):
    """The card said no. `retryable`: the same card may say yes later."""

    def __init__(self, code: str, retryable: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable


class Refused(GatewayError):
    """Illegal in the payment's present `state`, or more than there is; `unknown` for a payment that does not exist,
    `unfit` for a request that is never taken as it stands."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class OutcomeUnknown(GatewayError):
    """No answer came. It may have happened: ask again with the same key, never with another one."""


class KeyReused(GatewayError):
    """The key was used for something else: a mistake in the caller, not to be repeated."""


class InvalidAmount(ValueError):
    """Nothing, less than nothing, or another currency than the payment's: a mistake in the caller, found before
    anything is asked of the gateway."""


class Sender(ABC):
    """A gateway behind the table of attempts."""

    @property
    @abstractmethod
    def gateway(self) -> "Gateway":
        """The gateway itself. What moves something is asked of it within `send` only."""

    @abstractmethod
    async def send(
        self,
        attempt: Attempt,
        request: Callable[["Sender", datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        """Write `attempt` down, make the request, and keep what is booked about its answer together with the answer.

        When the key has an answer, that is returned and nothing is sent. `request` gets this sender, for requests that
        belong to it under keys of their own, and when the key was first sent (wall clock). `settle` books and returns
        the result as JSON; it may be called again with the same answer. A request that was not answered, because we
        crashed, is sent again under the same key by the next attempt. Raises AttemptKeyReused.
        """


class GatewayAccess(ABC):
    """The way to a gateway for who keeps books about it."""

    @abstractmethod
    async def send(
        self,
        attempt: Attempt,
        request: Callable[[Sender, datetime], Awaitable[AnswerT]],
        settle: Callable[[AsyncSession, AnswerT], Awaitable[AnswerJson]],
    ) -> AnswerJson:
        """As `Sender.send`."""

    @abstractmethod
    async def look(
        self,
        key: str,
        request: Callable[["Gateway"], Awaitable[AnswerT]],
        book: Callable[[AsyncSession, AnswerT], Awaitable[None]],
    ) -> AnswerT:
        """Make a request that moves nothing and book what it brings to light. It is not written down."""

    @abstractmethod
    async def look_up(self, payment_method: str) -> Card | None:
        """As `Gateway.look_up`."""


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

        Raises Declined, or Refused with state `unfit` when the gateway will never take the request as it stands.
        """

    @abstractmethod
    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        """Take `amount` of a hold, once; the rest is released at once. Raises Refused."""

    @abstractmethod
    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        """Give a hold up. Raises Refused when it has ended."""

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
        """Take `amount` without a hold before it. Raises as `authorize`."""

    @abstractmethod
    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        """Give back `amount` of what was captured; in sum never more. Raises Refused."""

    @abstractmethod
    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        """The payment as it is at `at`. Raises Refused with state `unknown` when there is none."""

    @abstractmethod
    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        """Every payment made for the claim or purchase, in the order of their making."""

    @abstractmethod
    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        """At most `limit` of all payments ever made, as they are now; none of them changes by being looked at.

        The order is the gateway's own and stays as it is. `after` is the id of the last payment of the page before,
        None for the first one; a page without payments is the last. What is made while somebody pages may be left out.
        """

    @abstractmethod
    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        """Keep the card for charges without its owner. Raises Declined."""

    @abstractmethod
    async def look_up(self, payment_method: str) -> Card | None:
        """What kind of card the token stands for; None when the gateway does not know it. Nothing moves."""
