"""Store, the write side of what else a device is entitled to: verification, another owner, a code, its money back."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import local_day
from domain.eligibility import CLOCK_SKEW
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, ReasonCode
from domain.maintenance import code_refusals, first_year_ends
from domain.money import Money
from domain.purchase import refund_refusals
from domain.reasons import Reason
from domain.standing import Standing
from messages.entitlements import (
    ApproveVerification,
    ChangeOwner,
    EndPlan,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    PlanEnded,
)
from messages.registry import PlanRefused
from store.standing import load_standing, term_from
from store.tables import BindingRow, LineageRow, MaintenanceCodeRow, TermRow
from store.writes.refused import Refused


async def approve_verification(session: AsyncSession, ask: ApproveVerification) -> str:
    """Note the approval; the latest one counts (R-PUR-2)."""
    standing = await _standing(session, ask.serial_number)
    _must_be_current(standing)
    if ask.approved_at > ask.at + CLOCK_SKEW:
        raise Refused("invalid_request", ("approved_at", "An approval cannot lie in the future."))
    lineage = await session.get_one(LineageRow, standing.lineage_id)
    if lineage.verified_at is None or lineage.verified_at < ask.approved_at:
        lineage.verified_at = ask.approved_at
    return standing.serial_number


async def change_owner(session: AsyncSession, ask: ChangeOwner) -> str:
    """Give the device with its plan to another owner, unbound; an open case forbids it (R-XFR-1)."""
    standing = await _standing(session, ask.serial_number)
    lineage = await session.get_one(LineageRow, standing.lineage_id)
    if (lineage.owner_name, lineage.owner_email) == (ask.owner.name, ask.owner.email):
        return standing.serial_number
    _must_be_current(standing)
    if standing.open_claim_id is not None:
        message = f"Case {standing.open_claim_id} is open; it must be closed before the owner changes."
        raise Refused("conflict", ("serial_number", message))
    lineage.owner_name, lineage.owner_email = ask.owner.name, ask.owner.email
    active = select(BindingRow).where(
        BindingRow.serial_number == normalise_serial(standing.serial_number), col(BindingRow.unbound_at).is_(None)
    )
    for binding in await session.exec(active):
        binding.unbound_at = max(ask.at, binding.bound_at)
    return standing.serial_number


async def issue_code(session: AsyncSession, ask: IssueMaintenanceCode) -> MaintenanceCodeIssued | MaintenanceRefused:
    """Issue the lineage's one maintenance code (R-MNT-1). The same code asked for again is the same code."""
    standing = await _standing(session, ask.serial_number)
    code, known = ask.code.strip().upper(), standing.maintenance_code
    if known is not None and known.code == code:
        return MaintenanceCodeIssued(code=known.code, expires_on=known.expires_on)
    reasons = code_refusals(standing, ask.at)
    if reasons:
        return MaintenanceRefused(reasons=tuple(reasons))
    expires_on = first_year_ends(standing)
    if expires_on is None:
        raise AssertionError("the rules issue no code without a plan")
    row = MaintenanceCodeRow(
        lineage_id=standing.lineage_id,
        code=code,
        issued_on=local_day(ask.at, standing.region.time_zone),
        expires_on=expires_on,
    )
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError:
        raise Refused("conflict", ("code", "Another device has that code.")) from None
    return MaintenanceCodeIssued(code=code, expires_on=expires_on)


async def end_plan(session: AsyncSession, ask: EndPlan) -> PlanEnded | PlanRefused:
    """End the plan at `ask.at` if it may be given back (R-CAN-1). The same refund asked for again answers the same."""
    refund = ask.refund
    standing = await _standing(session, refund.serial_number)
    row = await session.get(TermRow, refund.plan_id) if refund.plan_id.isprintable() else None
    if row is None or row.lineage_id != standing.lineage_id:
        raise Refused("not_found", ("plan_id", f"{standing.serial_number} has no plan {refund.plan_id}."))
    if row.price_amount is None or row.price_currency is None or row.payment_id is None:
        raise Refused("conflict", ("plan_id", f"Nothing was paid here for the plan {refund.plan_id}."))
    if row.ended_at is not None:
        if row.refund_id == refund.refund_id:
            return _ended(row, Money(row.price_amount, row.price_currency), row.payment_id, row.ended_at)
        day = local_day(row.ended_at, standing.region.time_zone)
        return PlanRefused(reasons=(Reason(ReasonCode.NO_PLAN, "R-CAN-1", f"The plan was given back on {day}."),))
    zone, case = standing.region.time_zone, standing.open_claim_id
    reasons = refund_refusals(term_from(row), row.purchased_at, standing.uses, case, zone, ask.at)
    if reasons:
        return PlanRefused(reasons=tuple(reasons))
    row.ended_at, row.refund_id = ask.at, refund.refund_id
    await session.flush()
    return _ended(row, Money(row.price_amount, row.price_currency), row.payment_id, ask.at)


def _ended(row: TermRow, price: Money, payment_id: str, ended_at: datetime) -> PlanEnded:
    return PlanEnded(plan_id=row.id, price=price, payment_id=payment_id, ended_at=ended_at)


async def _standing(session: AsyncSession, serial_number: str) -> Standing:
    standing = await load_standing(session, serial_number, lock=True)
    if standing is None:
        raise Refused("not_found", ("serial_number", f"There is no device {serial_number}."))
    return standing


def _must_be_current(standing: Standing) -> None:
    if standing.status is not DeviceStatus.CURRENT:
        message = f"{standing.serial_number} was {standing.status}; {standing.current_serial_number} took its place."
        raise Refused("conflict", ("serial_number", message))
