"""Activities: the renewal reminders, a page of terms at a time. Which are due is domain's and store's to say."""

import logging
from collections.abc import Sequence
from email.message import EmailMessage

from sqlmodel import col
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.envelope import DEMO_SENDER, BadAddress, Sender, notice_name
from activities.letters import Letters, RenewalNotice
from activities.post import Post, Undeliverable
from domain.dates import local_day
from messages.renewals import PageReminded, Reminder, RemindPage, Renewals
from store import catalogue
from store.database import Database
from store.once import insert_each_once
from store.payment_tables import MailRow
from store.reminders import OCCURRENCE, DueReminder, due_page

log = logging.getLogger("aftercare.reminders")


class DatabaseRenewals(Renewals):
    """Reminders out of `database` through `post`, as many in a transaction as the post takes at once.

    The notes that they went out are written first and kept only when the post took them: of two runs at once the
    second waits for the first and then sends nothing. An attempt that dies between the two leaves no note, and the
    next one posts them again under the same names and Message-IDs, by which a folder and mail programs recognise them.

    Raises ApplicationError, not to be retried, of type `not_found` for an unknown region. An owner who cannot be
    reached is left out and logged; the others must not wait for them.
    """

    def __init__(
        self, database: Database, post: Post, sender: str = DEMO_SENDER, letters: Letters | None = None
    ) -> None:
        self._database = database
        self._post = post
        self._sender = Sender(sender)
        self._letters = letters or Letters()

    @activity.defn
    async def remind_page(self, ask: RemindPage) -> PageReminded:
        async with self._database.reading() as session:
            region = await catalogue.region(session, ask.region)
            if region is None:
                raise ApplicationError(f"There is no region {ask.region}.", type="not_found", non_retryable=True)
            as_of = ask.as_of or local_day(ask.scheduled_at, region.time_zone)
            page = await due_page(session, region, as_of, ask.at, ask.after, ask.size)
        sent: list[Reminder] = []
        for first in range(0, len(page.due), self._post.at_once):
            some = page.due[first : first + self._post.at_once]
            went_out = await self._remind([due for due in some if not due.sent], ask, region.time_zone)
            said = [due for due in some if due.sent or due.term_id in went_out]
            sent += [Reminder(serial_number=due.serial_number, kind=due.kind) for due in said]
            if activity.in_activity():
                activity.heartbeat(first + len(some))
        return PageReminded(as_of=as_of, next=page.next, looked_at=page.looked_at, sent=tuple(sent))

    async def _remind(self, some: Sequence[DueReminder], ask: RemindPage, zone: str) -> set[str]:
        """Send reminders of different terms; the terms whose reminder went out now."""
        mails = [mail for due in some if (mail := self._mail(due, ask, zone)) is not None]
        if not mails:
            return set()
        never = []
        async with self._database.writing() as session:
            went_out = await insert_each_once(session, [row for row, _, _ in mails], col(MailRow.claim_id))
            for row, envelope, name in mails:
                if row.claim_id in went_out:
                    try:
                        await self._post.deliver(envelope, name)
                    except Undeliverable:
                        log.warning("the reminder %s cannot be delivered", name)
                        never.append(row)
            for row in never:
                await session.delete(await session.get_one(MailRow, (row.claim_id, row.kind, row.occurrence)))
        return went_out - {row.claim_id for row in never}

    def _mail(self, due: DueReminder, ask: RemindPage, zone: str) -> tuple[MailRow, EmailMessage, str] | None:
        """The note, the mail and its name; None when it cannot be addressed."""
        answer = due.answer
        if answer.price is None or answer.last_day is None or answer.starts_on is None or answer.ends_on is None:
            raise AssertionError("a renewal that can be had has a price and its days")
        notice = RenewalNotice(
            kind=due.kind,
            serial_number=due.serial_number,
            owner_name=due.owner_name,
            model_name=due.model_name,
            ended_on=due.ends_on,
            last_day=answer.last_day,
            price=answer.price,
            starts_on=answer.starts_on,
            ends_on=answer.ends_on,
            gap=answer.gap,
        )
        name = notice_name(due.term_id, due.kind, OCCURRENCE)
        letter = self._letters.remind(notice, zone)
        row = MailRow(
            claim_id=due.term_id,
            kind=due.kind,
            occurrence=OCCURRENCE,
            message_id=self._sender.message_id(name),
            recipient=due.owner_email,
            subject=letter.subject,
            at=ask.at,
        )
        marks = {"X-Aftercare-Plan": due.term_id, "X-Aftercare-Kind": due.kind}
        try:
            return row, self._sender.envelope(letter, name, (due.owner_name, due.owner_email), ask.at, marks), name
        except BadAddress:
            log.warning("the reminder %s cannot be delivered", name)
            return None
