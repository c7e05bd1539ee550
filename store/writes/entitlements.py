"""Store, the write side of entitlements: verification, change of owner, maintenance code, refund of a plan."""

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dates import local_day
from domain.device_snapshot import DeviceSnapshot
from domain.eligibility import CLOCK_SKEW
from domain.inspection import normalise_serial
from domain.kinds import DeviceStatus, ReasonCode
from domain.maintenance import first_year_end, issue_refusals
from domain.money import Money
from domain.purchase import code_of, refund_refusals
from domain.reasons import Reason
from messages.entitlements import (
    ApprovePlan,
    ApproveVerification,
    ChangeOwner,
    EndPlan,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    NoteRefusedRefund,
    PlanEnded,
)
from messages.registry import PlanRefused
from store.device_words import write_words
from store.reads.device_snapshot import load_snapshot, term_from
from store.tables.devices import BindingRow, LineageRow, MaintenanceCodeRow, TermRow
from store.writes.command_refused import CommandRefused
from store.writes.registry import begin_term


async def approve_verification(session: AsyncSession, command: ApproveVerification) -> str:
    """Store the approval; the latest one counts (R-PUR-2)."""
    snapshot = await _snapshot(session, command.serial_number)
    _must_be_current(snapshot)
    if command.approved_at > command.at + CLOCK_SKEW:
        raise CommandRefused("invalid_request", ("approved_at", "An approval cannot lie in the future."))
    lineage = await session.get_one(LineageRow, snapshot.lineage_id)
    if lineage.verified_at is None or lineage.verified_at < command.approved_at:
        lineage.verified_at = command.approved_at
    return snapshot.serial_number


async def approve_plan(session: AsyncSession, command: ApprovePlan) -> str:
    """Let a plan in question count from its purchase on (R-PUR-6). A repeated command changes nothing."""
    snapshot = await _snapshot(session, command.serial_number)
    row = await _plan(session, snapshot, command.plan_id)
    if row.decided_at == command.at and row.decision == command.reason:
        return snapshot.serial_number
    _must_be_undecided(row)
    if snapshot.activated_at is None:
        raise AssertionError("a plan is in question because of an activation")
    row.decided_at, row.decided_by, row.decision = command.at, command.actor, command.reason
    begin_term(row, snapshot.activated_at, snapshot.region.time_zone)
    await session.flush()
    return snapshot.serial_number


async def change_owner(session: AsyncSession, command: ChangeOwner) -> str:
    """Change the owner of the device with its plan and end its binding; refused while a case is open (R-XFR-1)."""
    snapshot = await _snapshot(session, command.serial_number)
    lineage = await session.get_one(LineageRow, snapshot.lineage_id)
    if (lineage.owner_name, lineage.owner_email) == (command.owner.name, command.owner.email):
        return snapshot.serial_number
    _must_be_current(snapshot)
    if snapshot.open_claim_id is not None:
        message = f"Case {snapshot.open_claim_id} is open; it must be closed before the owner changes."
        raise CommandRefused("conflict", ("serial_number", message))
    lineage.owner_name, lineage.owner_email = command.owner.name, command.owner.email
    lineage.owner_phone, lineage.owner_language = command.owner.phone, command.owner.language
    await write_words(session, lineage)
    active = select(BindingRow).where(
        BindingRow.serial_number == normalise_serial(snapshot.serial_number), col(BindingRow.unbound_at).is_(None)
    )
    for binding in await session.exec(active):
        binding.unbound_at = max(command.at, binding.bound_at)
    return snapshot.serial_number


async def issue_code(
    session: AsyncSession, command: IssueMaintenanceCode
) -> MaintenanceCodeIssued | MaintenanceRefused:
    """Issue the lineage's one maintenance code (R-MNT-1). A repeated command returns the same code."""
    snapshot = await _snapshot(session, command.serial_number)
    code, known = command.code.strip().upper(), snapshot.maintenance_code
    if known is not None and known.code == code:
        return MaintenanceCodeIssued(code=known.code, expires_on=known.expires_on)
    reasons = issue_refusals(snapshot, command.at)
    if reasons:
        return MaintenanceRefused(reasons=tuple(reasons))
    expires_on = first_year_end(snapshot)
    if expires_on is None:
        raise AssertionError("the rules issue no code without a plan")
    row = MaintenanceCodeRow(
        lineage_id=snapshot.lineage_id,
        code=code,
        issued_on=local_day(command.at, snapshot.region.time_zone),
        expires_on=expires_on,
    )
    try:
        async with session.begin_nested():
            session.add(row)
            await session.flush()
    except IntegrityError:
        raise CommandRefused("conflict", ("code", "Another device has that code.")) from None
    return MaintenanceCodeIssued(code=code, expires_on=expires_on)


async def end_plan(session: AsyncSession, command: EndPlan) -> PlanEnded | PlanRefused:
    """End the plan at `command.at` if it may be given back (R-CAN-1), or staff have rejected it (R-PUR-6).

    A repeated command returns the first result.
    """
    refund = command.refund
    snapshot = await _snapshot(session, refund.serial_number)
    row = await _plan(session, snapshot, refund.plan_id)
    if row.price_amount is None or row.price_currency is None or row.payment_id is None:
        raise CommandRefused("conflict", ("plan_id", f"Nothing was paid here for the plan {refund.plan_id}."))
    if row.ended_at is not None:
        if row.refund_id == refund.refund_id:
            return _ended(row, Money(row.price_amount, row.price_currency), row.payment_id, row.ended_at)
        day = local_day(row.ended_at, snapshot.region.time_zone)
        return PlanRefused(reasons=(Reason(ReasonCode.NO_PLAN, "R-CAN-1", f"The plan was given back on {day}."),))
    if refund.rejected:
        _must_be_undecided(row)
        row.decided_at, row.decided_by, row.decision = command.at, refund.actor, refund.rejected
    else:
        reasons = refund_refusals(snapshot, term_from(row), row.purchased_at, command.at)
        if reasons:
            return PlanRefused(reasons=tuple(reasons))
        if code_of(snapshot, term_from(row)) is not None:
            await session.delete(await session.get_one(MaintenanceCodeRow, snapshot.lineage_id))
    row.ended_at, row.refund_id = command.at, refund.refund_id
    await session.flush()
    return _ended(row, Money(row.price_amount, row.price_currency), row.payment_id, command.at)


async def note_refused_refund(session: AsyncSession, command: NoteRefusedRefund) -> None:
    """Keep with the ended plan that the gateway refused to refund it. It may be repeated."""
    row = await session.get_one(TermRow, command.plan_id)
    if row.refund_id == command.refund_id:
        row.refund_refused = True


async def _plan(session: AsyncSession, snapshot: DeviceSnapshot, plan_id: str) -> TermRow:
    row = await session.get(TermRow, plan_id) if plan_id.isprintable() else None
    if row is None or row.lineage_id != snapshot.lineage_id:
        raise CommandRefused("not_found", ("plan_id", f"{snapshot.serial_number} has no plan {plan_id}."))
    return row


def _must_be_undecided(row: TermRow) -> None:
    if row.question is None or row.decided_at is not None or row.ended_at is not None:
        raise CommandRefused("conflict", ("plan_id", f"Nothing is to be decided about the plan {row.id}."))


def _ended(row: TermRow, price: Money, payment_id: str, ended_at: datetime) -> PlanEnded:
    return PlanEnded(plan_id=row.id, price=price, payment_id=payment_id, ended_at=ended_at)


async def _snapshot(session: AsyncSession, serial_number: str) -> DeviceSnapshot:
    snapshot = await load_snapshot(session, serial_number, lock=True)
    if snapshot is None:
        raise CommandRefused("not_found", ("serial_number", f"There is no device {serial_number}."))
    return snapshot


def _must_be_current(snapshot: DeviceSnapshot) -> None:
    if snapshot.status is not DeviceStatus.CURRENT:
        message = f"{snapshot.serial_number} was {snapshot.status}; {snapshot.current_serial_number} took its place."
        raise CommandRefused("conflict", ("serial_number", message))
