"""Activities: Mail. Looks the addressee up, composes, posts and notes it: once per claim, kind and occurrence."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.envelope import DEMO_SENDER, BadAddress, Sender, notice_name
from activities.letters import Letters
from activities.post import Post, Undeliverable
from messages.mail import Mail, MailSent, SendMail
from store.addressee import load_addressee
from store.database import Database
from store.once import insert_once
from store.payment_tables import MailRow


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
        self._sender = Sender(sender)

    @activity.defn
    async def send_mail(self, ask: SendMail) -> MailSent:
        async with self._database.reading() as session:
            addressee = await load_addressee(session, ask.claim, str(ask.kind), ask.occurrence)
        if isinstance(addressee, str):
            return MailSent(message_id=addressee)
        if addressee is None:
            raise ApplicationError(
                f"Nobody is known to tell about {ask.claim.id}.", type="NoAddressee", non_retryable=True
            )
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
        row = MailRow(
            claim_id=ask.claim.id,
            kind=str(ask.kind),
            occurrence=ask.occurrence,
            message_id=self._sender.message_id(name),
            recipient=addressee.email,
            subject=letter.subject,
            at=ask.at,
        )
        async with self._database.writing() as session:
            await insert_once(session, row)
        return MailSent(message_id=row.message_id)


def _undeliverable(name: str) -> ApplicationError:
    return ApplicationError(f"The mail {name} cannot be delivered.", type="Undeliverable", non_retryable=True)
