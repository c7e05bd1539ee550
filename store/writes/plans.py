"""Store, the write side of cover: may a plan be bought, and its term once it is paid."""

from sqlmodel.ext.asyncio.session import AsyncSession

from domain.coverage import Term, begun, quota_for
from domain.dates import local_day
from domain.money import Money
from domain.purchase import refusals, starts_at
from domain.standing import Standing
from messages.registry import AddPlan, BuyPlan, CheckPlan, PlanBought, PlanPriced, PlanRefused
from store.standing import load_standing, term_from
from store.tables import TermRow
from store.writes.refused import Refused


async def check_plan(session: AsyncSession, ask: CheckPlan) -> PlanPriced | PlanRefused:
    """May the plan be bought at `ask.at`, and for how much (R-PUR-3, R-PUR-4)? Writes nothing.

    A plan that is bought already is priced again rather than refused as a second one: the asker lost the answer.
    """
    standing = await _standing(session, ask.plan, lock=False)
    known = await session.get(TermRow, ask.plan.plan_id)
    if known is not None and known.price_amount is not None and known.price_currency is not None:
        return PlanPriced(price=Money(known.price_amount, known.price_currency))
    reasons = refusals(ask.plan.kind, ask.plan.region or standing.region.code, standing, ask.at)
    if reasons:
        return PlanRefused(reasons=tuple(reasons))
    return PlanPriced(price=standing.offer.prices[ask.plan.kind])


async def add_plan(session: AsyncSession, ask: AddPlan) -> PlanBought | PlanRefused:
    """Write the paid plan's term (R-PLN-1, R-PUR-5). Refused when another plan came first; the money goes back then."""
    plan = ask.plan
    standing = await _standing(session, plan, lock=True)
    known = await session.get(TermRow, plan.plan_id)
    if known is not None:
        return _bought(ask, term_from(known), standing)
    reasons = refusals(plan.kind, plan.region or standing.region.code, standing, ask.at)
    if reasons:
        return PlanRefused(reasons=tuple(reasons))
    quota = quota_for(plan.kind, standing.model.category, standing.model.flyaway)
    start = starts_at(standing.activated_at, ask.at)
    term = Term(plan.plan_id, plan.kind, quota, None, None, None)
    if start is not None:
        term = begun(plan.plan_id, plan.kind, quota, start, standing.region.time_zone)
    session.add(
        TermRow(
            id=term.id,
            lineage_id=standing.lineage_id,
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


def _bought(ask: AddPlan, term: Term, standing: Standing) -> PlanBought:
    return PlanBought(
        plan_id=term.id,
        kind=term.kind,
        price=ask.price,
        purchased_at=ask.at,
        starts_on=local_day(term.starts_at, standing.region.time_zone) if term.starts_at else None,
        ends_on=term.ends_on,
    )


async def _standing(session: AsyncSession, plan: BuyPlan, *, lock: bool) -> Standing:
    standing = await load_standing(session, plan.serial_number, lock=lock)
    if standing is None:
        raise Refused("not_found", ("serial_number", f"There is no device {plan.serial_number}."))
    return standing
