"""Store, read side: the evidence for a chargeback: everything stored about one claim. Writes nothing.

Edge case 59. The questions of a card network, and the evidence for each:

- Did the customer agree to be charged, to what, and when? The consent with its text, and the amounts agreed.
- Did they know when the unit was due? The dates in the claim's time zone, and the notices with their Message-IDs.
- Did the unit come back? The carrier's scans and the arrivals, or that there are none.
- Why was the card charged? The inspection: serial number and parts expected and found, notes, names of the photos.
- What was charged and refunded? The ledger.

Photos and the texts of mails are not stored here: the names of the photos and the subjects of the mails are.
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
from store.reads import catalogue
from store.reads.claim_list import CLAIMS
from store.reads.ledger import LedgerView, ledger
from store.reads.timeline import EventView, timeline
from store.tables.claims import ClaimRow, ConsentRow
from store.tables.mails import MailRow
from store.terms import terms_text

_DATE_NAMES: Final = {
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
"""Kinds of timeline events that are dates of the evidence, with their names there."""
UNKNOWN_TERMS: Final = "The text of this version is not kept in this release."


@dataclass(frozen=True, slots=True)
class Consent:
    """What was agreed to and by whom: `accepted_by` is the actor that submitted the claim.

    `terms_text` is None for a version whose text is not stored; `note` then says so. `hold`, `default_charge` and
    `window_days` apply to Premium only.
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
    """When something happened or was due; `text` is in the claim's time zone. `title` describes it."""

    what: str
    at: datetime
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that was sent; `message_id` identifies it at the mail server."""

    kind: str
    at: datetime
    text: str
    recipient: str
    subject: str
    message_id: str


@dataclass(frozen=True, slots=True)
class InspectionEvidence:
    """What was expected and what was found."""

    seen: Inspection
    serial_expected: str
    components_expected: tuple[Component, ...]
    components_missing: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """Everything stored about a claim. `consent` is None for repairs, which ask for none."""

    claim: Claim
    time_zone: str
    consent: Consent | None
    dates: tuple[Date, ...]
    notices: tuple[SentMail, ...]
    scans: tuple[EventView, ...]
    arrivals: tuple[EventView, ...]
    inspection: InspectionEvidence | None
    timeline: tuple[EventView, ...]
    ledger: LedgerView


async def evidence(session: AsyncSession, claim_id: str) -> EvidenceView | None:
    """The evidence of a claim so far; None for an unknown one."""
    row = await session.get(ClaimRow, claim_id)
    if row is None:
        return None
    claim = CLAIMS.validate_python(row.document)
    region = await catalogue.region(session, claim.region)
    # The agreement has the time zone; the region may have left the catalogue.
    zone = str((row.agreed or {}).get("time_zone") or (region.time_zone if region else "UTC"))
    lines = tuple(await timeline(session, claim_id))
    mails = select(MailRow).where(MailRow.claim_id == claim_id).order_by(col(MailRow.at), col(MailRow.message_id))
    return EvidenceView(
        claim=claim,
        time_zone=zone,
        consent=_consent(await session.get(ConsentRow, claim_id), claim, lines),
        dates=_dates(claim, zone, lines),
        notices=tuple(_sent_mail(mail, zone) for mail in await session.exec(mails)),
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
    """In order. Scan and arrival of the last parcel have the instants of the carrier and the warehouse."""

    def date(what: str, at: datetime, title: str) -> Date:
        return Date(what, at, local_text(at, zone), title)

    found = [date(_DATE_NAMES[line.kind], line.at, line.title) for line in lines if line.kind in _DATE_NAMES]
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


def _sent_mail(mail: MailRow, zone: str) -> SentMail:
    return SentMail(mail.kind, mail.at, local_text(mail.at, zone), mail.recipient, mail.subject, mail.message_id)


def _of_kind(lines: Iterable[EventView], kind: str) -> tuple[EventView, ...]:
    return tuple(line for line in lines if line.kind == kind)


def _inspected(claim: Claim) -> InspectionEvidence | None:
    if claim.inspection is None:
        return None
    expected = claim.returning.expected if claim.returning else ()
    missing = tuple(part for part in expected if part not in claim.inspection.components)
    return InspectionEvidence(claim.inspection, claim.serial_number, expected, missing)
