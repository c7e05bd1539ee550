"""Store, read side: what answers a chargeback: everything kept of one claim, read in one go. Writes nothing.

Edge case 59. The questions a card network asks, and what answers them:

- Did the customer agree to be charged, to what, and when? The consent with its text, and the amounts agreed.
- Did they know when the unit was due? The dates in the claim's own zone, and the notices with their Message-IDs.
- Did it come back? The carrier's scans and the arrivals, or that there are none.
- Why was it charged? The inspection: serial number and parts expected and found, notes, the photos' names.
- What was taken and given back? The ledger.

Photos are kept where they were taken; here are their names. The texts of mails are not kept, their subjects are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.claim import Claim, Inspection
from domain.dates import local_text
from domain.kinds import Component, Tier
from domain.money import Money
from store import catalogue
from store.claim_list import CLAIMS
from store.ledger_view import LedgerView, ledger
from store.payment_tables import MailRow
from store.tables import ClaimRow, ConsentRow
from store.terms import terms_text
from store.timeline import EventView, timeline

_DATED: Final = {
    "submitted": "opened",
    "replacement_dispatched": "dispatched",
    "extended": "extended",
    "return_scanned": "scanned",
    "parcel_arrived": "arrived",
    "inspected": "inspected",
    "fee_charged": "charged",
    "hold_captured": "charged",
    "card_charged": "charged",
    "owed_paid": "charged",
    "deposit_taken": "charged",
    "deposit_refunded": "refunded",
    "fee_refunded": "refunded",
    "refunded": "refunded",
    "hold_released": "released",
    "waived": "waived",
    "closed": "closed",
}
"""Which lines of the timeline are dates of the pack, and what they are called there."""
UNKNOWN_TERMS: Final = "The text of this version is not kept in this release."


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to and by whom: `accepted_by` is who sent the claim in, as the timeline names them.

    `terms_text` is None for a version whose text is not kept; `note` then says so. `hold`, `default_charge` and
    `window_days` are Premium's.
    """

    terms_version: str
    terms_text: str | None
    note: str | None
    accepted_at: datetime
    accepted_by: str | None
    quote_id: str | None
    fee: Money
    hold: Money | None
    default_charge: Money | None
    window_days: int | None


@dataclass(frozen=True, slots=True)
class Date:
    """When something happened or was due, `text` in the claim's own zone. `title` says what it was."""

    what: str
    at: datetime
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail that went out; `message_id` finds it at the mail server."""

    kind: str
    at: datetime
    text: str
    recipient: str
    subject: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was expected beside what was found."""

    seen: Inspection
    serial_expected: str
    components_expected: tuple[Component, ...]
    components_missing: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """Everything kept of a claim that a chargeback asks about. `consent` is None where none was asked: repairs."""

    claim: Claim
    time_zone: str
    consent: Consent | None
    dates: tuple[Date, ...]
    notices: tuple[Notice, ...]
    scans: tuple[EventView, ...]
    arrivals: tuple[EventView, ...]
    inspection: Inspected | None
    timeline: tuple[EventView, ...]
    ledger: LedgerView


async def evidence(session: AsyncSession, claim_id: str) -> EvidenceView | None:
    """The pack of a claim as it stands; None when the record does not know it."""
    row = await session.get(ClaimRow, claim_id)
    if row is None:
        return None
    claim = CLAIMS.validate_python(row.document)
    region = await catalogue.region(session, claim.region)
    # What was agreed names the zone; a region may leave the catalogue.
    zone = str((row.agreed or {}).get("time_zone") or (region.time_zone if region else "UTC"))
    lines = tuple(await timeline(session, claim_id))
    mails = select(MailRow).where(MailRow.claim_id == claim_id).order_by(col(MailRow.at), col(MailRow.message_id))
    return EvidenceView(
        claim=claim,
        time_zone=zone,
        consent=_consent(await session.get(ConsentRow, claim_id), claim, lines),
        dates=_dates(claim, zone, lines),
        notices=tuple(_notice(mail, zone) for mail in await session.exec(mails)),
        scans=_of_kind(lines, "return_scanned"),
        arrivals=_of_kind(lines, "parcel_arrived"),
        inspection=_inspected(claim),
        timeline=lines,
        ledger=await ledger(session, claim_id),
    )


def _consent(row: ConsentRow | None, claim: Claim, lines: Sequence[EventView]) -> Consent | None:
    if row is None:
        return None
    text = terms_text(row.terms_version)
    hold = Money(row.hold, row.currency) if row.hold is not None else None
    return Consent(
        terms_version=row.terms_version,
        terms_text=text,
        note=UNKNOWN_TERMS if text is None else None,
        accepted_at=row.accepted_at,
        accepted_by=next((line.actor for line in lines if line.kind == "submitted"), None),
        quote_id=row.quote_id,
        fee=Money(row.fee, row.currency),
        hold=hold,
        default_charge=hold if claim.tier is Tier.PREMIUM else None,
        window_days=row.window_days,
    )


def _dates(claim: Claim, zone: str, lines: Iterable[EventView]) -> tuple[Date, ...]:
    """In their order. Scans and arrivals of the last box are the carrier's and the warehouse's own moments."""

    def date(what: str, at: datetime, title: str) -> Date:
        return Date(what, at, local_text(at, zone), title)

    found = [date(_DATED[line.kind], line.at, line.title) for line in lines if line.kind in _DATED]
    if not any(each.what == "opened" for each in found):
        found.append(date("opened", claim.opened_at, "The claim was made."))
    if claim.returning is not None:
        due = claim.returning
        found.append(date("due", due.due_at, "The unit must have arrived."))
        if due.scanned_at is not None:
            found.append(date("scanned_by_carrier", due.scanned_at, "As the carrier reports it."))
        if due.arrived_at is not None:
            found.append(date("arrived_in_warehouse", due.arrived_at, "As the warehouse reports it."))
    return tuple(sorted(found, key=lambda each: each.at))


def _notice(mail: MailRow, zone: str) -> Notice:
    return Notice(mail.kind, mail.at, local_text(mail.at, zone), mail.recipient, mail.subject, mail.message_id)


def _of_kind(lines: Iterable[EventView], kind: str) -> tuple[EventView, ...]:
    return tuple(line for line in lines if line.kind == kind)


def _inspected(claim: Claim) -> Inspected | None:
    if claim.inspection is None:
        return None
    expected = claim.returning.expected if claim.returning else ()
    missing = tuple(part for part in expected if part not in claim.inspection.components)
    return Inspected(claim.inspection, claim.serial_number, expected, missing)
