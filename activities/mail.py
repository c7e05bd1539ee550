"""Activities: the delivery of the outbox's mails: what is due is composed, posted and noted, again and again."""

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

from activities.alive import alive
from activities.envelope import DEMO_SENDER, BadAddress, Sender, notice_name
from activities.letters import Letters
from activities.pace import Pace
from activities.post import Post, Undeliverable
from messages.mail import DeliverMails, MailsDelivered, MailStanding, Outbox
from store import outbox
from store.database import Database
from store.outbox import DueMail, Row, Tried

log = logging.getLogger("aftercare.mail")

MAILS_PER_SECOND: Final = 50.0
_TOLD_AT_ONCE: Final = 100
"""How many given-up mails one result carries: each is a signal to its claim."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the delivery waits for what, in seconds."""

    poll: float = 0.5
    """Between two looks at an outbox in which nothing is due."""
    delivery: float = 30
    """For the mail server to take one mail."""
    first_backoff: float = 30
    longest_backoff: float = 15 * 60
    give_up: float = 3 * 24 * 60 * 60
    """From a mail's first attempt on; the first one that fails after that is its last."""
    stop: float = 2
    """For mails in hand when the worker stops. What is not out by then is tried again by the next worker."""


class NoAddressee(Exception):
    """Nobody is known whom the mail could go to."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of the mails that were due. `more`: others may be due already."""

    sent: int
    given_up: int
    more: bool


@dataclass(slots=True)
class _Batch:
    """What became of mails since the last note. `left` are the numbers of those that leave the outbox."""

    sent: list[Row] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)


class OutgoingMail(Outbox):
    """Delivers the outbox in `database` through `post`: as many at once as it takes, a claim's own one after another.

    A mail is posted first and noted afterwards. Dying in between costs nothing where the post itself recognises a mail
    (`FolderPost`), and a second copy under the same Message-ID where it cannot (`SmtpPost`), as does a mail server that
    takes a mail and does not answer in time. The other order could lose a mail, and a notice of a deadline that never
    came is worse than one that came twice.

    A mail that fails is tried again with backoff, and its claim's later ones wait for it; those of other claims do not.
    It is given up after `timing.give_up`, or at once when it can never be delivered.

    Raises SQLAlchemy's errors when the database does not answer.
    """

    def __init__(
        self,
        database: Database,
        post: Post,
        letters: Letters | None = None,
        sender: str = DEMO_SENDER,
        *,
        mails_per_second: float = MAILS_PER_SECOND,
        timing: Timing | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._post = post
        self._letters = letters or Letters()
        self._sender = Sender(sender)
        self._pace = Pace(mails_per_second)
        self._timing = timing or Timing()
        self._now = now
        # An attempt that Temporal has given up may still run when the next one begins in the same worker.
        self._turn = asyncio.Lock()

    @activity.defn
    async def deliver_mails(self, request: DeliverMails) -> MailsDelivered:
        if request.told:
            async with self._database.writing() as session:
                await outbox.told(session, request.told)
        run = _Run(self, self._database, self._timing)
        async with self._turn:
            return await run.deliver(request.seconds)

    async def deliver_due(self, stopping: asyncio.Event | None = None) -> Delivered:
        """Deliver what is due now, as many as the post takes at once, and note what became of each.

        When `stopping` is set no further one is begun; when cancelled, those that went out are noted first.
        """
        due = await outbox.due_mails(self._database, self._now(), self._post.at_once)
        if not due:
            return Delivered(sent=0, given_up=0, more=False)
        claims: dict[str, list[DueMail]] = defaultdict(list)
        for mail in due:
            claims[mail.claim_id].append(mail)
        batch = _Batch()
        try:
            await asyncio.gather(*(self._in_order(mails, batch, stopping) for mails in claims.values()))
        finally:
            await self._note(batch)
        return Delivered(
            sent=len(batch.sent),
            given_up=sum(tried.failed_at is not None for tried in batch.tried),
            more=len(due) == self._post.at_once,
        )

    async def _in_order(self, mails: Sequence[DueMail], batch: _Batch, stopping: asyncio.Event | None) -> None:
        for mail in mails:
            if stopping is not None and stopping.is_set():
                return
            if mail.went_out:
                batch.left.append(mail.number)
                continue
            try:
                row = await self._send(mail)
            except Exception as error:  # whatever it is, the other mails must not wait for this one
                failed = self._failed(mail, error)
                batch.tried.append(failed)
                if failed.failed_at is None:
                    return
            else:
                batch.sent.append(row)
                batch.left.append(mail.number)

    async def _send(self, mail: DueMail) -> Row:
        """Compose and post; the line for `mails`. Raises NoAddressee, BadAddress, Undeliverable; else to be retried."""
        message = mail.message()
        addressee = await mail.addressee(self._database, message)
        if addressee is None:
            raise NoAddressee
        letter = self._letters.compose(message, addressee)
        name = notice_name(mail.claim_id, mail.kind, mail.occurrence)
        marks = {"X-Aftercare-Claim": mail.claim_id, "X-Aftercare-Kind": mail.kind}
        envelope = self._sender.envelope(letter, name, (addressee.name, addressee.email), message.at, marks)
        await self._pace.turn()
        async with asyncio.timeout(self._timing.delivery):
            await self._post.deliver(envelope, name)
        return {
            "claim_id": mail.claim_id,
            "kind": mail.kind,
            "occurrence": mail.occurrence,
            "message_id": self._sender.message_id(name),
            "recipient": addressee.email,
            "subject": letter.subject,
            "at": message.at,
        }

    def _failed(self, mail: DueMail, error: Exception) -> Tried:
        now, timing, attempts = self._now(), self._timing, mail.attempts + 1
        first = mail.first_tried_at or now
        hopeless = isinstance(error, NoAddressee | BadAddress | Undeliverable)
        given_up = hopeless or now - first >= timedelta(seconds=timing.give_up)
        # The words of a mail server's error may repeat the address, which has no place in Temporal.
        code = getattr(error, "code", None)
        reason = type(error).__name__ + (f" {code}" if isinstance(code, int) else "")
        name = notice_name(mail.claim_id, mail.kind, mail.occurrence)
        log.warning("mail %s %s: %s", name, "is given up" if given_up else "did not go out", reason)
        return Tried(
            number=mail.number,
            attempts=attempts,
            first_tried_at=first,
            next_try_at=now + outbox.next_try(attempts, timing.first_backoff, timing.longest_backoff),
            error=reason,
            failed_at=now if given_up else None,
        )

    async def _note(self, batch: _Batch) -> None:
        if batch.left or batch.tried:
            async with self._database.writing() as session:
                await outbox.note(session, batch.sent, batch.left, batch.tried)


class _Run:
    """One run of the activity, or one outside of any."""

    def __init__(self, mail: OutgoingMail, database: Database, timing: Timing) -> None:
        self._mail = mail
        self._database = database
        self._timing = timing
        self._stopping = asyncio.Event()
        self._sent = 0
        self._seen = MailStanding(sent=0, waiting=0, failing=0, given_up=0)

    async def deliver(self, seconds: float) -> MailsDelivered:
        """Deliver until `seconds` are over, the worker stops or something has been given up.

        A run that is cancelled (a person pauses the activity) or whose worker stops begins no further batch and gives
        the mails in hand `timing.stop` seconds to go out.
        """
        async with alive(self._look):
            working = asyncio.create_task(self._work(seconds))
            watching = asyncio.create_task(_worker_stops())
            try:
                await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                watching.cancel()
                await self._end(working)
            return MailsDelivered(
                standing=await outbox.standing(self._database, self._sent),
                given_up=await outbox.untold(self._database, _TOLD_AT_ONCE),
            )

    async def _end(self, working: asyncio.Task[None]) -> None:
        self._stopping.set()
        try:
            await asyncio.wait({working}, timeout=self._timing.stop)
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working

    async def _work(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        # Told of by a run whose result was lost, or more than one result carries.
        over = bool(await outbox.untold(self._database, 1))
        while not over and not self._stopping.is_set():
            delivered = await self._mail.deliver_due(self._stopping)
            self._sent += delivered.sent
            over = delivered.given_up > 0 or asyncio.get_running_loop().time() >= until
            if not delivered.more and not over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._timing.poll)

    async def _look(self) -> MailStanding:
        """For people; without an answer from the database, what was seen last. Its error is for `_work` to raise."""
        with contextlib.suppress(SQLAlchemyError):
            self._seen = await outbox.standing(self._database, self._sent)
        return self._seen


async def _worker_stops() -> None:
    """Ends when the worker is asked to stop; outside an activity, never."""
    if activity.in_activity():
        await activity.wait_for_worker_shutdown()
    else:
        await asyncio.Event().wait()
