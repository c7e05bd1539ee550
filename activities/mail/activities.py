"""Activities: the delivery of the outbox: due mails are rendered, delivered and recorded, with retries."""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from temporalio import activity

from activities.heartbeat import heartbeating
from activities.mail.mime import DEMO_SENDER, BadAddress, MimeBuilder, mail_name
from activities.mail.rate_limit import RateLimit
from activities.mail.templates import MailTemplates
from activities.mail.transport import MailTransport, Undeliverable
from messages.mail import DeliverMails, MailsDelivered, Outbox, OutboxStatus
from store.database import Database
from store.reads.outbox import DueMail, due_mails, outbox_status, unreported_mails
from store.writes.outbox import FailedAttempt, Row, mark_reported, next_attempt_delay, record_attempts

log = logging.getLogger("aftercare.mail")

MAILS_PER_SECOND: Final = 50.0
_GIVEN_UP_LIMIT: Final = 100
"""How many given-up mails one result carries: each is a signal to its claim."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Timeouts and intervals of the delivery, in seconds."""

    poll: float = 0.5
    """Between two queries of an outbox in which nothing is due."""
    delivery: float = 30
    """Timeout of the delivery of one mail."""
    first_backoff: float = 30
    longest_backoff: float = 15 * 60
    give_up: float = 3 * 24 * 60 * 60
    """From a mail's first attempt on; the first one that fails after that is its last."""
    stop: float = 2
    """For deliveries in progress when the worker stops. The next worker retries those that have not ended by then."""


class NoAddressee(Exception):
    """No recipient is known for the mail."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The outcome of one batch. `more`: others may be due already."""

    sent: int
    given_up: int
    more: bool


@dataclass(slots=True)
class _Batch:
    """Outcomes not recorded yet. `finished` are the numbers of the mails that leave the outbox."""

    sent: list[Row] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    tried: list[FailedAttempt] = field(default_factory=list)


class OutgoingMail(Outbox):
    """Delivers the outbox in `database` through `transport`, a batch at once; the mails of one claim in their order.

    A mail is delivered first and recorded afterwards. A crash in between has no effect where the transport recognises a
    repeated mail (`FolderTransport`), and sends a second copy under the same Message-ID where it does not
    (`SmtpTransport`), as does a mail server that accepts a mail and does not respond in time. The other order could
    lose a mail, and a missing notice of a deadline is worse than a repeated one.

    A mail that fails is retried with backoff, and the later mails of its claim wait for it; those of other claims do
    not. It is given up after `timing.give_up`, or at once when it can never be delivered.

    Raises SQLAlchemy's errors when the database does not respond.
    """

    def __init__(
        self,
        database: Database,
        transport: MailTransport,
        templates: MailTemplates | None = None,
        sender: str = DEMO_SENDER,
        *,
        mails_per_second: float = MAILS_PER_SECOND,
        timing: Timing | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._transport = transport
        self._templates = templates or MailTemplates()
        self._mime = MimeBuilder(sender)
        self._rate_limit = RateLimit(mails_per_second)
        self._timing = timing or Timing()
        self._now = now
        # An attempt that Temporal has given up may still run when the next one begins in the same worker.
        self._lock = asyncio.Lock()

    @activity.defn
    async def deliver_mails(self, request: DeliverMails) -> MailsDelivered:
        if request.told:
            async with self._database.transaction() as session:
                await mark_reported(session, request.told)
        run = _DeliveryRun(self, self._database, self._timing)
        async with self._lock:
            return await run.deliver(request.seconds)

    async def deliver_due(self, stopping: asyncio.Event | None = None) -> Delivered:
        """Deliver a batch of the mails that are due now, and record the outcome of each.

        When `stopping` is set no further delivery begins; when cancelled, finished deliveries are recorded first.
        """
        due = await due_mails(self._database, self._now(), self._transport.batch_size)
        if not due:
            return Delivered(sent=0, given_up=0, more=False)
        claims: dict[str, list[DueMail]] = defaultdict(list)
        for mail in due:
            claims[mail.claim_id].append(mail)
        batch = _Batch()
        try:
            await asyncio.gather(*(self._deliver_in_order(mails, batch, stopping) for mails in claims.values()))
        finally:
            await self._record(batch)
        return Delivered(
            sent=len(batch.sent),
            given_up=sum(tried.failed_at is not None for tried in batch.tried),
            more=len(due) == self._transport.batch_size,
        )

    async def _deliver_in_order(self, mails: Sequence[DueMail], batch: _Batch, stopping: asyncio.Event | None) -> None:
        for mail in mails:
            if stopping is not None and stopping.is_set():
                return
            if mail.already_sent:
                batch.finished.append(mail.number)
                continue
            try:
                row = await self._send(mail)
            except Exception as error:  # of any kind: the other mails must not wait for this one
                failed = self._failed(mail, error)
                batch.tried.append(failed)
                if failed.failed_at is None:
                    return
            else:
                batch.sent.append(row)
                batch.finished.append(mail.number)

    async def _send(self, mail: DueMail) -> Row:
        """Render and deliver; the row for `mails`. NoAddressee, BadAddress and Undeliverable are final errors."""
        request = mail.message()
        recipient = await mail.recipient(self._database, request)
        if recipient is None:
            raise NoAddressee
        rendered = self._templates.render(request, recipient)
        name = mail_name(mail.claim_id, mail.kind, mail.occurrence)
        headers = {"X-Aftercare-Claim": mail.claim_id, "X-Aftercare-Kind": mail.kind}
        message = self._mime.build(rendered, name, (recipient.name, recipient.email), request.at, headers)
        await self._rate_limit.acquire()
        async with asyncio.timeout(self._timing.delivery):
            await self._transport.deliver(message, name)
        return {
            "claim_id": mail.claim_id,
            "kind": mail.kind,
            "occurrence": mail.occurrence,
            "message_id": self._mime.message_id(name),
            "recipient": recipient.email,
            "subject": rendered.subject,
            "at": request.at,
        }

    def _failed(self, mail: DueMail, error: Exception) -> FailedAttempt:
        now, timing, attempts = self._now(), self._timing, mail.attempts + 1
        first = mail.first_tried_at or now
        permanent = isinstance(error, NoAddressee | BadAddress | Undeliverable)
        given_up = permanent or now - first >= timedelta(seconds=timing.give_up)
        # A mail server's error text may contain the address, which must not reach Temporal.
        code = getattr(error, "code", None)
        reason = type(error).__name__ + (f" {code}" if isinstance(code, int) else "")
        name = mail_name(mail.claim_id, mail.kind, mail.occurrence)
        log.warning("mail %s %s: %s", name, "is given up" if given_up else "did not go out", reason)
        return FailedAttempt(
            number=mail.number,
            attempts=attempts,
            first_tried_at=first,
            next_try_at=now + next_attempt_delay(attempts, timing.first_backoff, timing.longest_backoff),
            error=reason,
            failed_at=now if given_up else None,
        )

    async def _record(self, batch: _Batch) -> None:
        if batch.finished or batch.tried:
            async with self._database.transaction() as session:
                await record_attempts(session, batch.sent, batch.finished, batch.tried)


class _DeliveryRun:
    """One attempt of the activity, or a run outside of any."""

    def __init__(self, mail: OutgoingMail, database: Database, timing: Timing) -> None:
        self._mail = mail
        self._database = database
        self._timing = timing
        self._stopping = asyncio.Event()
        self._sent = 0
        self._last_status = OutboxStatus(sent=0, waiting=0, failing=0, given_up=0)

    async def deliver(self, seconds: float) -> MailsDelivered:
        """Deliver until `seconds` are over, the worker stops or something has been given up.

        A run that is cancelled (a person pauses the activity) or whose worker stops begins no further batch and gives
        the deliveries in progress `timing.stop` seconds to end.
        """
        async with heartbeating(self._status):
            delivering = asyncio.create_task(self._deliver_until(seconds))
            shutdown = asyncio.create_task(_worker_shutdown())
            try:
                await asyncio.wait({delivering, shutdown}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                shutdown.cancel()
                await self._finish(delivering)
            return MailsDelivered(
                standing=await outbox_status(self._database, self._sent),
                given_up=await unreported_mails(self._database, _GIVEN_UP_LIMIT),
            )

    async def _finish(self, delivering: asyncio.Task[None]) -> None:
        self._stopping.set()
        try:
            await asyncio.wait({delivering}, timeout=self._timing.stop)
        finally:
            delivering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await delivering

    async def _deliver_until(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        # Given up in an attempt whose result was lost, or more than fit into one result.
        over = bool(await unreported_mails(self._database, 1))
        while not over and not self._stopping.is_set():
            delivered = await self._mail.deliver_due(self._stopping)
            self._sent += delivered.sent
            over = delivered.given_up > 0 or asyncio.get_running_loop().time() >= until
            if not delivered.more and not over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._timing.poll)

    async def _status(self) -> OutboxStatus:
        """For people; the last known status when the database does not respond: `_deliver_until` raises its error."""
        with contextlib.suppress(SQLAlchemyError):
            self._last_status = await outbox_status(self._database, self._sent)
        return self._last_status


async def _worker_shutdown() -> None:
    """Ends when the worker shuts down; outside an activity, never."""
    if activity.in_activity():
        await activity.wait_for_worker_shutdown()
    else:
        await asyncio.Event().wait()
