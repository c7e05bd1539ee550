"""Store, read side: what a reconciliation compares, a page of subjects at a time, and the report of the last one.

A page takes the same few queries for any number of subjects. The comparison itself is `domain.reconciliation`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import and_, case, func, union
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.claim import Claim
from domain.money import Money
from domain.reconciliation import CODES, Code, Finding, code_of
from domain.reconciliation_rules import GatewayPayment, LedgerSums, Subject
from store.reads.booked_payment import ADJUSTED_SUFFIX
from store.reads.claim_list import CLAIMS
from store.reads.ledger import CARD, HOLDS_OPEN
from store.reads.payment_attempts import keys_without_attempt, open_attempts
from store.tables.claims import ClaimRow
from store.tables.ledger import LedgerEntryRow
from store.tables.payment_attempts import PaymentAttemptRow
from store.tables.reconciliation import FindingRow, ReconciliationRow, SeenPaymentRow

_SEEN_PAYMENT: Final = TypeAdapter(GatewayPayment)


@dataclass(frozen=True, slots=True)
class SubjectPage:
    """`subjects` without those with new ledger lines; `looked_at` counts these too. `next` is None at the end."""

    subjects: tuple[Subject, ...]
    looked_at: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """A finished run with its findings, ordered by code, subject and payment."""

    id: str
    started_at: datetime
    finished_at: datetime
    payments_checked: int
    holds_live: int
    findings: tuple[Finding, ...]


async def subject_page(
    session: AsyncSession, reconciliation_id: str, mark: int, after: str | None, size: int
) -> SubjectPage:
    """The next `size` subjects after `after`: with payments, ledger lines, attempts, or an open claim.

    Subjects with ledger lines after `mark` are omitted: the gateway's payments were read before these lines. A finished
    run has no subjects: its payments are deleted.
    """
    run = await session.get_one(ReconciliationRow, reconciliation_id)
    if run.finished_at is not None:
        return SubjectPage((), 0, None)
    ids = await _subjects(session, reconciliation_id, after, size)
    following = ids[-1] if len(ids) == size else None
    moved = set(
        await session.exec(
            select(LedgerEntryRow.subject)
            .where(col(LedgerEntryRow.subject).in_(ids), col(LedgerEntryRow.id) > mark)
            .distinct()
        )
    )
    unchanged = [subject for subject in ids if subject not in moved]
    if not unchanged:
        return SubjectPage((), len(ids), following)
    payments = await _payments(session, reconciliation_id, unchanged)
    booked, claims = await _booked(session, unchanged), await _claims(session, unchanged)
    attempts = await open_attempts(session, reconciliation_id, unchanged)
    unattempted = await keys_without_attempt(session, unchanged)
    subjects = (
        Subject(
            each,
            tuple(payments[each]),
            tuple(booked[each]),
            claims.get(each),
            attempts=tuple(attempts[each]),
            unattempted=tuple(unattempted[each]),
        )
        for each in unchanged
    )
    return SubjectPage(tuple(subjects), len(ids), following)


async def last_report(session: AsyncSession) -> Report | None:
    """The run that was finished last, None before the first."""
    row = await _last(session)
    return None if row is None else await _report(session, row)


async def report(session: AsyncSession, reconciliation_id: str) -> Report | None:
    """The run of that id, None while it is not finished."""
    row = await session.get(ReconciliationRow, reconciliation_id)
    return None if row is None else await _report(session, row)


async def last_counts(session: AsyncSession) -> tuple[datetime, dict[Code, int]] | None:
    """When the last run was finished and how many findings it had by code; None before the first."""
    row = await _last(session)
    if row is None or row.finished_at is None:
        return None
    counts = select(FindingRow.code, func.count()).where(FindingRow.reconciliation_id == row.id)
    found = dict((await session.exec(counts.group_by(FindingRow.code))).all())
    return row.finished_at, {code: found.get(code.value, 0) for code in CODES}


async def _last(session: AsyncSession) -> ReconciliationRow | None:
    finished = col(ReconciliationRow.finished_at)
    runs = select(ReconciliationRow).where(finished.is_not(None))
    return (await session.exec(runs.order_by(finished.desc(), col(ReconciliationRow.id)).limit(1))).first()


async def _report(session: AsyncSession, row: ReconciliationRow) -> Report | None:
    if row.finished_at is None:
        return None
    order = col(FindingRow.code), col(FindingRow.subject), col(FindingRow.payment_id)
    lines = await session.exec(select(FindingRow).where(FindingRow.reconciliation_id == row.id).order_by(*order))
    found = tuple(Finding(code_of(line.code), line.subject, line.message, line.payment_id) for line in lines)
    return Report(row.id, row.started_at, row.finished_at, row.payments_checked, row.holds_live, found)


async def _subjects(session: AsyncSession, reconciliation_id: str, after: str | None, size: int) -> Sequence[str]:
    seen, entry, attempt, claim = SeenPaymentRow, LedgerEntryRow, PaymentAttemptRow, ClaimRow
    parts = (
        (select(seen.subject).where(seen.reconciliation_id == reconciliation_id), col(seen.subject)),
        (select(entry.subject), col(entry.subject)),
        (select(attempt.subject), col(attempt.subject)),
        (select(claim.id).where(col(claim.open_lineage).is_not(None)), col(claim.id)),
    )
    # Each part reads at most one page along its index.
    pages = [
        select((rest if after is None else rest.where(name > after)).distinct().order_by(name).limit(size).subquery())
        for rest, name in parts
    ]
    every = union(*pages).subquery()
    name = every.c[0]
    return (await session.exec(select(name).order_by(name).limit(size))).all()


async def _payments(
    session: AsyncSession, reconciliation_id: str, subjects: Sequence[str]
) -> dict[str, list[GatewayPayment]]:
    seen, entry = SeenPaymentRow, LedgerEntryRow
    # The ledger line of the request that created a payment has the payment's reference as its key.
    booked = (
        select(seen.payment_id, func.min(entry.at))
        .join(entry, (col(entry.key) == col(seen.reference)) & (col(entry.subject) == col(seen.subject)))
        .where(seen.reconciliation_id == reconciliation_id, col(seen.subject).in_(subjects))
        .group_by(seen.payment_id)
    )
    placed = dict((await session.exec(booked)).all())
    rows = select(seen).where(seen.reconciliation_id == reconciliation_id, col(seen.subject).in_(subjects))
    found: dict[str, list[GatewayPayment]] = defaultdict(list)
    for row in await session.exec(rows.order_by(seen.payment_id)):
        found[row.subject].append(_seen_payment(row, placed.get(row.payment_id)))
    return found


def _seen_payment(row: SeenPaymentRow, booked_at: datetime | None) -> GatewayPayment:
    return _SEEN_PAYMENT.validate_python(
        {
            "id": row.payment_id,
            "kind": row.kind,
            "status": row.status,
            "amount": Money(row.amount, row.currency),
            "captured": Money(row.captured, row.currency),
            "refunded": Money(row.refunded, row.currency),
            "capture_before": row.capture_before,
            "booked_at": booked_at,
        }
    )


async def _booked(session: AsyncSession, subjects: Sequence[str]) -> dict[str, list[LedgerSums]]:
    """By subject, one a currency. On `card`, captures are negative, refunds positive; adjustments are of refunds."""
    entry = LedgerEntryRow
    adjusted = col(entry.key).like(f"%{ADJUSTED_SUFFIX}__")
    part = case(
        (col(entry.account) == HOLDS_OPEN, "held"),
        (and_(col(entry.amount) < 0, ~adjusted), "captured"),
        else_="refunded",
    )
    sums = (
        select(entry.subject, entry.currency, part.label("part"), func.sum(entry.amount))
        .where(col(entry.subject).in_(subjects), col(entry.account).in_((HOLDS_OPEN, CARD)))
        .group_by(entry.subject, entry.currency, "part")
    )
    amounts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for subject, currency, name, amount in await session.exec(sums):
        amounts[subject, currency][name] = int(amount)  # PostgreSQL's sum of BIGINT is NUMERIC
    found: dict[str, list[LedgerSums]] = defaultdict(list)
    for (subject, currency), parts in sorted(amounts.items()):
        held, captured, refunded = parts["held"], -parts["captured"], parts["refunded"]
        found[subject].append(LedgerSums(Money(held, currency), Money(captured, currency), Money(refunded, currency)))
    return found


async def _claims(session: AsyncSession, subjects: Sequence[str]) -> dict[str, Claim]:
    rows = await session.exec(select(ClaimRow.id, ClaimRow.document).where(col(ClaimRow.id).in_(subjects)))
    return {claim_id: CLAIMS.validate_python(document) for claim_id, document in rows}
