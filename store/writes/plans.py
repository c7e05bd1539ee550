"""Store, the write side of plans: whether one can be bought or renewed, and its term once it is paid."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Term, new_term, quota_for
from domain.dates import local_day
from domain.device_snapshot import DeviceSnapshot
from domain.kinds import ReasonCode, TermKind
from domain.money import Money
from domain.purchase import bindings_from, refusals, starts_at
from domain.reasons import Reason
from domain.renewal import renewal
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused
from store.reads.device_snapshot import load_snapshot, term_from
from store.tables.devices import TermRow
from store.writes.command_refused import CommandRefused


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether the plan can be bought, its price, when it starts (None: at the activation) and, of a renewal, ends."""

    reasons: tuple[Reason, ...]
    price: Money | None
    starts_at: datetime | None
    ends_on: date | None = None


async def check_plan(session: AsyncSession, query: CheckPlan) -> PlanPriced | PlanRefused:
    """Whether the plan can be bought or the cover renewed at `query.at`, and the price (R-PUR, R-REN). Writes nothing.

    A plan that is bought already is priced again, not refused as a second one: the caller lost the first response.
    """
    snapshot = await _snapshot(session, query.plan, lock=False)
    known = await session.get(TermRow, query.plan.plan_id)
    if known is not None and known.price_amount is not None and known.price_currency is not None:
        return PlanPriced(price=Money(known.price_amount, known.price_currency))
    verdict = _verdict(query.plan, snapshot, query.at)
    if verdict.reasons or verdict.price is None:
        return PlanRefused(reasons=verdict.reasons)
    return PlanPriced(price=verdict.price)


async def add_plan(session: AsyncSession, command: AddPlan) -> PlanBought | PlanRefused:
    """Write the paid plan's term (R-PLN-1, R-PUR-5, R-REN-3).

    PlanRefused when another one was bought first: the caller refunds this one.

    One renewal is pending at most, however many are bought at once (R-REN-5).
    """
    plan = command.plan
    snapshot = await _snapshot(session, plan, lock=True)
    known = await session.get(TermRow, plan.plan_id)
    if known is not None:
        return _bought(command, term_from(known), snapshot)
    verdict = _verdict(plan, snapshot, command.at)
    if verdict.reasons:
        return PlanRefused(reasons=verdict.reasons)
    quota = quota_for(plan.kind, snapshot.model.category, snapshot.model.flyaway)
    term = Term(plan.plan_id, plan.kind, quota, None, None, None)
    if verdict.starts_at is not None:
        zone = snapshot.region.time_zone
        term = new_term(plan.plan_id, plan.kind, quota, verdict.starts_at, zone, verdict.ends_on)
    session.add(
        TermRow(
            id=term.id,
            lineage_id=snapshot.lineage_id,
            region=snapshot.region.code,
            kind=term.kind.value,
            total=quota.total,
            flyaway_cap=quota.flyaway_cap,
            starts_at=term.starts_at,
            ends_on=term.ends_on,
            ends_at=term.ends_at,
            purchased_at=command.at,
            price_amount=command.price.amount,
            price_currency=command.price.currency,
            payment_id=command.payment_id,
            bindings_from=None if plan.renewal else bindings_from(command.at, snapshot.region.time_zone),
        )
    )
    await session.flush()
    return _bought(command, term, snapshot)


def _verdict(plan: BuyPlan, snapshot: DeviceSnapshot, now: datetime) -> _Verdict:
    if not plan.renewal:
        reasons = refusals(plan.kind, plan.region or snapshot.region.code, snapshot, now)
        offer = snapshot.model.offers.get(snapshot.region.code)
        price = offer.prices.get(plan.kind) if offer else None
        return _Verdict(tuple(reasons), price, starts_at(snapshot.activated_at, now))
    renewed = renewal(snapshot, now)
    reasons = [*renewed.reasons]
    if plan.kind is not TermKind.ONE_YEAR:
        reasons.append(Reason(ReasonCode.TERM_NOT_SOLD, "R-REN-1", "Cover is renewed with the 1-year plan alone."))
    if plan.region is not None and plan.region != snapshot.region.code:
        message = f"The device is registered in {snapshot.region.code}; a plan for {plan.region} cannot be bound to it."
        reasons.append(Reason(ReasonCode.REGION_MISMATCH, "R-PUR-3", message))
    return _Verdict(tuple(reasons), renewed.price, renewed.starts_at, renewed.ends_on)


def _bought(command: AddPlan, term: Term, snapshot: DeviceSnapshot) -> PlanBought:
    starts_on = local_day(term.starts_at, snapshot.region.time_zone) if term.starts_at else None
    return PlanBought(
        plan_id=term.id,
        kind=term.kind,
        price=command.price,
        purchased_at=command.at,
        starts_on=starts_on,
        ends_on=term.ends_on,
        gap=command.plan.renewal and _leaves_a_gap(term, snapshot),
    )


def _leaves_a_gap(term: Term, snapshot: DeviceSnapshot) -> bool:
    """Whether time between `term` and the one before it stays uncovered (R-REN-3)."""
    start = term.starts_at
    if start is None:
        return False
    before = [t.ends_at for t in snapshot.terms if t.ends_at and t.starts_at and t.starts_at < start]
    return bool(before) and start > max(before) + timedelta(seconds=1)


async def _snapshot(session: AsyncSession, plan: BuyPlan, *, lock: bool) -> DeviceSnapshot:
    snapshot = await load_snapshot(session, plan.serial_number, lock=lock)
    if snapshot is None:
        raise CommandRefused("not_found", ("serial_number", f"There is no device {plan.serial_number}."))
    return snapshot
