"""Activities: Mail. Looks the addressee up, composes, posts and notes it: once per claim, kind and occurrence."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.letters import Letter, Letters
from activities.post import Post, Undeliverable
from messages.mail import Mail, MailSent, SendMail
from store.addressee import Addressee, load_addressee
from store.database import Database
from store.once import insert_once
from store.payment_tables import MailRow

DEMO_SENDER: Final = "Aftercare <care@aftercare.example>"


class OutgoingMail(Mail):
    """The post office: a mail is posted first and noted afterwards.

    Dying in between costs nothing where the post itself recognises a mail (`FolderPost`), and a second copy under the
    same Message-ID where it cannot (`SmtpPost`). The other order could lose a mail, and a notice of a deadline that
    never came is worse than one that came twice.

    Raises ApplicationError, not to be retried, of type `NoAddressee` when the claim's owner is unknown and of type
    `Undeliverable` when the address cannot be used.
    """

    def __init__(
        self, database: Database, post: Post, letters: Letters | None = None, sender: str = DEMO_SENDER
    ) -> None:
        self._database = database
        self._post = post
        self._letters = letters or Letters()
        name, address = parseaddr(sender)
        self._sender = Address(display_name=name, addr_spec=address)

    @activity.defn
    async def send_mail(self, ask: SendMail) -> MailSent:
        async with self._database.reading() as session:
            sent = await session.get(MailRow, (ask.claim.id, str(ask.kind), ask.occurrence))
            if sent is not None:
                return MailSent(message_id=sent.message_id)
            addressee = await load_addressee(session, ask.claim)
        if addressee is None:
            raise ApplicationError(
                f"Nobody is known to tell about {ask.claim.id}.", type="NoAddressee", non_retryable=True
            )
        letter = self._letters.compose(ask, addressee)
        name = _name(ask)
        message_id = f"<{name}@{self._sender.domain}>"
        try:
            envelope = self._envelope(letter, addressee, ask, message_id)
        except (MessageError, ValueError, IndexError) as bad_address:
            raise _undeliverable(name) from bad_address
        try:
            await self._post.deliver(envelope, name)
        except Undeliverable as never:
            raise _undeliverable(name) from never
        row = MailRow(
            claim_id=ask.claim.id,
            kind=str(ask.kind),
            occurrence=ask.occurrence,
            message_id=message_id,
            recipient=addressee.email,
            subject=letter.subject,
            at=ask.at,
        )
        async with self._database.writing() as session:
            await insert_once(session, row)
        return MailSent(message_id=message_id)

    def _envelope(self, letter: Letter, addressee: Addressee, ask: SendMail, message_id: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP if addressee.email.isascii() else SMTPUTF8)
        message["From"] = self._sender
        message["To"] = Address(display_name=" ".join(addressee.name.split()), addr_spec=addressee.email)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(ask.at)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message["X-Aftercare-Claim"] = ask.claim.id
        message["X-Aftercare-Kind"] = str(ask.kind)
        message.set_content(letter.text, cte="quoted-printable")
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        return message


def _name(ask: SendMail) -> str:
    """Names the notice, in file names and Message-IDs; the same for every attempt."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{ask.claim.id}.{ask.kind}.{ask.occurrence}")


def _undeliverable(name: str) -> ApplicationError:
    return ApplicationError(f"The mail {name} cannot be delivered.", type="Undeliverable", non_retryable=True)
