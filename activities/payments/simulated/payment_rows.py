"""Activities: the simulated gateway's payments as rows, and the webhook event that each change leaves."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.gateway import GatewayRefused, Payment
from activities.payments.simulated.responses import PAYMENT
from domain.money import Money
from messages.ids import new_id
from store.database import execute
from store.tables.simulated_gateway import GatewayEventRow, GatewayPaymentRow
from store.upsert import table_of

_PAYMENTS = table_of(GatewayPaymentRow)
_LOCK: Final = select(_PAYMENTS).where(_PAYMENTS.c.id == bindparam("of_id")).with_for_update()
_OF_SUBJECT: Final = (
    select(_PAYMENTS)
    .where(_PAYMENTS.c.subject == bindparam("of_subject"))
    .order_by(_PAYMENTS.c.created_at, _PAYMENTS.c.id)
    .with_for_update()
)
_PAGE: Final = (
    select(_PAYMENTS).where(_PAYMENTS.c.id > bindparam("after")).order_by(_PAYMENTS.c.id).limit(bindparam("most"))
)
_HOLDS: Final = select(func.count()).where(
    _PAYMENTS.c.subject == bindparam("of_subject"),
    _PAYMENTS.c.payment_method == bindparam("of_method"),
    _PAYMENTS.c.kind == "hold",
)
_INSERT: Final = insert(_PAYMENTS)
_UPDATE: Final = update(_PAYMENTS).where(_PAYMENTS.c.id == bindparam("of_id"))
_INSERT_EVENT: Final = insert(table_of(GatewayEventRow)).inline()


@dataclass(slots=True)
class PaymentRow:
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

    def payment(self) -> Payment:
        """The payment as the gateway shows it."""
        return PAYMENT.validate_python(
            {
                "id": self.id,
                "kind": self.kind,
                "status": self.state,
                "amount": Money(self.amount, self.currency),
                "captured": Money(self.captured, self.currency),
                "refunded": Money(self.refunded, self.currency),
                "capture_before": self.expires_at,
                "subject": self.subject,
                "reference": self.reference,
            }
        )


async def lock(session: AsyncSession, payment_id: str) -> PaymentRow:
    """The payment, locked. Raises GatewayRefused with state `unknown` when there is none."""
    row = (await execute(session, _LOCK, {"of_id": payment_id})).mappings().first()
    if row is None:
        raise GatewayRefused("unknown")
    return PaymentRow(**row)


async def lock_all(session: AsyncSession, subject: str) -> Sequence[PaymentRow]:
    """Every payment of the subject, locked, oldest first."""
    return [PaymentRow(**row) for row in (await execute(session, _OF_SUBJECT, {"of_subject": subject})).mappings()]


async def page(session: AsyncSession, after: str | None, limit: int) -> Sequence[PaymentRow]:
    """At most `limit` payments after the id `after`."""
    return [
        PaymentRow(**row) for row in (await execute(session, _PAGE, {"after": after or "", "most": limit})).mappings()
    ]


async def count_holds(session: AsyncSession, subject: str, payment_method: str) -> int:
    """The holds placed on the card for the subject so far."""
    return int((await execute(session, _HOLDS, {"of_subject": subject, "of_method": payment_method})).scalar_one())


async def insert_payment(session: AsyncSession, row: PaymentRow, event: str) -> Payment:
    """Write the new payment, with its webhook event."""
    await execute(session, _INSERT, asdict(row))
    await _insert_event(session, row, event, row.created_at)
    return row.payment()


async def update_payment(session: AsyncSession, row: PaymentRow, event: str, at: datetime, total: int = 0) -> Payment:
    """Write the change that happened at `at`, with its webhook event: one for each `total` (of refunds)."""
    values: dict[str, Any] = {"state": row.state, "captured": row.captured, "refunded": row.refunded}
    await execute(session, _UPDATE, values | {"of_id": row.id})
    await _insert_event(session, row, event, at, total)
    return row.payment()


async def _insert_event(session: AsyncSession, row: PaymentRow, event: str, at: datetime, total: int = 0) -> None:
    event_id = new_id("evt", f"{row.id}:{event}:{total}")
    values = {"id": event_id, "payment_id": row.id, "subject": row.subject, "happened": event, "at": at}
    await execute(session, _INSERT_EVENT, values)
