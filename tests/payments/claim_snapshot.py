"""A claim's snapshot: everything that is written about it, and how it is read out of a real database."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlmodel import col, select

from domain.claim import Claim
from domain.kinds import ClaimState
from domain.policy import Policy
from store.database import Database
from store.reads.ledger import HOLDS_OPEN, LedgerLine, ledger
from store.tables.claims import ClaimRow, EventRow
from store.tables.simulated_gateway import GatewayPaymentRow
from store.tables.warehouse import DispatchRequestRow

_CLAIM = TypeAdapter(Claim)
WATCHDOG = timedelta(minutes=16)
"""Within so long of a request the claim writes that there was no response."""


@dataclass(frozen=True, slots=True)
class SnapshotPayment:
    """A payment as the gateway has it; amounts are minor units. `reference` is the key of the request that made it."""

    id: str
    kind: str
    status: str
    amount: int
    captured: int
    refunded: int
    currency: str
    reference: str
    created_at: datetime
    expires_at: datetime | None = None

    @property
    def kept(self) -> int:
        return self.captured - self.refunded

    def live(self, at: datetime) -> bool:
        return self.status == "authorized" and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class SnapshotEvent:
    """A line of the timeline."""

    at: datetime
    kind: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class ClaimSnapshot:
    """All that is written about one claim, read while nothing is in flight, at `now` on the claim's own clock."""

    claim: Claim
    now: datetime
    payments: tuple[SnapshotPayment, ...]
    lines: tuple[LedgerLine, ...]
    events: tuple[SnapshotEvent, ...]
    requested_at: datetime | None = None
    withdrawn_at: datetime | None = None
    policy: Policy = Policy()

    @property
    def holds(self) -> tuple[SnapshotPayment, ...]:
        return tuple(payment for payment in self.payments if payment.kind == "hold")

    @property
    def closed(self) -> bool:
        return self.claim.state is ClaimState.CLOSED

    def first(self, *kinds: str) -> datetime | None:
        """When the first event of these kinds was."""
        return min((event.at for event in self.events if event.kind in kinds), default=None)

    @property
    def reset(self) -> bool:
        """Whether operations reset the workflow: the new run begins at the wall clock, so times do not follow."""
        return sum(event.kind == "submitted" for event in self.events) > 1

    def unanswered(self, start: datetime, end: datetime) -> bool:
        """Whether between the two the claim had written that the gateway did not respond."""
        since: datetime | None = None
        for event in self.events:
            if event.kind == "answer_unknown":
                since = since or event.at - WATCHDOG
            elif event.kind == "answer_known" and since is not None:
                if since <= end and event.at >= start:
                    return True
                since = None
        return since is not None and since <= end

    def balance(self, account: str) -> int:
        return sum(line.amount for line in self.lines if line.account == account)

    def ends(self) -> dict[str, datetime]:
        """When each hold ended, by reference: what the ledger has, or its time if that was over before."""
        booked = {line.key: line.at for line in self.lines if line.account == HOLDS_OPEN and line.amount < 0}
        ends: dict[str, datetime] = {}
        for hold in self.holds:
            keys = [f"{hold.reference}:released", f"{hold.reference}:expired"]
            if hold.status == "captured":
                ordinal = hold.reference.rpartition(":")[2]
                made = [f"{self.claim.id}:{purpose}:{ordinal}" for purpose in ("capture", "deposit")]
                # A capture after a refusal has a key of its own; one by somebody else is booked under the hold's.
                again = [key for key in booked for first in made if key.startswith(f"{first}:")]
                keys = [*made, *again, f"{hold.reference}:captured"]
            known = [booked[key] for key in keys if key in booked]
            known += [hold.expires_at] if hold.expires_at and hold.expires_at <= self.now else []
            if known:
                ends[hold.reference] = min(known)
        return ends


async def claim_snapshot(database: Database, claim_id: str, now: datetime, policy: Policy) -> ClaimSnapshot | None:
    """The snapshot of a claim at `now` on its clock; None when no claim was made."""
    async with database.snapshot() as session:
        row = await session.get(ClaimRow, claim_id)
        if row is None:
            return None
        made = select(GatewayPaymentRow).where(GatewayPaymentRow.subject == claim_id)
        payments = (await session.exec(made.order_by(col(GatewayPaymentRow.created_at)))).all()
        events = select(EventRow).where(EventRow.claim_id == claim_id).order_by(col(EventRow.id))
        request = await session.get(DispatchRequestRow, claim_id)
        return ClaimSnapshot(
            claim=_CLAIM.validate_python(row.document),
            now=now,
            payments=tuple(
                SnapshotPayment(
                    id=p.id,
                    kind=p.kind,
                    status=p.state,
                    amount=p.amount,
                    captured=p.captured,
                    refunded=p.refunded,
                    currency=p.currency,
                    reference=p.reference,
                    created_at=p.created_at,
                    expires_at=p.expires_at,
                )
                for p in payments
            ),
            lines=(await ledger(session, claim_id)).entries,
            events=tuple(SnapshotEvent(event.at, event.kind, event.title) for event in await session.exec(events)),
            requested_at=request.requested_at if request else None,
            withdrawn_at=request.withdrawn_at if request else None,
            policy=policy,
        )
