"""Activities: the renewal reminders, a page of terms at a time. Domain and store decide which are due."""

import logging
from collections.abc import Sequence
from email.message import Message

from sqlmodel import col
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.mail.mime import DEMO_SENDER, BadAddress, MimeBuilder, mail_name
from activities.mail.templates import MailTemplates, RenewalNotice
from activities.mail.transport import MailTransport, Undeliverable
from domain.dates import local_day
from messages.renewals import PageReminded, Reminder, RemindPage, Renewals
from store.database import Database
from store.reads import catalogue
from store.reads.due_reminders import OCCURRENCE, DueReminder, due_page
from store.tables.mails import MailRow
from store.upsert import insert_each_once

log = logging.getLogger("aftercare.reminders")


class DatabaseRenewals(Renewals):
    """Reminders of `database` through `transport`, a batch of the transport in each transaction.

    The rows of the sent mails are inserted first and committed only when the transport accepted them: of two runs at
    once the second waits for the first and then sends nothing. An attempt that crashes in between leaves no row, and
    the next one sends the mails again under the same names and Message-IDs, by which they are recognised.

    Raises ApplicationError, not to be retried, of type `not_found` for an unknown region. An owner who cannot be
    reached is skipped and logged; the others must not wait for them.
    """

    def __init__(
        self,
        database: Database,
        transport: MailTransport,
        sender: str = DEMO_SENDER,
        templates: MailTemplates | None = None,
    ) -> None:
        self._database = database
        self._transport = transport
        self._mime = MimeBuilder(sender)
        self._templates = templates or MailTemplates()

    @activity.defn
    async def remind_page(self, request: RemindPage) -> PageReminded:
        async with self._database.snapshot() as session:
            region = await catalogue.region(session, request.region)
            if region is None:
                raise ApplicationError(
                    f"There is no region {request.region}.",
                    type="not_found",
                    non_retryable=True,
                    category=ApplicationErrorCategory.BENIGN,
                )
            as_of = request.as_of or local_day(request.scheduled_at, region.time_zone)
            page = await due_page(session, region, as_of, request.at, request.after, request.size)
        sent: list[Reminder] = []
        for first in range(0, len(page.due), self._transport.batch_size):
            batch = page.due[first : first + self._transport.batch_size]
            sent_now = await self._remind([due for due in batch if not due.sent], request, region.time_zone)
            reminded = [due for due in batch if due.sent or due.term_id in sent_now]
            sent += [Reminder(serial_number=due.serial_number, kind=due.kind) for due in reminded]
            if activity.in_activity():
                activity.heartbeat(first + len(batch))
        return PageReminded(as_of=as_of, next=page.next, looked_at=page.looked_at, sent=tuple(sent))

    async def _remind(self, batch: Sequence[DueReminder], request: RemindPage, zone: str) -> set[str]:
        """Send reminders of different terms; the terms whose reminder was sent now."""
        mails = [mail for due in batch if (mail := self._mail(due, request, zone)) is not None]
        if not mails:
            return set()
        undeliverable: list[MailRow] = []
        async with self._database.transaction() as session:
            sent_now = await insert_each_once(session, [row for row, _, _ in mails], col(MailRow.claim_id))
            for row, mime, name in mails:
                if row.claim_id in sent_now:
                    try:
                        await self._transport.deliver(mime, name)
                    except Undeliverable:
                        log.warning("the reminder %s cannot be delivered", name)
                        undeliverable.append(row)
            for row in undeliverable:
                await session.delete(await session.get_one(MailRow, (row.claim_id, row.kind, row.occurrence)))
        return sent_now - {row.claim_id for row in undeliverable}

    def _mail(self, due: DueReminder, request: RemindPage, zone: str) -> tuple[MailRow, Message, str] | None:
        """The row of the sent mail, the message and its name; None for an invalid address."""
        renewal = due.renewal
        if renewal.price is None or renewal.last_day is None or renewal.starts_on is None or renewal.ends_on is None:
            raise AssertionError("a renewal on offer has a price and its days")
        notice = RenewalNotice(
            kind=due.kind,
            serial_number=due.serial_number,
            owner_name=due.owner_name,
            model_name=due.model_name,
            ended_on=due.ends_on,
            last_day=renewal.last_day,
            price=renewal.price,
            starts_on=renewal.starts_on,
            ends_on=renewal.ends_on,
            gap=renewal.gap,
        )
        name = mail_name(due.term_id, due.kind, OCCURRENCE)
        rendered = self._templates.render_renewal(notice, zone)
        row = MailRow(
            claim_id=due.term_id,
            kind=due.kind,
            occurrence=OCCURRENCE,
            message_id=self._mime.message_id(name),
            recipient=due.owner_email,
            subject=rendered.subject,
            at=request.at,
        )
        headers = {"X-Aftercare-Plan": due.term_id, "X-Aftercare-Kind": due.kind}
        try:
            return row, self._mime.build(rendered, name, (due.owner_name, due.owner_email), request.at, headers), name
        except BadAddress:
            log.warning("the reminder %s cannot be delivered", name)
            return None
