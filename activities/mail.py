"""Activities: Mail. Looks the addressee up, composes, posts and notes it: once per claim, kind and occurrence."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.envelope import DEMO_SENDER, BadAddress, Sender, notice_name
from activities.letters import Letters
from activities.post import Post, Undeliverable
from domain.claim import Claim
from messages.mail import Mail, MailSent, Notice, SendMail
from store.addressee import Addressee, load_addressee
from store.database import Database
from store.once import insert_new
from store.payment_tables import MailRow

log = logging.getLogger("aftercare.mail")
Row = dict[str, Any]

AT_ONCE_SECONDS: Final = 3
"""How long a claim waits for the mails that go out with its record; whoever asked the claim waits as long."""


class OutgoingMail(Mail):
    """The post office: a mail is posted first and noted afterwards.

    Dying in between costs nothing where the post itself recognises a mail (`FolderPost`), and a second copy under the
    same Message-ID where it cannot (`SmtpPost`). The other order could lose a mail, and a notice of a deadline that
    never came is worse than one that came twice.

    `at_once_seconds`: how long the notices that go out with a claim's record are waited for.

    Raises ApplicationError, not to be retried, of type `NoAddressee` when the claim's owner is unknown and of type
    `Undeliverable` when the address cannot be used.
    """

    def __init__(
        self,
        database: Database,
        post: Post,
        letters: Letters | None = None,
        sender: str = DEMO_SENDER,
        at_once_seconds: float = AT_ONCE_SECONDS,
    ) -> None:
        self._database = database
        self._post = post
        self._letters = letters or Letters()
        self._sender = Sender(sender)
        self._at_once_seconds = at_once_seconds

    @activity.defn
    async def send_mail(self, ask: SendMail) -> MailSent:
        addressee = await load_addressee(self._database, ask.claim)
        if addressee is None:
            raise ApplicationError(
                f"Nobody is known to tell about {ask.claim.id}.", type="NoAddressee", non_retryable=True
            )
        sent = addressee.sent.get((ask.kind, ask.occurrence))
        if sent is not None:
            return MailSent(message_id=sent)
        row = await self._posted(ask, addressee)
        await self._note([row])
        return MailSent(message_id=row["message_id"])

    async def send_notices(self, claim: Claim, notices: Sequence[Notice]) -> tuple[int, ...]:
        """Try what has not gone out yet, each once and none for long; the places of those that did not go out.

        Never raises for a letter or a post office: whoever sends those again will see why.
        """
        addressee = await load_addressee(self._database, claim)
        if addressee is None:
            return tuple(range(len(notices)))
        sent = addressee.sent
        wanted = [place for place, notice in enumerate(notices) if (notice.kind, notice.occurrence) not in sent]
        unsent: list[int] = []
        until = asyncio.get_running_loop().time() + self._at_once_seconds
        for first in range(0, len(wanted), self._post.at_once):
            places = wanted[first : first + self._post.at_once]
            asks = [notices[place].letter(claim) for place in places]
            gone = await self._send_together(asks, addressee, until)
            unsent += [place for place, out in zip(places, gone, strict=True) if not out]
        return tuple(unsent)

    async def _send_together(self, asks: Sequence[SendMail], addressee: Addressee, until: float) -> list[bool]:
        """Which of them went out by `until`, on the loop's clock. All that did are noted, also when we are stopped."""
        rows: list[Row] = []

        async def one(ask: SendMail) -> bool:
            try:
                async with asyncio.timeout_at(until):
                    rows.append(await self._posted(ask, addressee))
            except Exception as error:  # whatever it is, the record stands
                log.warning("mail %s of %s did not go out at once: %s", ask.kind, ask.claim.id, type(error).__name__)
                return False
            return True

        try:
            return await asyncio.gather(*map(one, asks))
        finally:
            await self._note(rows)

    async def _posted(self, ask: SendMail, addressee: Addressee) -> Row:
        """Compose and post; the MailRow to note of it. Raises ApplicationError of type `Undeliverable`."""
        letter = self._letters.compose(ask, addressee)
        name = notice_name(ask.claim.id, str(ask.kind), ask.occurrence)
        marks = {"X-Aftercare-Claim": ask.claim.id, "X-Aftercare-Kind": str(ask.kind)}
        try:
            envelope = self._sender.envelope(letter, name, (addressee.name, addressee.email), ask.at, marks)
        except BadAddress as bad_address:
            raise _undeliverable(name) from bad_address
        try:
            await self._post.deliver(envelope, name)
        except Undeliverable as never:
            raise _undeliverable(name) from never
        return {
            "claim_id": ask.claim.id,
            "kind": str(ask.kind),
            "occurrence": ask.occurrence,
            "message_id": self._sender.message_id(name),
            "recipient": addressee.email,
            "subject": letter.subject,
            "at": ask.at,
        }

    async def _note(self, rows: Sequence[Row]) -> None:
        if rows:
            async with self._database.writing() as session:
                await insert_new(session, MailRow, rows)


def _undeliverable(name: str) -> ApplicationError:
    return ApplicationError(f"The mail {name} cannot be delivered.", type="Undeliverable", non_retryable=True)
