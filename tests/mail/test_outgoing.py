"""The post office on both engines: once per claim, kind and occurrence, whatever happens in between."""

import asyncio
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError

from activities.mail import OutgoingMail
from activities.post import FolderPost, Post, SmtpPost, Undeliverable
from domain.money import Money
from messages.mail import MailKind
from store.database import Database
from store.payment_tables import MailRow
from store.tables import LineageRow
from tests.mail.claims import AT, US, a_mail, premium

OWNER: dict[str, Any] = {"owner_name": "Ada Moreau", "owner_email": "ada@example.com"}


class NotingPost(Post):
    """Keeps what it is given. `fails` are the errors of the next attempts; `dies` fails after the delivery."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, EmailMessage]] = []
        self.fails: list[Exception] = []
        self.dies: list[Exception] = []

    async def deliver(self, message: EmailMessage, name: str) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append((name, message))
        if self.dies:
            raise self.dies.pop(0)


async def owned(database: Database, **owner: Any) -> None:
    """The lineage of the tests' claims has an owner."""
    async with database.writing() as session:
        session.add(LineageRow(id="lin_a", created_at=AT, **(OWNER | owner)))


async def noted(database: Database) -> list[MailRow]:
    async with database.reading() as session:
        return list((await session.exec(select(MailRow))).all())


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claims have an owner."""
    await owned(database)
    return database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where mails go; made when the first one does."""
    return tmp_path / "mail"


def files(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_a_mail_is_sent_and_noted(programme: Database) -> None:
    post = NotingPost()
    sent = await OutgoingMail(programme, post).send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    ((name, message),) = post.sent
    assert name == "clm_a7k2m4.shipped.1"
    assert sent.message_id == message["Message-ID"] == "<clm_a7k2m4.shipped.1@aftercare.example>"
    assert message["To"] == "Ada Moreau <ada@example.com>"
    assert message["From"] == "Aftercare <care@aftercare.example>"
    assert message["Subject"] == "Your replacement is on its way - send SN1581F45 back by 7 December"
    assert parsedate_to_datetime(message["Date"]) == AT
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    (row,) = await noted(programme)
    assert (row.claim_id, row.kind, row.occurrence, row.at) == ("clm_a7k2m4", "shipped", 1, AT)
    assert (row.recipient, row.subject) == ("ada@example.com", message["Subject"])


async def test_a_second_attempt_sends_nothing_and_answers_the_first_id(programme: Database) -> None:
    post = NotingPost()
    mail = OutgoingMail(programme, post)
    ask = a_mail(MailKind.SHIPPED, premium(US))
    assert await mail.send_mail(ask) == await OutgoingMail(programme, post, sender="x@other.example").send_mail(ask)
    assert len(post.sent) == 1


async def test_each_kind_and_each_occurrence_is_a_mail_of_its_own(programme: Database) -> None:
    post = NotingPost()
    mail = OutgoingMail(programme, post)
    for occurrence in (1, 2, 1):
        await mail.send_mail(a_mail(MailKind.EXTENDED, premium(US), occurrence=occurrence))
    await mail.send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    assert [name for name, _ in post.sent] == [
        "clm_a7k2m4.extended.1",
        "clm_a7k2m4.extended.2",
        "clm_a7k2m4.shipped.1",
    ]


async def test_a_mail_that_failed_is_not_noted_and_goes_out_later(programme: Database) -> None:
    post = NotingPost()
    post.fails = [OSError("no route")]
    mail, ask = OutgoingMail(programme, post), a_mail(MailKind.SHIPPED, premium(US))
    with pytest.raises(OSError, match="no route"):
        await mail.send_mail(ask)
    assert await noted(programme) == []
    await mail.send_mail(ask)
    assert len(post.sent) == 1


async def test_dying_after_the_delivery_repeats_it_under_the_same_message_id(programme: Database) -> None:
    post = NotingPost()
    post.dies = [OSError("killed")]
    mail, ask = OutgoingMail(programme, post), a_mail(MailKind.SHIPPED, premium(US))
    with pytest.raises(OSError, match="killed"):
        await mail.send_mail(ask)
    await mail.send_mail(ask)
    assert len({message["Message-ID"] for _, message in post.sent}) == 1
    assert len(await noted(programme)) == 1


async def test_in_a_folder_even_then_there_is_one_file(programme: Database, folder: Path) -> None:
    ask = a_mail(MailKind.SHIPPED, premium(US))
    envelope = EmailMessage()
    envelope.set_content("the first attempt's")
    await FolderPost(folder).deliver(envelope, "clm_a7k2m4.shipped.1")  # and then it died
    await OutgoingMail(programme, FolderPost(folder)).send_mail(ask)
    assert files(folder) == ["clm_a7k2m4.shipped.1.eml"]
    assert "the first attempt's" in (folder / "clm_a7k2m4.shipped.1.eml").read_text()
    assert len(await noted(programme)) == 1


async def test_a_file_in_the_folder_is_a_whole_mail(programme: Database, folder: Path) -> None:
    await OutgoingMail(programme, FolderPost(folder)).send_mail(
        a_mail(MailKind.CHARGED, premium(US), Money(164_000, "USD"))
    )
    assert files(folder) == ["clm_a7k2m4.charged.1.eml"]
    message = message_from_bytes((folder / "clm_a7k2m4.charged.1.eml").read_bytes(), policy=default)
    plain, formatted = (message.get_body([form]) for form in ("plain", "html"))
    assert plain is not None
    assert formatted is not None
    assert "US$1,640.00" in plain.get_content()
    assert "US$1,640.00" in formatted.get_content()


async def test_two_attempts_at_once_leave_one_file_and_one_note(programme: Database, folder: Path) -> None:
    mail, ask = OutgoingMail(programme, FolderPost(folder)), a_mail(MailKind.SHIPPED, premium(US))
    answers = await asyncio.gather(*(mail.send_mail(ask) for _ in range(4)))
    assert len({answer.message_id for answer in answers}) == 1
    assert files(folder) == ["clm_a7k2m4.shipped.1.eml"]
    assert len(await noted(programme)) == 1


async def test_nobody_to_tell_is_not_tried_again(database: Database) -> None:
    with pytest.raises(ApplicationError) as error:
        await OutgoingMail(database, NotingPost()).send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    assert (error.value.type, error.value.non_retryable) == ("NoAddressee", True)


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "ada@example.com\nBcc: x@example.com", "ada@", "a b@c.de"])
async def test_an_address_that_cannot_be_is_not_tried_again(sqlite_database: Database, email: str) -> None:
    await owned(sqlite_database, owner_email=email)
    post = NotingPost()
    with pytest.raises(ApplicationError) as error:
        await OutgoingMail(sqlite_database, post).send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    assert (error.value.type, error.value.non_retryable) == ("Undeliverable", True)
    assert post.sent == []


async def test_a_refused_recipient_is_not_tried_again(sqlite_database: Database) -> None:
    await owned(sqlite_database)
    post = NotingPost()
    post.fails = [Undeliverable("gone")]
    with pytest.raises(ApplicationError) as error:
        await OutgoingMail(sqlite_database, post).send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    assert (error.value.type, error.value.non_retryable) == ("Undeliverable", True)


@pytest.mark.parametrize("name", ["Zoë Ångström", "渡辺 さくら", 'Ada, "the first" <x@y.de>', "Ada\r\nBcc: x@y.de"])
async def test_a_name_of_any_letters_stays_a_name(sqlite_database: Database, name: str) -> None:
    await owned(sqlite_database, owner_name=name)
    post = NotingPost()
    await OutgoingMail(sqlite_database, post).send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    ((_, message),) = post.sent
    read = message_from_bytes(message.as_bytes(), policy=default)
    (recipient,) = read["To"].addresses
    assert (recipient.display_name, recipient.addr_spec) == (" ".join(name.split()), "ada@example.com")
    assert read["Bcc"] is None


@pytest.mark.parametrize("url", ["", "localhost", "http://mail.example", "smtp://", "smtp://u:secret@"])
def test_an_unusable_mail_server_is_said_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="the mail server's address is") as error:
        SmtpPost(url)
    assert "secret" not in str(error.value)
