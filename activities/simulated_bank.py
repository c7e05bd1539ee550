"""Activities: what the simulated gateway does, inside a transaction that somebody else commits.

The effect and the remembered answer are written together, so neither can exist without the other. The clock is the
claim's: each request brings its moment, and a hold has ended when that clock has reached its expiry.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import Declined, Gateway, InvalidAmount, KeyReused, Payment, Refused, SavedCard
from activities.simulated_answers import PAYMENT, answer_of, fingerprint, payment_from
from activities.simulated_cards import card_behind, hold_window, simulated_card
from domain.eligibility import Card
from domain.money import Money
from messages.ids import new_id
from store.core import core
from store.once import insert_once, table_of
from store.payment_tables import GatewayAnswerRow, GatewayEventRow, GatewayPaymentRow

_PAYMENTS, _ANSWERS = table_of(GatewayPaymentRow), table_of(GatewayAnswerRow)
_REMEMBERS: Final = update(_ANSWERS).where(_ANSWERS.c.key == bindparam("asked"))
_REMEMBERED: Final = select(_ANSWERS).where(_ANSWERS.c.key == bindparam("asked"))
_LOCKED: Final = select(_PAYMENTS).where(_PAYMENTS.c.id == bindparam("asked")).with_for_update()
_OF_SUBJECT: Final = (
    select(_PAYMENTS)
    .where(_PAYMENTS.c.subject == bindparam("asked"))
    .order_by(_PAYMENTS.c.created_at, _PAYMENTS.c.id)
    .with_for_update()
)
_FURTHER: Final = (
    select(_PAYMENTS).where(_PAYMENTS.c.id > bindparam("after")).order_by(_PAYMENTS.c.id).limit(bindparam("most"))
)
_HELD_BEFORE: Final = select(func.count()).where(
    _PAYMENTS.c.subject == bindparam("asked"),
    _PAYMENTS.c.payment_method == bindparam("card"),
    _PAYMENTS.c.kind == "hold",
)
_OPENS: Final = insert(_PAYMENTS)
_CHANGES: Final = update(_PAYMENTS).where(_PAYMENTS.c.id == bindparam("asked"))
_TELLS: Final = insert(table_of(GatewayEventRow)).inline()


@dataclass(slots=True)
class Booked:
    """A payment as its row has it (`GatewayPaymentRow` says what the columns are)."""

    id: str
    subject: str
    kind: Literal["hold", "charge"]
    amount: int
    currency: str
    captured: int
    refunded: int
    state: str
    payment_method: str
    reference: str
    created_at: datetime
    expires_at: datetime | None = None


class SimulatedBank(Gateway):
    """The simulated gateway within `session`. Declined and Refused are answers: what led to them must be committed.

    `extended`: the account may ask for extended authorizations, and gets them where the card allows it.
    """

    def __init__(self, session: AsyncSession, *, extended: bool = False) -> None:
        self._session = session
        self._extended = extended

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
        _positive(amount)

        async def effect() -> Payment:
            card = simulated_card(payment_method)
            held_before = await self._held_before(subject, payment_method) if card.counts_holds else 0
            if card.declines_hold(off_session=off_session, held_before=held_before):
                raise Declined(card.code, card.retryable)
            booked = self._made("hold", amount, payment_method, subject, key, at)
            lives = hold_window(card.card, off_session=off_session, extended=self._extended)
            booked.state, booked.expires_at = "authorized", at + lives
            return await self._opened(booked, "authorized")

        return await self._once(key, effect, "authorize", amount, payment_method, subject, off_session)

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            booked = await self._touched(payment_id, at)
            _same_currency(booked, amount)
            if not self._can_capture(booked, amount.amount):
                raise Refused(booked.state)
            self._take(booked, amount.amount)
            return await self._changed(booked, "captured", at)

        return await self._once(key, effect, "capture", payment_id, amount)

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        async def effect() -> Payment:
            booked = await self._touched(payment_id, at)
            if booked.state != "authorized":
                raise Refused(booked.state)
            booked.state = "released"
            return await self._changed(booked, "released", at)

        return await self._once(key, effect, "release", payment_id)

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
        _positive(amount)

        async def effect() -> Payment:
            card = simulated_card(payment_method)
            if card.declines_charge(off_session=off_session):
                raise Declined(card.code, card.retryable)
            booked = self._made("charge", amount, payment_method, subject, key, at)
            self._take(booked, amount.amount)
            return await self._opened(booked, "charged")

        return await self._once(key, effect, "charge", amount, payment_method, subject, off_session)

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            booked = await self._touched(payment_id, at)
            _same_currency(booked, amount)
            if not self._can_refund(booked, amount.amount):
                raise Refused(booked.state)
            booked.refunded += amount.amount
            return await self._changed(booked, "refunded", at, booked.refunded)

        return await self._once(key, effect, "refund", payment_id, amount)

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return _payment(await self._touched(payment_id, at))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        lines = (await core(self._session, _OF_SUBJECT, {"asked": subject})).mappings().all()
        return tuple([_payment(await self._aged(Booked(**line), at)) for line in lines])

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        # Nobody's clock is asked here, so nothing expires: a hold stays as its own claim last saw it.
        lines = (await core(self._session, _FURTHER, {"after": after or "", "most": limit})).mappings()
        return tuple(_payment(Booked(**line)) for line in lines)

    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        # The tokens are good for ever: there is nothing to keep, and a second time answers alike by itself.
        return SavedCard(payment_method, simulated_card(payment_method).card)

    async def look_up(self, payment_method: str) -> Card | None:
        return card_behind(payment_method)

    async def _once(self, key: str, effect: Callable[[], Awaitable[Payment]], *asked: object) -> Payment:
        """The effect and its answer the first time, the same answer ever after. Raises KeyReused when asked else."""
        digest = fingerprint(asked)
        # Whoever writes the row first acts; another attempt under the same key waits here for its commit.
        line = {"key": key, "fingerprint": digest, "answer": {}}
        if await insert_once(self._session, GatewayAnswerRow, line):
            answer = await answer_of(effect)
            await core(self._session, _REMEMBERS, {"asked": key, "answer": answer})
            return payment_from(answer)
        remembered = (await core(self._session, _REMEMBERED, {"asked": key})).one()
        if remembered.fingerprint != digest:
            raise KeyReused(key)
        return payment_from(remembered.answer)

    def _can_capture(self, booked: Booked, amount: int) -> bool:
        return booked.state == "authorized" and amount <= booked.amount

    def _can_refund(self, booked: Booked, amount: int) -> bool:
        return booked.state == "captured" and booked.refunded + amount <= booked.captured

    def _take(self, booked: Booked, amount: int) -> None:
        """Capture once. The remainder is free with it: nothing is held in the state captured."""
        booked.state, booked.captured = "captured", amount

    async def _touched(self, payment_id: str, at: datetime) -> Booked:
        """The payment as it is at `at`, locked. Raises Refused with `unknown` when there is none."""
        line = (await core(self._session, _LOCKED, {"asked": payment_id})).mappings().first()
        if line is None:
            raise Refused("unknown")
        return await self._aged(Booked(**line), at)

    async def _aged(self, booked: Booked, at: datetime) -> Booked:
        """The payment as it is at `at`: a hold whose time is over then has expired, for good."""
        if self._is_over(booked, at) and booked.expires_at is not None:
            booked.state = "expired"
            await self._changed(booked, "expired", booked.expires_at)
        return booked

    def _is_over(self, booked: Booked, at: datetime) -> bool:
        return booked.state == "authorized" and booked.expires_at is not None and at >= booked.expires_at

    async def _held_before(self, subject: str, payment_method: str) -> int:
        asked = {"asked": subject, "card": payment_method}
        return int((await core(self._session, _HELD_BEFORE, asked)).scalar_one())

    def _made(
        self,
        kind: Literal["hold", "charge"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        at: datetime,
    ) -> Booked:
        return Booked(
            id=new_id("pay", key),
            subject=subject,
            kind=kind,
            amount=amount.amount,
            currency=amount.currency,
            captured=0,
            refunded=0,
            state="",
            payment_method=payment_method,
            reference=key,
            created_at=at,
        )

    async def _opened(self, booked: Booked, happened: str) -> Payment:
        await core(self._session, _OPENS, asdict(booked))
        await self._tell(booked, happened, booked.created_at)
        return _payment(booked)

    async def _changed(self, booked: Booked, happened: str, at: datetime, in_sum: int = 0) -> Payment:
        """Keep what has happened to the payment at `at`; it is told once for each `in_sum`."""
        now = {"state": booked.state, "captured": booked.captured, "refunded": booked.refunded}
        await core(self._session, _CHANGES, now | {"asked": booked.id})
        await self._tell(booked, happened, at, in_sum)
        return _payment(booked)

    async def _tell(self, booked: Booked, happened: str, at: datetime, in_sum: int = 0) -> None:
        """Leave word of it for the webhooks. Each happens once to a payment, a refund once for each sum given back."""
        event_id = new_id("evt", f"{booked.id}:{happened}:{in_sum}")
        told = {"id": event_id, "payment_id": booked.id, "subject": booked.subject, "happened": happened, "at": at}
        await core(self._session, _TELLS, told)


def _payment(booked: Booked) -> Payment:
    return PAYMENT.validate_python(
        {
            "id": booked.id,
            "kind": booked.kind,
            "status": booked.state,
            "amount": Money(booked.amount, booked.currency),
            "captured": Money(booked.captured, booked.currency),
            "refunded": Money(booked.refunded, booked.currency),
            "capture_before": booked.expires_at,
            "subject": booked.subject,
            "reference": booked.reference,
        }
    )


def _positive(amount: Money) -> None:
    if amount.amount <= 0:
        raise InvalidAmount(f"a payment is of more than nothing, not of {amount}")


def _same_currency(booked: Booked, amount: Money) -> None:
    if amount.currency != booked.currency:
        raise InvalidAmount(f"the payment {booked.id} is in {booked.currency}, not in {amount.currency}")
