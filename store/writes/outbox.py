"""Store, write side: the outbox of mails, which are written with a claim's save and deleted once sent."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, update
from sqlmodel.ext.asyncio.session import AsyncSession

from messages.record import SaveClaim
from store.database import execute
from store.tables.mails import MailRow
from store.tables.outbox import OutboxMailRow
from store.upsert import insert_new, table_of

Row = dict[str, Any]
"""A row of the table `mails`."""
_MAILS: Final = table_of(OutboxMailRow)
_IS_GIVEN_UP: Final = _MAILS.c.failed_at.is_not(None)
_UPDATE_REPORTED: Final = update(_MAILS).where(_MAILS.c.id == bindparam("number"), _IS_GIVEN_UP).values(told=True)
_DELETE_MAIL: Final = delete(_MAILS).where(_MAILS.c.id == bindparam("number"))
_UPDATE_ATTEMPT: Final = (
    update(_MAILS)
    .where(_MAILS.c.id == bindparam("number"))
    .values({name: bindparam(name) for name in ("attempts", "first_tried_at", "next_try_at", "failed_at", "error")})
)
_UPDATE_RETRY: Final = update(_MAILS).values(
    next_try_at=bindparam("now"), attempts=0, first_tried_at=None, failed_at=None, error=None, told=False
)


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """A failed attempt: when the next one is due, or when and why (`error`) the mail with id `number` was given up."""

    number: int
    attempts: int
    first_tried_at: datetime
    next_try_at: datetime
    error: str
    failed_at: datetime | None = None


async def enqueue(session: AsyncSession, save: SaveClaim, now: datetime | None = None) -> None:
    """Write the mails of the save's notices; mails that are stored already are not changed."""
    if not save.notices:
        return
    now = now or datetime.now(UTC)
    rows = []
    for notice in save.notices:
        mail = notice.mail(save.claim)
        rows.append(
            {
                "claim_id": save.claim.id,
                "kind": mail.kind.value,
                "occurrence": mail.occurrence,
                "at": mail.at,
                "document": mail.model_dump_json(),
                "written_at": now,
                "next_try_at": now,
            }
        )
    await insert_new(session, OutboxMailRow, rows)


async def record_attempts(
    session: AsyncSession, sent: Sequence[Row], done: Iterable[int], failed: Sequence[FailedAttempt]
) -> None:
    """`sent` are rows for `mails`, `done` the ids to delete from the outbox, `failed` the mails that stay."""
    if sent:
        await insert_new(session, MailRow, sent)
    if numbers := [{"number": number} for number in done]:
        await execute(session, _DELETE_MAIL, numbers)
    if failed:
        await execute(session, _UPDATE_ATTEMPT, [asdict(each) for each in failed])


async def mark_reported(session: AsyncSession, numbers: Iterable[int]) -> None:
    """Store that these given-up mails were reported to their claims' workflows."""
    if parameters := [{"number": number} for number in numbers]:
        await execute(session, _UPDATE_REPORTED, parameters)


async def retry_mails(session: AsyncSession, claim_id: str | None = None) -> int:
    """Make mails due now with no attempts counted: all of a claim's, or all that were given up. Returns how many."""
    values: Row = {"now": datetime.now(UTC)}
    chosen: ColumnElement[bool] = _IS_GIVEN_UP
    if claim_id is not None:
        values["where_claim_id"] = claim_id
        chosen = _MAILS.c.claim_id == bindparam("where_claim_id")
    return int((await execute(session, _UPDATE_RETRY.where(chosen), values)).rowcount)


def next_attempt_delay(attempts: int, first: float, longest: float) -> timedelta:
    """The delay after `attempts` failed attempts: `first` seconds, doubling up to `longest`."""
    return timedelta(seconds=min(first * 2 ** min(attempts - 1, 32), longest))
