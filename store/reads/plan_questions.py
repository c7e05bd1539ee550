"""Store, read side: the plans whose purchase staff must decide upon (R-PUR-6), the longest waiting first."""

from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, String, bindparam, select, tuple_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import DeviceStatus, ReasonCode, TermKind
from store.database import execute
from store.query_hints import literal_limit
from store.tables.devices import IS_UNDECIDED, DeviceRow, TermRow
from store.tables.types import Instant

PlanPosition = tuple[datetime, str]
"""Where a page ended: the instant of the last purchase, and the plan's id."""


class PlanQuestionView(BaseModel):
    """A plan in question. `activated_at` is the activation that was told after the purchase."""

    model_config = ConfigDict(frozen=True)

    plan_id: str
    term: TermKind
    question: ReasonCode
    serial_number: str
    model: str
    region: str
    purchased_at: datetime
    activated_at: datetime | None

    @property
    def position(self) -> PlanPosition:
        return self.purchased_at, self.plan_id


async def plan_questions(session: AsyncSession, after: PlanPosition | None, limit: int) -> list[PlanQuestionView]:
    """`limit` plans in question after `after`."""
    values = {} if after is None else {"after_instant": after[0], "after_id": after[1]}
    found = await execute(session, _page(after is not None, limit), values)
    return [PlanQuestionView(**line) for line in found.mappings()]


@lru_cache(maxsize=64)
def _page(continued: bool, limit: int) -> Select[Any]:
    order = (col(TermRow.purchased_at), col(TermRow.id))
    columns: list[Any] = [
        col(TermRow.id).label("plan_id"),
        col(TermRow.kind).label("term"),
        col(TermRow.question),
        col(DeviceRow.serial_text).label("serial_number"),
        col(DeviceRow.model),
        col(TermRow.region),
        col(TermRow.purchased_at),
        col(DeviceRow.activated_at),
    ]
    statement = (
        select(*columns)
        .join(DeviceRow, col(DeviceRow.lineage_id) == col(TermRow.lineage_id))
        .where(IS_UNDECIDED, col(DeviceRow.status) == DeviceStatus.CURRENT.value)
    )
    if continued:
        position = tuple_(bindparam("after_instant", type_=Instant()), bindparam("after_id", type_=String()))
        statement = statement.where(tuple_(*order) > position)
    return statement.order_by(*order).limit(literal_limit(limit))
