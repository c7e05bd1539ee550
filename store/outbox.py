"""Store: the outbox of mails. Written with a claim's record, read and emptied by their delivery; knows no mail server.

Order: a claim's mails go out in the order of their numbers. A mail is due when its moment has come and none of its
claim's earlier ones waits for a later moment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import bindparam, case, delete, exists, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from messages.claims import MailFailed
from messages.mail import MailGivenUp, MailStanding, SendMail
from messages.record import SaveClaim
from store.addressee import COLUMNS, Addressee, addressee, joined
from store.core import core
from store.database import Database
from store.once import insert_new, table_of
from store.outbox_table import OutboxMailRow
from store.payment_tables import MailRow

Row = dict[str, Any]
"""A line of the table `mails`."""

_MAILS, _SENT = table_of(OutboxMailRow), table_of(MailRow)
_EARLIER: Final = _MAILS.alias()
_WAITS: Final = _MAILS.c.failed_at.is_(None)
_FAILED: Final = _MAILS.c.failed_at.is_not(None)
_IS_HELD_UP: Final = exists().where(
    _EARLIER.c.claim_id == _MAILS.c.claim_id,
    _EARLIER.c.failed_at.is_(None),
    _EARLIER.c.id < _MAILS.c.id,
    _EARLIER.c.next_try_at > _MAILS.c.next_try_at,
)
_WENT_OUT: Final = exists().where(
    _SENT.c.claim_id == _MAILS.c.claim_id,
    _SENT.c.kind == _MAILS.c.kind,
    _SENT.c.occurrence == _MAILS.c.occurrence,
)
# By moment before number, as the index has them, so that however many wait only those that are due are looked at.
# None of a claim's earlier mails comes after it in that order, so the limit never cuts one off before its turn.
_DUE: Final = (
    select(
        _MAILS.c.id,
        _MAILS.c.claim_id,
        _MAILS.c.kind,
        _MAILS.c.occurrence,
        _MAILS.c.document,
        _MAILS.c.attempts,
        _MAILS.c.first_tried_at,
        _WENT_OUT.label("went_out"),
        *COLUMNS,
    )
    .select_from(joined(_MAILS, _MAILS.c.claim_id))
    .where(_WAITS, _MAILS.c.next_try_at <= bindparam("now"), ~_IS_HELD_UP)
    .order_by(_MAILS.c.next_try_at, _MAILS.c.id)
    .limit(bindparam("size"))
)
_WAITING: Final = (
    select(
        func.count().label("waiting"),
        func.coalesce(func.sum(case((_MAILS.c.attempts > 0, 1), else_=0)), 0).label("failing"),
        func.min(_MAILS.c.written_at).label("oldest"),
    )
    .where(_WAITS)
    .subquery()
)
_GIVEN_UP: Final = select(func.count().label("given_up")).select_from(_MAILS).where(_FAILED).subquery()
_STANDING: Final = select(_WAITING.c.waiting, _WAITING.c.failing, _WAITING.c.oldest, _GIVEN_UP.c.given_up)
_UNTOLD: Final = (
    select(_MAILS.c.id, _MAILS.c.claim_id, _MAILS.c.kind, _MAILS.c.occurrence, _MAILS.c.failed_at, _MAILS.c.error)
    .where(_FAILED, ~_MAILS.c.told)
    .order_by(_MAILS.c.id)
    .limit(bindparam("size"))
)
_TOLD: Final = update(_MAILS).where(_MAILS.c.id == bindparam("number"), _FAILED).values(told=True)
_LEAVES: Final = delete(_MAILS).where(_MAILS.c.id == bindparam("number"))
_TRIED: Final = (
    update(_MAILS)
    .where(_MAILS.c.id == bindparam("number"))
    .values({name: bindparam(name) for name in ("attempts", "first_tried_at", "next_try_at", "failed_at", "error")})
)
_LISTED: Final = (
    select(
        _MAILS.c.claim_id,
        _MAILS.c.kind,
        _MAILS.c.occurrence,
        _MAILS.c.written_at,
        _MAILS.c.attempts,
        _MAILS.c.next_try_at,
        _MAILS.c.failed_at,
        _MAILS.c.error,
    )
    .order_by(_MAILS.c.id)
    .limit(bindparam("size"))
)
_AGAIN: Final = update(_MAILS).values(
    next_try_at=bindparam("now"), attempts=0, first_tried_at=None, failed_at=None, error=None, told=False
)


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that is due now. `went_out`: it was sent before, and its notice was written once more since."""

    number: int
    claim_id: str
    kind: str
    occurrence: int
    attempts: int
    first_tried_at: datetime | None
    went_out: bool
    row: Any

    def message(self) -> SendMail:
        """What is to be written about. Raises ValidationError when this release cannot read it."""
        return SendMail.model_validate_json(self.row.document)

    async def addressee(self, database: Database, message: SendMail) -> Addressee | None:
        """Whom to send it to; None when nobody is known."""
        return await addressee(database, self.row, message.claim)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a failed try leaves: when the next one is, or when and why (`error`) the mail was given up."""

    number: int
    attempts: int
    first_tried_at: datetime
    next_try_at: datetime
    error: str
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutboxLine:
    """A mail in the outbox as ops see it: neither whom it goes to nor what it says."""

    claim_id: str
    kind: str
    occurrence: int
    written_at: datetime
    attempts: int
    next_try_at: datetime
    failed_at: datetime | None
    error: str | None


async def enqueue(session: AsyncSession, save: SaveClaim, now: datetime | None = None) -> None:
    """Write the mails that `save` asks for; those that are there already stay as they are."""
    if not save.notices:
        return
    now = now or datetime.now(UTC)
    rows = []
    for notice in save.notices:
        mail = notice.letter(save.claim)
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


async def due_mails(database: Database, now: datetime, size: int) -> list[DueMail]:
    """At most `size` of the mails that are due, each claim's in its order."""
    rows = await database.ask(_DUE, {"now": now, "size": size})
    return [
        DueMail(
            number=row.id,
            claim_id=row.claim_id,
            kind=row.kind,
            occurrence=row.occurrence,
            attempts=row.attempts,
            first_tried_at=row.first_tried_at,
            went_out=bool(row.went_out),
            row=row,
        )
        for row in rows
    ]


async def note(session: AsyncSession, sent: Sequence[Row], left: Iterable[int], tried: Sequence[Tried]) -> None:
    """`sent` are lines for `mails`, `left` the numbers of the mails that leave the outbox, `tried` those that stay."""
    if sent:
        await insert_new(session, MailRow, sent)
    if leaving := [{"number": number} for number in left]:
        await core(session, _LEAVES, leaving)
    if tried:
        await core(session, _TRIED, [{name: getattr(each, name) for name in Tried.__slots__} for each in tried])


async def standing(database: Database, sent: int) -> MailStanding:
    """How many wait and since when; `sent` is the caller's own count."""
    (row,) = await database.ask(_STANDING, {})
    return MailStanding(sent=sent, waiting=row.waiting, failing=row.failing, given_up=row.given_up, oldest=row.oldest)


async def untold(database: Database, size: int) -> tuple[MailGivenUp, ...]:
    """At most `size` of the mails that were given up and whose claims do not know it yet."""
    rows = await database.ask(_UNTOLD, {"size": size})
    return tuple(
        MailGivenUp(
            number=row.id,
            claim_id=row.claim_id,
            failed=MailFailed(
                # The moment tells two failures of one mail apart, between which somebody had it sent again.
                event_id=f"mail:{row.kind}:{row.occurrence}:{row.failed_at.isoformat()}",
                actor="system",
                kind=row.kind,
                occurrence=row.occurrence,
                reason=row.error or "",
            ),
        )
        for row in rows
    )


async def told(session: AsyncSession, numbers: Iterable[int]) -> None:
    """The claims of these given-up mails know of it."""
    if lines := [{"number": number} for number in numbers]:
        await core(session, _TOLD, lines)


async def listed(database: Database, size: int) -> list[OutboxLine]:
    """The oldest `size` mails in the outbox, waiting or given up."""
    return [OutboxLine(**row._asdict()) for row in await database.ask(_LISTED, {"size": size})]


async def again(session: AsyncSession, claim_id: str | None = None) -> int:
    """Have mails tried at once and for as long as new ones: all of a claim's, or every one that was given up.

    Answers how many.
    """
    chosen = _AGAIN.where(_FAILED) if claim_id is None else _AGAIN.where(_MAILS.c.claim_id == bindparam("whose"))
    values: Row = {"now": datetime.now(UTC)} | ({} if claim_id is None else {"whose": claim_id})
    return int((await core(session, chosen, values)).rowcount)


def next_try(attempts: int, first: float, longest: float) -> timedelta:
    """How long to wait after so many failed attempts: `first` seconds, doubling up to `longest`."""
    return timedelta(seconds=min(first * 2 ** min(attempts - 1, 32), longest))
