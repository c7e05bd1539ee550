"""Benchmarks: what a reminder costs at the very least, on the same machine in the same run."""

import os
import smtplib
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Engine, insert

from activities.mail.mime import MimeBuilder, mail_name
from activities.mail.templates import MailTemplates, RenewalNotice
from domain.money import Money
from store.tables.metadata import METADATA

_AT: Final = datetime(2026, 11, 23, 17, tzinfo=UTC)
_ZONE: Final = "America/Los_Angeles"
_TO: Final = ("Ada Marsh", "ada@example.com")


def bare_rate(engine: Engine, folder: Path, smtp_url: str | None, count: int) -> float:
    """Reminders a second of a plain loop: insert the row, write the same mail, commit. No rule, no template."""
    mails = METADATA.tables["mails"]
    deliver = _by_smtp(smtp_url) if smtp_url else _into(folder)
    content = compose(MailTemplates(), MimeBuilder(), 0)
    with engine.connect() as connection:
        began = time.perf_counter()
        for number in range(count):
            with connection.begin():
                note = {
                    "claim_id": f"bare_{number}",
                    "kind": "bare",
                    "occurrence": 1,
                    "message_id": f"<bare_{number}@aftercare.example>",
                    "recipient": _TO[1],
                    "subject": "bare",
                    "at": _AT,
                }
                connection.execute(insert(mails), note)
                deliver(content, f"bare_{number}")
        return count / (time.perf_counter() - began)


def compose_rate(count: int) -> float:
    """Mails a second that one core renders as text and HTML and encodes as MIME."""
    templates, mime = MailTemplates(), MimeBuilder()
    compose(templates, mime, 0)
    began = time.process_time()
    for number in range(count):
        compose(templates, mime, number)
    return count / (time.process_time() - began)


def compose(templates: MailTemplates, mime: MimeBuilder, number: int) -> bytes:
    """A whole reminder."""
    notice = RenewalNotice(
        kind="renewal_0",
        serial_number=f"RM{number:08}",
        owner_name=_TO[0],
        model_name="Mavic 3",
        ended_on=date(2026, 11, 23),
        last_day=date(2026, 12, 8),
        price=Money(23900, "USD"),
        starts_on=date(2026, 11, 24),
        ends_on=date(2027, 11, 24),
        gap=False,
    )
    name = mail_name(f"trm_{number}", notice.kind, 1)
    headers = {"X-Aftercare-Plan": f"trm_{number}", "X-Aftercare-Kind": notice.kind}
    return mime.build(templates.render_renewal(notice, _ZONE), name, _TO, _AT, headers).as_bytes()


def _into(folder: Path) -> Callable[[bytes, str], None]:
    folder.mkdir(parents=True, exist_ok=True)

    def deliver(content: bytes, name: str) -> None:
        draft = folder / f".{name}"
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / f"{name}.eml")

    return deliver


def _by_smtp(url: str) -> Callable[[bytes, str], None]:
    address = urlsplit(url)

    def deliver(content: bytes, _name: str) -> None:
        with smtplib.SMTP(address.hostname or "", address.port or 25) as server:
            server.sendmail("care@aftercare.example", [_TO[1]], content)

    return deliver
