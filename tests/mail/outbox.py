"""Helpers of the outbox tests: a recording transport, and claims with an owner, saved with their notices."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.mail.activities import OutgoingMail
from activities.mail.transport import MailTransport
from domain.claim import Claim
from messages.mail import MailKind, Notice
from messages.record import SaveClaim
from store.database import Database
from store.tables.devices import DeviceRow, LineageRow
from store.tables.mails import MailRow
from store.tables.outbox import OutboxMailRow
from store.writes.claims import save_claim
from tests.mail.claims import AT, US, premium

OWNER: dict[str, Any] = {"owner_name": "Ada Moreau", "owner_email": "ada@example.com"}
FIRST = "clm_a7k2m4"


class RecordingTransport(MailTransport):
    """Records deliveries. `fails` are the errors of the next attempts; `dies` fails after the delivery.

    Mails with `refuses` in their name always fail; `away` lets every mail fail.
    """

    def __init__(self, batch_size: int = 1, refuses: str | None = None) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.fails: list[Exception] = []
        self.dies: list[Exception] = []
        self.batch_size = batch_size
        self.refuses = refuses
        self.away = False

    async def deliver(self, message: Message, name: str) -> None:
        if self.fails:
            raise self.fails.pop(0)
        if self.away or (self.refuses is not None and self.refuses in name):
            raise OSError("no route to ada@example.com")
        self.sent.append((name, message))
        if self.dies:
            raise self.dies.pop(0)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.sent]


class Clock:
    """A wall clock that tests move. It begins a little after the real one, by which mails are written."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(minutes=1)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def notice(kind: MailKind, occurrence: int = 1, **more: Any) -> Notice:
    return Notice(kind=kind, at=AT, occurrence=occurrence, **more)


SHIPPED, REBIND, ARRIVED = (notice(kind) for kind in (MailKind.SHIPPED, MailKind.REBIND, MailKind.ARRIVED))


def claim_of(suffix: str, **changes: Any) -> Claim:
    """A Premium claim of its own device: of `clm_<suffix>`; "a" is the claim of tests.mail.claims."""
    claim = premium(US, **changes)
    if suffix == "a":
        return claim
    return replace(claim, id=f"clm_{suffix}", lineage_id=f"lin_{suffix}", serial_number=f"SN{suffix.upper()}")


async def owned(database: Database, *suffixes: str, **owner: Any) -> None:
    """These claims' devices have an owner."""
    async with database.transaction() as session:
        for claim in map(claim_of, suffixes or ("a",)):
            session.add(LineageRow(id=claim.lineage_id, created_at=AT, **(OWNER | owner)))
            await session.flush()
            number = claim.serial_number
            device: dict[str, Any] = {
                "lineage_id": claim.lineage_id,
                "model": claim.model,
                "region": claim.region,
                "status": "active",
            }
            session.add(DeviceRow(serial_number=number, serial_text=number, registered_at=AT, **device))


def save_of(claim: Claim, notices: Sequence[Notice], version: int = 1, run_id: str = "run-1") -> SaveClaim:
    return SaveClaim(claim=claim, run_id=run_id, version=version, events=(), notices=tuple(notices))


async def save_newest(session: AsyncSession, save: SaveClaim) -> None:
    """Save the claim by its newest run."""
    stored_run = await save_claim(session, save)
    if stored_run is not None:
        await save_claim(session, save, stored_run)


async def saved(database: Database, claim: Claim, *notices: Notice, version: int = 1, run_id: str = "run-1") -> None:
    """The claim is saved with these notices."""
    async with database.transaction() as session:
        await save_newest(session, save_of(claim, notices, version, run_id))


async def sent_rows(database: Database) -> list[MailRow]:
    """The mails that went out."""
    async with database.snapshot() as session:
        return list((await session.exec(select(MailRow).order_by(col(MailRow.claim_id), col(MailRow.kind)))).all())


async def in_outbox(database: Database) -> list[OutboxMailRow]:
    """The mails that wait or were given up, in their order."""
    async with database.snapshot() as session:
        return list((await session.exec(select(OutboxMailRow).order_by(col(OutboxMailRow.id)))).all())


async def drained(mail: OutgoingMail) -> None:
    """Deliver until nothing more is due."""
    while True:
        delivered = await mail.deliver_due()
        if not (delivered.sent or delivered.given_up or delivered.more):
            return


def parsed(message: Message) -> EmailMessage:
    """The message as a mail program reads it."""
    return message_from_bytes(message.as_bytes(), policy=policy.default)
