"""The delivery of single mails on both engines: once per claim, kind and occurrence, whatever happens in between."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from activities.mail.activities import OutgoingMail, Timing
from activities.mail.transport import FolderTransport, SmtpTransport, Undeliverable
from domain.money import Money
from messages.mail import MailKind
from store.database import Database
from tests.mail.claims import AT
from tests.mail.outbox import (
    SHIPPED,
    Clock,
    RecordingTransport,
    claim_of,
    drained,
    in_outbox,
    notice,
    owned,
    parsed,
    saved,
    sent_rows,
)


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claim has an owner."""
    await owned(database)
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where mails go; made when the first one does."""
    return tmp_path / "mail"


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_mail_is_sent_and_noted_and_leaves_the_outbox(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    transport = RecordingTransport()
    delivered = await OutgoingMail(programme, transport).deliver_due()
    assert (delivered.sent, delivered.given_up) == (1, 0)
    ((name, message),) = transport.sent
    assert name == "clm_a7k2m4.shipped.1"
    assert message["Message-ID"] == "<clm_a7k2m4.shipped.1@aftercare.example>"
    assert message["To"] == "Ada Moreau <ada@example.com>"
    assert message["From"] == "Aftercare <care@aftercare.example>"
    assert message["Subject"] == "Your replacement is on its way - send SN1581F45 back by 7 December"
    assert (message["X-Aftercare-Claim"], message["X-Aftercare-Kind"]) == ("clm_a7k2m4", "shipped")
    assert parsedate_to_datetime(message["Date"]) == AT
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed(message).iter_parts()] == ["text/plain", "text/html"]
    (row,) = await sent_rows(programme)
    assert (row.claim_id, row.kind, row.occurrence, row.at) == ("clm_a7k2m4", "shipped", 1, AT)
    assert (row.recipient, row.subject) == ("ada@example.com", message["Subject"])
    assert row.message_id == message["Message-ID"]
    assert await in_outbox(programme) == []


async def test_what_went_out_is_never_sent_again_however_often_it_is_saved(programme: Database) -> None:
    transport = RecordingTransport()
    mail = OutgoingMail(programme, transport)
    for run_id in ("run-1", "run-1", "after a reset"):
        await saved(programme, claim_of("a"), SHIPPED, run_id=run_id)
        await drained(mail)
    assert len(transport.sent) == len(await sent_rows(programme)) == 1
    assert await in_outbox(programme) == []


async def test_each_kind_and_each_occurrence_is_a_mail_of_its_own(programme: Database) -> None:
    transport = RecordingTransport()
    for version, occurrence in enumerate((1, 2, 1), 1):
        await saved(programme, claim_of("a"), notice(MailKind.EXTENDED, occurrence), version=version)
    await saved(programme, claim_of("a"), SHIPPED, version=4)
    await drained(OutgoingMail(programme, transport))
    assert transport.names == ["clm_a7k2m4.extended.1", "clm_a7k2m4.extended.2", "clm_a7k2m4.shipped.1"]


async def test_a_mail_that_failed_is_not_noted_and_goes_out_later(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    transport, clock = RecordingTransport(), Clock()
    transport.fails = [OSError("no route")]
    mail = OutgoingMail(programme, transport, now=clock)
    await drained(mail)
    assert await sent_rows(programme) == []
    (row,) = await in_outbox(programme)
    assert (row.attempts, row.error, row.failed_at) == (1, "OSError", None)
    clock.forward(seconds=30)
    await drained(mail)
    assert len(transport.sent) == len(await sent_rows(programme)) == 1


async def test_dying_between_sending_and_noting_repeats_it_under_the_same_message_id(programme: Database) -> None:
    """A worker killed there: nothing of its transaction is left."""
    await saved(programme, claim_of("a"), SHIPPED)
    transport = RecordingTransport()

    class Killed(BaseException):
        pass

    class Dying(OutgoingMail):
        async def _record(self, batch: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        await Dying(programme, transport).deliver_due()
    assert await sent_rows(programme) == []
    await OutgoingMail(programme, transport).deliver_due()
    assert len(transport.sent) == 2
    assert len({message["Message-ID"] for _, message in transport.sent}) == 1
    assert len(await sent_rows(programme)) == 1


async def test_a_server_that_takes_it_and_does_not_answer_gets_the_same_message_id_again(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)

    class Silent(RecordingTransport):
        async def deliver(self, message: Message, name: str) -> None:
            await super().deliver(message, name)
            if len(self.sent) == 1:
                await asyncio.sleep(60)

    transport, clock = Silent(), Clock()
    mail = OutgoingMail(programme, transport, timing=Timing(delivery=0.05), now=clock)
    await mail.deliver_due()
    (row,) = await in_outbox(programme)
    assert (row.attempts, row.error) == (1, "TimeoutError")
    clock.forward(seconds=30)
    await mail.deliver_due()
    assert len({message["Message-ID"] for _, message in transport.sent}) == 1
    assert len(await sent_rows(programme)) == 1


async def test_in_a_folder_even_then_there_is_one_file(programme: Database, folder: Path) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    first = EmailMessage()
    first.set_content("the first attempt's")
    await FolderTransport(folder).deliver(first, "clm_a7k2m4.shipped.1")  # and then it crashed
    await drained(OutgoingMail(programme, FolderTransport(folder)))
    assert files(folder) == ["clm_a7k2m4.shipped.1.eml"]
    assert "the first attempt's" in (folder / "clm_a7k2m4.shipped.1.eml").read_text()
    assert len(await sent_rows(programme)) == 1


async def test_a_file_in_the_folder_is_a_whole_mail(programme: Database, folder: Path) -> None:
    await saved(programme, claim_of("a"), notice(MailKind.CHARGED, amount=Money(164_000, "USD")))
    await drained(OutgoingMail(programme, FolderTransport(folder)))
    assert files(folder) == ["clm_a7k2m4.charged.1.eml"]
    message = message_from_bytes((folder / "clm_a7k2m4.charged.1.eml").read_bytes(), policy=default)
    plain, formatted = (message.get_body([form]) for form in ("plain", "html"))
    assert plain is not None
    assert formatted is not None
    assert "US$1,640.00" in plain.get_content()
    assert "US$1,640.00" in formatted.get_content()


async def test_two_deliveries_at_once_leave_one_file_and_one_note(programme: Database, folder: Path) -> None:
    """One worker was taken for dead and is not."""
    await saved(programme, claim_of("a"), SHIPPED)
    mails = [OutgoingMail(programme, FolderTransport(folder)) for _ in range(4)]
    await asyncio.gather(*map(drained, mails))
    assert files(folder) == ["clm_a7k2m4.shipped.1.eml"]
    assert len(await sent_rows(programme)) == 1
    assert await in_outbox(programme) == []


async def test_with_nobody_to_tell_a_mail_is_given_up_at_once(database: Database) -> None:
    await owned(database)
    await saved(database, claim_of("a", region="XX"), SHIPPED)
    transport = RecordingTransport()
    delivered = await OutgoingMail(database, transport).deliver_due()
    assert (delivered.sent, delivered.given_up, transport.sent) == (0, 1, [])
    (row,) = await in_outbox(database)
    assert (row.attempts, row.error) == (1, "NoAddressee")
    assert row.failed_at is not None


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "ada@example.com\nBcc: x@example.com", "ada@", "a b@c.de"])
async def test_an_address_that_cannot_be_is_given_up_at_once(sqlite_database: Database, email: str) -> None:
    await owned(sqlite_database, owner_email=email)
    await saved(sqlite_database, claim_of("a"), SHIPPED)
    transport = RecordingTransport()
    await drained(OutgoingMail(sqlite_database, transport))
    (row,) = await in_outbox(sqlite_database)
    assert (row.error, row.failed_at is not None, transport.sent) == ("BadAddress", True, [])


async def test_a_refused_recipient_is_given_up_and_the_claims_next_mail_goes_out(sqlite_database: Database) -> None:
    await owned(sqlite_database)
    await saved(sqlite_database, claim_of("a"), SHIPPED, notice(MailKind.REBIND))
    transport = RecordingTransport(batch_size=25)
    transport.fails = [Undeliverable("gone")]
    await drained(OutgoingMail(sqlite_database, transport))
    (row,) = await in_outbox(sqlite_database)
    assert (row.kind, row.error, row.failed_at is not None) == ("shipped", "Undeliverable", True)
    assert transport.names == ["clm_a7k2m4.rebind.1"]


@pytest.mark.parametrize("name", ["Zoë Ångström", "渡辺 さくら", 'Ada, "the first" <x@y.de>', "Ada\r\nBcc: x@y.de"])
async def test_a_name_of_any_letters_stays_a_name(sqlite_database: Database, name: str) -> None:
    await owned(sqlite_database, owner_name=name)
    await saved(sqlite_database, claim_of("a"), SHIPPED)
    transport = RecordingTransport()
    await drained(OutgoingMail(sqlite_database, transport))
    ((_, message),) = transport.sent
    read = message_from_bytes(message.as_bytes(), policy=default)
    (recipient,) = read["To"].addresses
    assert (recipient.display_name, recipient.addr_spec) == (" ".join(name.split()), "ada@example.com")
    assert read["Bcc"] is None


@pytest.mark.parametrize("url", ["", "localhost", "http://mail.example", "smtp://", "smtp://u:secret@"])
def test_an_unusable_mail_server_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="the mail server's address is") as error:
        SmtpTransport(url)
    assert "secret" not in str(error.value)
