"""Mail over SMTP, against a small server of our own on the loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage

import aiosmtplib
import pytest

from activities.mail import transport
from activities.mail.transport import SmtpTransport, Undeliverable


class MailServer:
    """A minimal SMTP server. `rcpt_reply` is its response to RCPT; None is no response."""

    def __init__(self, rcpt_reply: str | None = "250 fine") -> None:
        self.received: list[str] = []
        self._rcpt_reply = rcpt_reply

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def reply(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        try:
            await reply("220 test ESMTP")
            while line := (await reader.readline()).decode().strip():
                match line.split()[0].upper():
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
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening(server: MailServer) -> AsyncIterator[SmtpTransport]:
    """A transport to `server` while it listens."""
    async with await asyncio.start_server(server.converse, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        yield SmtpTransport(f"smtp://127.0.0.1:{port}")


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
        await SmtpTransport("smtp://127.0.0.1:1").deliver(a_message(), "clm_a.shipped.1")
