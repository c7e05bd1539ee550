"""Mail over SMTP, against a small server of our own on the loopback: recipients, timeouts, encryption."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from activities.mail import transport
from activities.mail.smtp_address import SmtpAddress
from activities.mail.transport import NotEncrypted, SmtpTransport, Undeliverable


class MailServer:
    """A minimal SMTP server. `rcpt_reply` is its response to RCPT; None is no response.

    With `tls` it offers STARTTLS. `seen` are its commands, those after STARTTLS in angle brackets.
    """

    def __init__(self, rcpt_reply: str | None = "250 fine", tls: ssl.SSLContext | None = None) -> None:
        self.received: list[str] = []
        self.seen: list[str] = []
        self._rcpt_reply = rcpt_reply
        self._tls = tls

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def reply(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        try:
            await reply("220 test ESMTP")
            while line := (await reader.readline()).decode().strip():
                encrypted = writer.get_extra_info("ssl_object") is not None
                self.seen.append(f"<{line.split()[0]}>" if encrypted else line.split()[0])
                match line.split()[0].upper():
                    case "EHLO":
                        offers = ["STARTTLS"] if self._tls and not encrypted else []
                        for extension in ["test", *offers]:
                            await reply(f"250-{extension}")
                        await reply("250 AUTH PLAIN")
                    case "STARTTLS" if self._tls:
                        await reply("220 go on")
                        await writer.start_tls(self._tls)
                    case "AUTH":
                        await reply("235 welcome")
                    case "RCPT":
                        if self._rcpt_reply is None:
                            await reader.read()
                            return
                        await reply(self._rcpt_reply)
                    case "DATA":
                        await reply("354 go on")
                        self.received.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                        await reply("250 kept")
                    case "QUIT":
                        await reply("221 bye")
                        return
                    case _:
                        await reply("250 fine")
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening(server: MailServer) -> AsyncIterator[SmtpTransport]:
    """A transport to `server` while it listens."""
    async with await asyncio.start_server(server.converse, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield SmtpTransport(f"smtp://127.0.0.1:{port}?tls=none")


def a_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "care@aftercare.example", "ada@example.com", "Grüße"
    message["Message-ID"] = "<clm_a.shipped.1@aftercare.example>"
    message.set_content("It is on its way.")
    return message


async def test_a_mail_goes_out_with_its_own_message_id() -> None:
    server = MailServer()
    async with listening(server) as transport:
        await transport.deliver(a_message(), "clm_a.shipped.1")
    (received,) = server.received
    assert "Message-ID: <clm_a.shipped.1@aftercare.example>" in received
    assert "It is on its way." in received


async def test_a_recipient_refused_for_good_is_undeliverable() -> None:
    async with listening(MailServer("550 no such person")) as transport:
        with pytest.raises(Undeliverable):
            await transport.deliver(a_message(), "clm_a.shipped.1")


async def test_a_recipient_refused_for_now_is_tried_again() -> None:
    async with listening(MailServer("451 later")) as transport:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await transport.deliver(a_message(), "clm_a.shipped.1")


async def test_a_silent_server_is_not_waited_for_longer_than_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SMTP_SECONDS", 0.2)
    async with listening(MailServer(None)) as post:
        with pytest.raises(aiosmtplib.SMTPException):
            await asyncio.wait_for(post.deliver(a_message(), "clm_a.shipped.1"), 5)


async def test_no_server_at_all_is_tried_again() -> None:
    with pytest.raises(aiosmtplib.SMTPException):
        await SmtpTransport("smtp://127.0.0.1:1?tls=none").deliver(a_message(), "clm_a.shipped.1")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that nobody else trusts, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    file, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(file)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    return file, key


@pytest.fixture
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


async def send_to(
    server: MailServer, query: str = "", tls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None
) -> None:
    """Deliver one mail to `server` with a password; `implicit` is the server's own context for smtps."""
    async with await asyncio.start_server(server.converse, "127.0.0.1", 0, ssl=implicit) as listener:
        port = listener.sockets[0].getsockname()[1]
        url = f"{'smtps' if implicit else 'smtp'}://user:hush@localhost:{port}{query}"
        await SmtpTransport(url, tls).deliver(a_message(), "clm_a.shipped.1")


async def test_password_and_text_go_out_after_starttls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    server = MailServer(tls=server_tls)
    await send_to(server, tls=client_tls)
    assert server.seen == ["EHLO", "STARTTLS", "<EHLO>", "<AUTH>", "<MAIL>", "<RCPT>", "<DATA>", "<QUIT>"]


async def test_a_server_without_starttls_gets_neither_password_nor_text() -> None:
    server = MailServer()
    with pytest.raises(NotEncrypted):
        await send_to(server)
    assert set(server.seen) <= {"EHLO", "QUIT"}
    assert server.received == []


async def test_a_certificate_nobody_trusts_is_not_accepted(server_tls: ssl.SSLContext) -> None:
    server = MailServer(tls=server_tls)
    with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
        await send_to(server)
    assert set(server.seen) == {"EHLO", "STARTTLS"}


async def test_smtps_is_encrypted_from_the_start(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    server = MailServer(tls=server_tls)
    await send_to(server, tls=client_tls, implicit=server_tls)
    assert server.seen == ["<EHLO>", "<AUTH>", "<MAIL>", "<RCPT>", "<DATA>", "<QUIT>"]


async def test_a_mail_goes_in_the_clear_when_the_address_asks_for_it() -> None:
    server = MailServer()
    await send_to(server, "?tls=none")
    assert server.seen == ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpAddress("mail.example", None)),
        ("smtp://u:p%40@mail.example:26/", SmtpAddress("mail.example", 26, "u", "p@")),
        ("smtps://u:p@mail.example", SmtpAddress("mail.example", None, "u", "p", implicit_tls=True, start_tls=False)),
        ("smtp://mail.example?tls=none", SmtpAddress("mail.example", None, start_tls=False)),
    ],
)
def test_an_address_is_encrypted_unless_it_says_otherwise(url: str, expected: SmtpAddress) -> None:
    assert SmtpAddress.parse(url) == expected


def test_each_form_has_its_usual_port() -> None:
    addresses = map(SmtpAddress.parse, ("smtp://a", "smtps://a", "smtp://a?tls=none"))
    assert [address.default_port for address in addresses] == [587, 465, 25]


@pytest.mark.parametrize(
    "url",
    [
        "mail.example:25",
        "smtp://",
        "smtp://mail.example:port",
        "smtp://mail.example:99999",
        "smtp://mail.example/box",
        "smtp://mail.example?tls=no",
        "smtps://mail.example?tls=none",
        "smtp://mail.example?tls=none&x=1",
        "smtp://:hush@mail.example",
        "smtp://mail .example",
        "http://mail.example",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="smtps://user:password@host:465") as refused:
        SmtpAddress.parse(url)
    assert "hush" not in str(refused.value)
