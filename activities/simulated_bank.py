"""Activities: what the simulated gateway does, inside a transaction that somebody else commits.

The effect and the remembered answer are written together, so neither can exist without the other. The clock is the
claim's: each request brings its moment, and a hold has ended when that clock has reached its expiry.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import TypeAdapter
from sqlalchemy import bindparam, update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import Declined, Gateway, InvalidAmount, KeyReused, Payment, Refused, SavedCard
from activities.simulated_cards import card_behind, hold_window, simulated_card
from domain.eligibility import Card
from domain.money import Money
from messages.ids import new_id
from store.direct import core
from store.once import insert_once, table_of
from store.payment_tables import GatewayAnswerRow, GatewayEventRow, GatewayPaymentRow

_PAYMENT: Final = TypeAdapter(Payment)
_ANSWERS: Final = table_of(GatewayAnswerRow)
_REMEMBERS: Final = update(_ANSWERS).where(_ANSWERS.c.key == bindparam("asked"))


class SimulatedBank(Gateway):
    """The simulated gateway within `session`. Declined and Refused are answers: what led to them must be committed.

    `extended`: the account may ask for extended authorizations, and gets them where the card allows it.
    """

    def __init__(self, session: AsyncSession, *, extended: bool = False) -> None:
        self._session = session
        self._extended = extended

    async def authorize(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            card = simulated_card(payment_method)
            held_before = await self._held_before(subject, payment_method)
            if card.declines_hold(off_session=off_session, held_before=held_before):
                raise Declined(card.code, card.retryable)
            row = self._made("hold", amount, payment_method, subject, key, at)
            lives = hold_window(card.card, off_session=off_session, extended=self._extended)
            row.state, row.expires_at = "authorized", at + lives
            self._tell(row, "authorized", at)
            return await self._saved(row)

        return await self._once(key, effect, "authorize", amount, payment_method, subject, off_session)

    async def capture(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            row = await self._touched(payment_id, at)
            _same_currency(row, amount)
            if not self._can_capture(row, amount.amount):
                raise Refused(row.state)
            self._take(row, amount.amount)
            self._tell(row, "captured", at)
            return await self._saved(row)

        return await self._once(key, effect, "capture", payment_id, amount)

    async def release(self, payment_id: str, *, key: str, at: datetime) -> Payment:
        async def effect() -> Payment:
            row = await self._touched(payment_id, at)
            if row.state != "authorized":
                raise Refused(row.state)
            row.state = "released"
            self._tell(row, "released", at)
            return await self._saved(row)

        return await self._once(key, effect, "release", payment_id)

    async def charge(
        self, amount: Money, payment_method: str, *, subject: str, key: str, at: datetime, off_session: bool = False
    ) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            card = simulated_card(payment_method)
            if card.declines_charge(off_session=off_session):
                raise Declined(card.code, card.retryable)
            row = self._made("charge", amount, payment_method, subject, key, at)
            self._take(row, amount.amount)
            self._tell(row, "charged", at)
            return await self._saved(row)

        return await self._once(key, effect, "charge", amount, payment_method, subject, off_session)

    async def refund(self, payment_id: str, amount: Money, *, key: str, at: datetime) -> Payment:
        _positive(amount)

        async def effect() -> Payment:
            row = await self._touched(payment_id, at)
            _same_currency(row, amount)
            if not self._can_refund(row, amount.amount):
                raise Refused(row.state)
            row.refunded += amount.amount
            self._tell(row, "refunded", at, row.refunded)
            return await self._saved(row)

        return await self._once(key, effect, "refund", payment_id, amount)

    async def get(self, payment_id: str, *, at: datetime) -> Payment:
        return await self._saved(await self._touched(payment_id, at))

    async def find(self, subject: str, *, at: datetime) -> tuple[Payment, ...]:
        order = col(GatewayPaymentRow.created_at), col(GatewayPaymentRow.id)
        made = select(GatewayPaymentRow).where(GatewayPaymentRow.subject == subject).order_by(*order).with_for_update()
        rows = (await self._session.exec(made)).all()
        for row in rows:
            self._age(row, at)
        await self._session.flush()
        return tuple(_payment(row) for row in rows)

    async def page(self, after: str | None, *, limit: int) -> tuple[Payment, ...]:
        # Nobody's clock is asked here, so nothing expires: a hold stays as its own claim last saw it.
        rest = select(GatewayPaymentRow).where(col(GatewayPaymentRow.id) > (after or ""))
        rows = await self._session.exec(rest.order_by(col(GatewayPaymentRow.id)).limit(limit))
        return tuple(_payment(row) for row in rows)

    async def save_card(self, payment_method: str, *, key: str) -> SavedCard:
        # The tokens are good for ever: there is nothing to keep, and a second time answers alike by itself.
        return SavedCard(payment_method, simulated_card(payment_method).card)

    async def look_up(self, payment_method: str) -> Card | None:
        return card_behind(payment_method)

    async def _once(self, key: str, effect: Callable[[], Awaitable[Payment]], *asked: object) -> Payment:
        """The effect and its answer the first time, the same answer ever after. Raises KeyReused when asked else."""
        fingerprint = _fingerprint(asked)
        # Whoever writes the row first acts; another attempt under the same key waits here for its commit.
        first = await insert_once(self._session, GatewayAnswerRow(key=key, fingerprint=fingerprint, answer={}))
        if first:
            answer = await _answer_of(effect)
            await self._session.flush()
            await core(self._session, _REMEMBERS, {"asked": key, "answer": answer})
            return _spoken(answer)
        remembered = await self._session.get_one(GatewayAnswerRow, key)
        if remembered.fingerprint != fingerprint:
            raise KeyReused(key)
        return _spoken(remembered.answer)

    def _can_capture(self, row: GatewayPaymentRow, amount: int) -> bool:
        return row.state == "authorized" and amount <= row.amount

    def _can_refund(self, row: GatewayPaymentRow, amount: int) -> bool:
        return row.state == "captured" and row.refunded + amount <= row.captured

    def _take(self, row: GatewayPaymentRow, amount: int) -> None:
        """Capture once. The remainder is free with it: nothing is held in the state captured."""
        row.state, row.captured = "captured", amount

    async def _touched(self, payment_id: str, at: datetime) -> GatewayPaymentRow:
        """The payment as it is at `at`, locked. Raises Refused with `unknown` when there is none."""
        row = await self._session.get(GatewayPaymentRow, payment_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise Refused("unknown")
        self._age(row, at)
        return row

    def _age(self, row: GatewayPaymentRow, at: datetime) -> None:
        """A hold whose time is over at `at` has expired, for good."""
        if row.state == "authorized" and row.expires_at is not None and at >= row.expires_at:
            row.state = "expired"
            self._tell(row, "expired", row.expires_at)

    def _tell(self, row: GatewayPaymentRow, happened: str, at: datetime, in_sum: int = 0) -> None:
        """Leave word of it for the webhooks. Each happens once to a payment, a refund once for each sum given back."""
        event_id = new_id("evt", f"{row.id}:{happened}:{in_sum}")
        self._session.add(
            GatewayEventRow(id=event_id, payment_id=row.id, subject=row.subject, happened=happened, at=at)
        )

    async def _held_before(self, subject: str, payment_method: str) -> int:
        holds = select(func.count()).where(
            GatewayPaymentRow.subject == subject,
            GatewayPaymentRow.payment_method == payment_method,
            GatewayPaymentRow.kind == "hold",
        )
        return (await self._session.exec(holds)).one()

    def _made(
        self,
        kind: Literal["hold", "charge"],
        amount: Money,
        payment_method: str,
        subject: str,
        key: str,
        at: datetime,
    ) -> GatewayPaymentRow:
        return GatewayPaymentRow(
            id=new_id("pay", key),
            subject=subject,
            kind=kind,
            amount=amount.amount,
            currency=amount.currency,
            state="",
            payment_method=payment_method,
            reference=key,
            created_at=at,
        )

    async def _saved(self, row: GatewayPaymentRow) -> Payment:
        self._session.add(row)
        await self._session.flush()
        return _payment(row)


def _payment(row: GatewayPaymentRow) -> Payment:
    return _PAYMENT.validate_python(
        {
            "id": row.id,
            "kind": row.kind,
            "status": row.state,
            "amount": Money(row.amount, row.currency),
            "captured": Money(row.captured, row.currency),
            "refunded": Money(row.refunded, row.currency),
            "capture_before": row.expires_at,
            "subject": row.subject,
            "reference": row.reference,
        }
    )


def _positive(amount: Money) -> None:
    if amount.amount <= 0:
        raise InvalidAmount(f"a payment is of more than nothing, not of {amount}")


def _same_currency(row: GatewayPaymentRow, amount: Money) -> None:
    if amount.currency != row.currency:
        raise InvalidAmount(f"the payment {row.id} is in {row.currency}, not in {amount.currency}")


def _fingerprint(asked: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in asked]).encode()).hexdigest()


async def _answer_of(effect: Callable[[], Awaitable[Payment]]) -> dict[str, Any]:
    try:
        return {"payment": _PAYMENT.dump_python(await effect(), mode="json")}
    except Declined as no:
        return {"declined": no.code, "retryable": no.retryable}
    except Refused as no:
        return {"refused": no.state}


def _spoken(answer: dict[str, Any]) -> Payment:
    if "declined" in answer:
        raise Declined(answer["declined"], answer["retryable"])
    if "refused" in answer:
        raise Refused(answer["refused"])
    return _PAYMENT.validate_python(answer["payment"])
