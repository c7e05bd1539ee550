"""Store, read side: the plans of a device, those given back included."""

from datetime import date, datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import local_day
from domain.kinds import ReasonCode, TermKind
from domain.money import Money
from store.reads.device_snapshot import load_snapshot
from store.reads.device_status import View
from store.tables.devices import TermRow


class StoredPlan(View):
    """A plan of a lineage. `price` is None for cover that was not sold here; `ended_at` is when it was given back, and
    `refund_refused` says that the gateway refused to refund it;
    `question` is what staff must decide before it covers anything (R-PUR-6)."""

    id: str
    term: TermKind
    region: str
    starts_on: date | None
    ends_on: date | None
    price: Money | None
    purchased_at: datetime
    ended_at: datetime | None
    refund_refused: bool
    question: ReasonCode | None


async def plans(session: AsyncSession, serial_number: str) -> list[StoredPlan] | None:
    """The plans of the device's lineage in the order of purchase; None for an unknown serial number."""
    device = await load_snapshot(session, serial_number)
    if device is None:
        return None
    # Few: sorted here, where an index for their order would have to be kept.
    rows = await session.exec(select(TermRow).where(TermRow.lineage_id == device.lineage_id))
    in_order = sorted(rows, key=lambda row: (row.purchased_at, row.id))
    return [_plan(row, device.region.time_zone) for row in in_order]


def _plan(row: TermRow, zone: str) -> StoredPlan:
    price = None
    if row.price_amount is not None and row.price_currency is not None:
        price = Money(row.price_amount, row.price_currency)
    return StoredPlan(
        id=row.id,
        term=TermKind(row.kind),
        region=row.region,
        starts_on=local_day(row.starts_at, zone) if row.starts_at else None,
        ends_on=row.ends_on,
        price=price,
        purchased_at=row.purchased_at,
        ended_at=row.ended_at,
        refund_refused=row.refund_refused,
        question=ReasonCode(row.question) if row.question and row.decided_at is None else None,
    )
