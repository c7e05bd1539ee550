"""Store, read side: the outbox of mails: which are due, given up or pending."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, exists, func, select, true

from messages.claims import MailFailed
from messages.mail import MailGivenUp, OutboxStatus, SendMail
from store.database import Database
from store.reads.mail_recipient import COLUMNS, Recipient, join_recipient, recipient_from
from store.tables.mails import MailRow
from store.tables.outbox import OutboxMailRow
from store.upsert import table_of

_MAILS, _SENT = table_of(OutboxMailRow), table_of(MailRow)
_EARLIER: Final = _MAILS.alias()
_IS_PENDING: Final = _MAILS.c.failed_at.is_(None)
_IS_GIVEN_UP: Final = _MAILS.c.failed_at.is_not(None)
_WAITS_FOR_EARLIER: Final = exists().where(
    _EARLIER.c.claim_id == _MAILS.c.claim_id,
    _EARLIER.c.failed_at.is_(None),
    _EARLIER.c.id < _MAILS.c.id,
    _EARLIER.c.next_try_at > _MAILS.c.next_try_at,
)
_ALREADY_SENT: Final = exists().where(
    _SENT.c.claim_id == _MAILS.c.claim_id,
    _SENT.c.kind == _MAILS.c.kind,
    _SENT.c.occurrence == _MAILS.c.occurrence,
)
# Ordered by instant before id, as the index is, so that only due mails are read, however many are pending. In that
# order a claim's earlier mail comes before a later one, so the limit never returns a later mail without the earlier.
_SELECT_DUE: Final = (
    select(
        _MAILS.c.id,
        _MAILS.c.claim_id,
        _MAILS.c.kind,
        _MAILS.c.occurrence,
        _MAILS.c.document,
        _MAILS.c.attempts,
        _MAILS.c.first_tried_at,
        _ALREADY_SENT.label("already_sent"),
        *COLUMNS,
    )
    .select_from(join_recipient(_MAILS, _MAILS.c.claim_id))
    .where(_IS_PENDING, _MAILS.c.next_try_at <= bindparam("now"), ~_WAITS_FOR_EARLIER)
    .order_by(_MAILS.c.next_try_at, _MAILS.c.id)
    .limit(bindparam("size"))
)
_PENDING_COUNTS: Final = (
    select(
        func.count().label("waiting"),
        func.coalesce(func.sum(case((_MAILS.c.attempts > 0, 1), else_=0)), 0).label("failing"),
        func.min(_MAILS.c.written_at).label("oldest"),
    )
    .where(_IS_PENDING)
    .subquery()
)
_GIVEN_UP_COUNT: Final = select(func.count().label("given_up")).select_from(_MAILS).where(_IS_GIVEN_UP).subquery()
_SELECT_STATUS: Final = select(
    _PENDING_COUNTS.c.waiting, _PENDING_COUNTS.c.failing, _PENDING_COUNTS.c.oldest, _GIVEN_UP_COUNT.c.given_up
).select_from(_PENDING_COUNTS.join(_GIVEN_UP_COUNT, true()))
_SELECT_UNREPORTED: Final = (
    select(_MAILS.c.id, _MAILS.c.claim_id, _MAILS.c.kind, _MAILS.c.occurrence, _MAILS.c.failed_at, _MAILS.c.error)
    .where(_IS_GIVEN_UP, ~_MAILS.c.told)
    .order_by(_MAILS.c.id)
    .limit(bindparam("size"))
)
_SELECT_ENTRIES: Final = (
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


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that is due now. `already_sent`: it is in `mails`; its notice was written again after it was sent."""

    number: int
    claim_id: str
    kind: str
    occurrence: int
    attempts: int
    first_tried_at: datetime | None
    already_sent: bool
    row: Any

    def message(self) -> SendMail:
        """The message to render. Raises ValidationError when this release cannot read it."""
        return SendMail.model_validate_json(self.row.document)

    async def recipient(self, database: Database, message: SendMail) -> Recipient | None:
        """The recipient; None when the owner is unknown."""
        return await recipient_from(database, self.row, message.claim)


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A mail in the outbox for operators, without recipient and text."""

    claim_id: str
    kind: str
    occurrence: int
    written_at: datetime
    attempts: int
    next_try_at: datetime
    failed_at: datetime | None
    error: str | None


async def due_mails(database: Database, now: datetime, size: int) -> list[DueMail]:
    """At most `size` due mails, those of one claim in the order they were written."""
    rows = await database.fetch(_SELECT_DUE, {"now": now, "size": size})
    return [
        DueMail(
            number=row.id,
            claim_id=row.claim_id,
            kind=row.kind,
            occurrence=row.occurrence,
            attempts=row.attempts,
            first_tried_at=row.first_tried_at,
            already_sent=bool(row.already_sent),
            row=row,
        )
        for row in rows
    ]


async def outbox_status(database: Database, sent: int) -> OutboxStatus:
    """Counts of pending and given-up mails, and the oldest pending; `sent` is the caller's own count."""
    (row,) = await database.fetch(_SELECT_STATUS)
    return OutboxStatus(sent=sent, waiting=row.waiting, failing=row.failing, given_up=row.given_up, oldest=row.oldest)


async def unreported_mails(database: Database, size: int) -> tuple[MailGivenUp, ...]:
    """At most `size` given-up mails that were not reported to their claims' workflows yet."""
    rows = await database.fetch(_SELECT_UNREPORTED, {"size": size})
    return tuple(
        MailGivenUp(
            number=row.id,
            claim_id=row.claim_id,
            failed=MailFailed(
                # The instant distinguishes two failures of one mail that was retried in between.
                event_id=f"mail:{row.kind}:{row.occurrence}:{row.failed_at.isoformat()}",
                actor="system",
                kind=row.kind,
                occurrence=row.occurrence,
                reason=row.error or "",
            ),
        )
        for row in rows
    )


async def list_mails(database: Database, size: int) -> list[OutboxEntry]:
    """The oldest `size` mails in the outbox, pending or given up."""
    return [OutboxEntry(**row._asdict()) for row in await database.fetch(_SELECT_ENTRIES, {"size": size})]
