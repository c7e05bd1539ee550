"""Planted bugs of the outbox, each known from real systems. They test the tests."""

import contextlib
import itertools
from collections.abc import Sequence
from dataclasses import replace
from email.message import Message
from typing import Any, Final

from sqlalchemy import ColumnElement, exists
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.mail.activities import OutgoingMail
from activities.mail.mime import MimeBuilder
from messages.record import SaveClaim
from store.reads import outbox
from store.reads.outbox import DueMail
from store.tables.outbox import OutboxMailRow
from store.upsert import table_of
from store.writes.outbox import FailedAttempt, Row, record_attempts
from tests.mail.outbox import RecordingTransport, save_newest

_MAILS: Final = table_of(OutboxMailRow)
_EARLIER: Final = _MAILS.alias()
_attempts = itertools.count()


async def sends_before_it_is_committed(session: AsyncSession, save: SaveClaim, transport: RecordingTransport) -> None:
    await save_newest(session, save)
    for notice in save.notices:
        with contextlib.suppress(OSError):
            await transport.deliver(Message(), f"{save.claim.id}.{notice.kind}.{notice.occurrence}")


class NotesBeforeItSends(OutgoingMail):
    async def _send(self, mail: DueMail) -> Row:
        async with self._database.transaction() as session:
            await record_attempts(session, (), [mail.number], ())
        return await super()._send(mail)


class ForgetsWhatWentOut(OutgoingMail):
    async def _deliver_in_order(self, mails: Sequence[DueMail], *more: Any) -> None:
        await super()._deliver_in_order([replace(mail, already_sent=False) for mail in mails], *more)


class _NamesEachAttempt(MimeBuilder):
    def message_id(self, name: str) -> str:
        return super().message_id(f"{name}.{next(_attempts)}")


class TakesANewMessageId(OutgoingMail):
    def __init__(self, *requested: Any, **more: Any) -> None:
        super().__init__(*requested, **more)
        self._mime = _NamesEachAttempt()


class GoesOnAfterAFailure(OutgoingMail):
    async def _deliver_in_order(self, mails: Sequence[DueMail], *more: Any) -> None:
        for mail in mails:
            await super()._deliver_in_order([mail], *more)


class NeverGivesUp(OutgoingMail):
    def _failed(self, mail: DueMail, error: Exception) -> FailedAttempt:
        return replace(super()._failed(mail, error), failed_at=None)


class GivesUpWithoutAWord(OutgoingMail):
    async def _record(self, batch: Any) -> None:
        batch.finished += [tried.number for tried in batch.tried if tried.failed_at is not None]
        batch.tried = [tried for tried in batch.tried if tried.failed_at is None]
        await super()._record(batch)


def _due_unless(held_up: ColumnElement[bool] | None) -> Any:
    """The query of what is due with another condition in place of the last one, which keeps a claim's order."""
    waits, has_come, _ = outbox._SELECT_DUE._where_criteria
    statement = outbox._SELECT_DUE._generate()
    statement._where_criteria = (waits, has_come) if held_up is None else (waits, has_come, ~held_up)
    return statement


OVERTAKES: Final = _due_unless(None)
"""A mail is sent while an earlier one of its claim waits for its next attempt."""
WAITS_FOR_GIVEN_UP: Final = _due_unless(
    exists().where(
        _EARLIER.c.claim_id == _MAILS.c.claim_id,
        _EARLIER.c.id < _MAILS.c.id,
        _EARLIER.c.next_try_at > _MAILS.c.next_try_at,
    )
)
"""A mail that was given up keeps its claim's later ones waiting."""
