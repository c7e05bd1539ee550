"""Store, the write side of repairs and maintenance: the case, and the use that a replacement draws."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import fee_for_use
from domain.claim import Claim, Incident
from domain.coverage import tally, term_at, unbroken_since, warranty_end
from domain.dates import end_of_day
from domain.device_snapshot import DeviceSnapshot
from domain.eligibility import Application, refusals
from domain.kinds import Category, Cause, ClaimState, ReasonCode, Service, UseKind
from domain.maintenance import redemption_refusal
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from messages.claims import ClaimRefused
from messages.jobs import GetReplacementFee, JobOpened, OpenJob, ReserveForRepair
from store.reads.device_snapshot import load_snapshot
from store.tables.claims import ClaimRow, UseRow
from store.tables.devices import LineageRow, MaintenanceCodeRow
from store.writes.claims import insert_claim, stored_agreement

_JOB_OPENED: TypeAdapter[JobOpened] = TypeAdapter(JobOpened)


async def open_job(session: AsyncSession, command: OpenJob, policy: Policy) -> JobOpened | ClaimRefused:
    """Check the job at `command.at`; if accepted, write its claim and mark its code as used (R-REP, R-MNT-2, R-CLM-7).

    A repeated command returns the result of the first one: it is stored with the claim.
    """
    snapshot = await load_snapshot(session, command.serial_number, lock=True)
    if snapshot is None:
        message = f"There is no device {command.serial_number}."
        return ClaimRefused(reasons=(Reason(ReasonCode.SERVICE_NOT_APPLICABLE, "R-REP-1", message),))
    known = await stored_agreement(session, command.claim_id)
    if known is not None:
        return _JOB_OPENED.validate_python(known)
    reasons = _refusals(command, snapshot, policy)
    if reasons:
        return ClaimRefused(reasons=tuple(reasons))
    opened = _opened(command, snapshot, policy)
    if not await insert_claim(session, opened.claim, _JOB_OPENED.dump_python(opened, mode="json")):
        # The lock on the lineage excludes a second case; the unique `open_lineage` would, if the lock did not.
        snapshot = await load_snapshot(session, command.serial_number, lock=True)
        reasons = _refusals(command, snapshot, policy) if snapshot else []
        if not reasons:
            raise AssertionError("the insert conflicts with a case that the rules do not see")
        return ClaimRefused(reasons=tuple(reasons))
    if command.service is Service.MAINTENANCE:
        code = await session.get_one(MaintenanceCodeRow, snapshot.lineage_id)
        code.claim_id = command.claim_id
        await session.flush()
    return opened


async def replacement_fee(session: AsyncSession, query: GetReplacementFee) -> Money | None:
    """The fee of a replacement under the term the claim was opened in; None when no use is left (R-REP-1).

    A use that the claim itself has reserved counts as left.
    """
    return await _fee(session, await session.get_one(ClaimRow, query.claim_id), query.term_id)


async def reserve_for_repair(session: AsyncSession, command: ReserveForRepair) -> Money | None:
    """Reserve a use of the term for the claim, once (R-REP-3, R-CLM-6). Returns its fee; None when no use is left."""
    claim = await session.get_one(ClaimRow, command.claim_id)
    await session.exec(select(LineageRow.id).where(LineageRow.id == claim.lineage_id).with_for_update())
    fee = await _fee(session, claim, command.term_id)
    if fee is None or command.term_id is None:
        return None
    if await session.get(UseRow, (command.claim_id, UseKind.RESERVED.value)) is None:
        session.add(
            UseRow(
                claim_id=command.claim_id,
                kind=UseKind.RESERVED.value,
                lineage_id=claim.lineage_id,
                term_id=command.term_id,
                flyaway=False,
                at=command.at,
            )
        )
        await session.flush()
    return fee


def _refusals(command: OpenJob, snapshot: DeviceSnapshot, policy: Policy) -> list[Reason]:
    # Maintenance has no incident; the rules of a job read only its cause.
    incident = command.incident or Incident(Cause.NATURAL_WEAR, command.at)
    application = Application(
        service=command.service, tier=None, incident=incident, policy=policy, delivery_country=command.return_country
    )
    found = refusals(application, snapshot, command.at)
    if command.service is Service.MAINTENANCE:
        refused = redemption_refusal(snapshot, command.maintenance_code or "", command.at)
        found += [refused] if refused else []
    return found


def _opened(command: OpenJob, snapshot: DeviceSnapshot, policy: Policy) -> JobOpened:
    zero = Money(0, snapshot.region.currency)
    zone = snapshot.region.time_zone
    activated, kinds = snapshot.activated_at, (term.kind for term in snapshot.terms)
    return JobOpened(
        claim=Claim(
            id=command.claim_id,
            service=command.service,
            tier=None,
            state=ClaimState.SUBMITTED,
            serial_number=snapshot.serial_number,
            model=snapshot.model.slug,
            region=snapshot.region.code,
            lineage_id=snapshot.lineage_id,
            opened_at=command.at,
            incident=command.incident,
            fee=zero,
            amount_owed=zero,
            time_zone=zone,
        ),
        offer=snapshot.offer,
        policy=policy,
        dispatch_days=policy.dispatch_days,
        model_name=snapshot.model.name,
        time_zone=zone,
        expected=snapshot.model.components,
        bindable=snapshot.model.category is Category.DRONE and snapshot.model.flyaway,
        term_id=_term_to_draw_on(snapshot, command.incident, command.at),
        warranty_until=end_of_day(warranty_end(activated, kinds, zone), zone) if activated else None,
    )


def _term_to_draw_on(snapshot: DeviceSnapshot, incident: Incident | None, now: datetime) -> str | None:
    """The term active now, when the incident lies within its unbroken cover too (R-CLM-1, R-REN-4)."""
    term, since = term_at(snapshot.terms, now), unbroken_since(snapshot.terms, now)
    if term is None or since is None:
        return None
    return term.id if incident is None or incident.occurred_at >= since else None


async def _fee(session: AsyncSession, claim: ClaimRow, term_id: str | None) -> Money | None:
    snapshot = await load_snapshot(session, claim.serial_number)
    term = next((term for term in snapshot.terms if term.id == term_id), None) if snapshot else None
    if snapshot is None or term is None:
        return None  # opened without cover, or the plan was given back since
    own = [use for use in snapshot.uses if use.claim_id == claim.id]
    counts, _ = tally(term, snapshot.uses)
    reserved = [use.kind for use in own] == [UseKind.RESERVED]
    if (own and not reserved) or (counts.left == 0 and not reserved):
        return None
    offer = _JOB_OPENED.validate_python(claim.agreed).offer if claim.agreed else snapshot.offer
    return fee_for_use(offer, counts.used)
