"""Store, the write side of cover: may a plan be bought or renewed, and its term once it is paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Term, begun, quota_for
from domain.dates import local_day, start_of_day
from domain.kinds import ReasonCode, TermKind
from domain.money import Money
from domain.purchase import refusals, starts_at
from domain.reasons import Reason
from domain.renewal import renewal
from domain.standing import Standing
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused
from store.standing import load_standing, term_from
from store.tables import TermRow
from store.writes.refused import Refused


@dataclass(frozen=True, slots=True)
class _Verdict:
    """May the plan be had, for how much, and from when (None: from the activation)."""

    reasons: tuple[Reason, ...]
    price: Money | None
    starts_at: datetime | None


async def check_plan(session: AsyncSession, ask: CheckPlan) -> PlanPriced | PlanRefused:
    """May the plan be bought, or the cover renewed, at `ask.at`, and for how much (R-PUR, R-REN)? Writes nothing.

    A plan that is bought already is priced again rather than refused as a second one: the asker lost the answer.
    """
    standing = await _standing(session, ask.plan, lock=False)
    known = await session.get(TermRow, ask.plan.plan_id)
    if known is not None and known.price_amount is not None and known.price_currency is not None:
        return PlanPriced(price=Money(known.price_amount, known.price_currency))
    verdict = _verdict(ask.plan, standing, ask.at)
    if verdict.reasons or verdict.price is None:
        return PlanRefused(reasons=verdict.reasons)
    return PlanPriced(price=verdict.price)


async def add_plan(session: AsyncSession, ask: AddPlan) -> PlanBought | PlanRefused:
    """Write the paid plan's term (R-PLN-1, R-PUR-5, R-REN-3). Refused when another one came first: the money goes back.

    One renewal is pending at most, however many are bought at once (R-REN-5).
    """
    plan = ask.plan
    standing = await _standing(session, plan, lock=True)
    known = await session.get(TermRow, plan.plan_id)
    if known is not None:
        return _bought(ask, term_from(known), standing)
    verdict = _verdict(plan, standing, ask.at)
    if verdict.reasons:
        return PlanRefused(reasons=verdict.reasons)
    quota = quota_for(plan.kind, standing.model.category, standing.model.flyaway)
    term = Term(plan.plan_id, plan.kind, quota, None, None, None)
    if verdict.starts_at is not None:
        term = begun(plan.plan_id, plan.kind, quota, verdict.starts_at, standing.region.time_zone)
    session.add(
        TermRow(
            id=term.id,
            lineage_id=standing.lineage_id,
            region=standing.region.code,
            kind=term.kind.value,
            total=quota.total,
            flyaway_cap=quota.flyaway_cap,
            starts_at=term.starts_at,
            ends_on=term.ends_on,
            ends_at=term.ends_at,
            purchased_at=ask.at,
            price_amount=ask.price.amount,
            price_currency=ask.price.currency,
            payment_id=ask.payment_id,
        )
    )
    await session.flush()
    return _bought(ask, term, standing)


def _verdict(plan: BuyPlan, standing: Standing, now: datetime) -> _Verdict:
    if not plan.renewal:
        reasons = refusals(plan.kind, plan.region or standing.region.code, standing, now)
        offer = standing.model.offers.get(standing.region.code)
        price = offer.prices.get(plan.kind) if offer else None
        return _Verdict(tuple(reasons), price, starts_at(standing.activated_at, now))
    answer = renewal(standing, now)
    wrong = [*answer.reasons]
    if plan.kind is not TermKind.ONE_YEAR:
        wrong.append(Reason(ReasonCode.TERM_NOT_SOLD, "R-REN-1", "Cover is renewed with the 1-year plan alone."))
    if plan.region is not None and plan.region != standing.region.code:
        message = f"The device is registered in {standing.region.code}; a plan for {plan.region} cannot be bound to it."
        wrong.append(Reason(ReasonCode.REGION_MISMATCH, "R-PUR-3", message))
    return _Verdict(tuple(wrong), answer.price, answer.starts_at)


def _bought(ask: AddPlan, term: Term, standing: Standing) -> PlanBought:
    starts_on = local_day(term.starts_at, standing.region.time_zone) if term.starts_at else None
    return PlanBought(
        plan_id=term.id,
        kind=term.kind,
        price=ask.price,
        purchased_at=ask.at,
        starts_on=starts_on,
        ends_on=term.ends_on,
        gap=ask.plan.renewal and _leaves_a_gap(term, standing),
    )


def _leaves_a_gap(term: Term, standing: Standing) -> bool:
    """Whether any time between `term` and the one before it stays uncovered (R-REN-3)."""
    start = term.starts_at
    if start is None:
        return False
    before = [t.ends_on for t in standing.terms if t.ends_on and t.starts_at and t.starts_at < start]
    return bool(before) and start > start_of_day(max(before) + timedelta(days=1), standing.region.time_zone)


async def _standing(session: AsyncSession, plan: BuyPlan, *, lock: bool) -> Standing:
    standing = await load_standing(session, plan.serial_number, lock=lock)
    if standing is None:
        raise Refused("not_found", ("serial_number", f"There is no device {plan.serial_number}."))
    return standing
