"""Benchmarks: the receivers of the mails, which count them independently of the product's database.

The worker sends through the product's own transports (FolderTransport, SmtpTransport).
"""

import asyncio
import email
import email.policy
import re
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from typing import Final, Self

_WRITTEN: Final = re.compile(r"aftercare\.mail: mail (\S+) written$")
_SMTP_LIMIT: Final = 1024 * 1024


class MailCounter(ABC):
    """Counts how often each reminder arrived, by its name (the Message-ID's left half)."""

    smtp_url: str | None = None

    def __init__(self) -> None:
        self.arrivals: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        """Arrivals so far, repeated ones included."""
        return self.arrivals.total()

    @abstractmethod
    def line(self, text: str) -> None:
        """A line the worker wrote."""

    @abstractmethod
    def arrived(self) -> Counter[str]:
        """How often each mail was received, counted after the run."""

    @abstractmethod
    def close(self) -> None:
        """Stop receiving."""

    @abstractmethod
    def repeats_per_kill(self) -> int:
        """How many mails may be repeated when the worker is killed, by what the transport guarantees."""


class FolderMailCounter(MailCounter):
    """The mail folder. A reminder is there once for each file that bears its Message-ID.

    A file that was written over is one file, so the lines of the worker's log are counted too: one for each write.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def line(self, text: str) -> None:
        found = _WRITTEN.search(text)
        if found:
            self.arrivals[found[1]] += 1

    def arrived(self) -> Counter[str]:
        files: Counter[str] = Counter()
        for file in self._folder.glob("*.eml"):
            with file.open("rb") as content:
                files[_name(content.read(2048))] += 1
        # A worker killed between the file and the line leaves a file without one.
        return Counter({name: max(times, self.arrivals[name]) for name, times in files.items()})

    def close(self) -> None:
        pass

    def repeats_per_kill(self) -> int:
        return 0


class SmtpMailCounter(MailCounter):
    """A mail server that accepts everything and keeps only the Message-IDs, each time one comes.

    `in_hand` is how many mails the worker may be posting at one moment: each run of a region has at most one.
    """

    def __init__(self, port: int, in_hand: int) -> None:
        super().__init__()
        self._port = port
        self._in_hand = in_hand
        self._server: asyncio.Server | None = None
        self.smtp_url = f"smtp://127.0.0.1:{port}?tls=none"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=_SMTP_LIMIT)
        return self

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    def line(self, text: str) -> None:
        pass

    def arrived(self) -> Counter[str]:
        return self.arrivals.copy()

    def repeats_per_kill(self) -> int:
        return self._in_hand

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._receive_mails(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the worker was killed
        finally:
            writer.close()

    async def _receive_mails(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while command := (await reader.readline()).upper():
            if command.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            if command.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                self.arrivals[_name(await reader.readuntil(b"\r\n.\r\n"))] += 1
            writer.write(b"250 ok\r\n")


def _name(message: bytes) -> str:
    """The left half of the mail's Message-ID, which is the notice's name."""
    head = email.message_from_bytes(message.partition(b"\r\n\r\n")[0], policy=email.policy.compat32)
    return "".join(str(head["Message-ID"]).split()).strip("<>").rpartition("@")[0]
