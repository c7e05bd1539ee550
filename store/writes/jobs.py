"""Store, the write side of repairs and maintenance: the case that begins one, and the use a replacement draws."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import fee_for_use
from domain.claim import Claim, Incident
from domain.coverage import tally, term_at, unbroken_since, warranty_end
from domain.dates import end_of_day
from domain.eligibility import Application, refusals
from domain.kinds import Category, Cause, ClaimState, ReasonCode, Service, UseKind
from domain.maintenance import code_accepted
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from domain.standing import Standing
from messages.claims import ClaimRefused
from messages.jobs import AskReplacementFee, JobOpened, OpenJob, ReserveForRepair
from store.standing import load_standing
from store.tables import ClaimRow, LineageRow, MaintenanceCodeRow, UseRow
from store.writes.claims import agreed, insert_claim

_OPENED: TypeAdapter[JobOpened] = TypeAdapter(JobOpened)


async def open_job(session: AsyncSession, ask: OpenJob, policy: Policy) -> JobOpened | ClaimRefused:
    """Judge the job at `ask.at`; when it stands, write its claim and mark the code it uses (R-REP, R-MNT-2, R-CLM-7).

    The same claim asked for again answers as the first time: what was said is kept with it.
    """
    standing = await load_standing(session, ask.serial_number, lock=True)
    if standing is None:
        message = f"There is no device {ask.serial_number}."
        return ClaimRefused(reasons=(Reason(ReasonCode.SERVICE_NOT_APPLICABLE, "R-REP-1", message),))
    known = await agreed(session, ask.claim_id)
    if known is not None:
        return _OPENED.validate_python(known)
    reasons = _refusals(ask, standing, policy)
    if reasons:
        return ClaimRefused(reasons=tuple(reasons))
    opened = _opened(ask, standing, policy)
    if not await insert_claim(session, opened.claim, _OPENED.dump_python(opened, mode="json")):
        # The lock on the lineage keeps two cases apart; should it ever not, the unique open claim does.
        standing = await load_standing(session, ask.serial_number, lock=True)
        reasons = _refusals(ask, standing, policy) if standing else []
        if not reasons:
            raise AssertionError("no second case is open beside one that the rules cannot see")
        return ClaimRefused(reasons=tuple(reasons))
    if ask.service is Service.MAINTENANCE:
        code = await session.get_one(MaintenanceCodeRow, standing.lineage_id)
        code.claim_id = ask.claim_id
        await session.flush()
    return opened


async def replacement_fee(session: AsyncSession, ask: AskReplacementFee) -> Money | None:
    """What a replacement would cost the claim out of the term it was opened in; None when no use is left (R-REP-1).

    A use the claim itself has reserved is one it could use.
    """
    return await _fee(session, await session.get_one(ClaimRow, ask.claim_id), ask.term_id)


async def reserve_for_repair(session: AsyncSession, ask: ReserveForRepair) -> Money | None:
    """Reserve a use of the term for the claim, once (R-REP-3, R-CLM-6). Answers its fee; None when no use is left."""
    claim = await session.get_one(ClaimRow, ask.claim_id)
    await session.exec(select(LineageRow.id).where(LineageRow.id == claim.lineage_id).with_for_update())
    fee = await _fee(session, claim, ask.term_id)
    if fee is None or ask.term_id is None:
        return None
    if await session.get(UseRow, (ask.claim_id, UseKind.RESERVED.value)) is None:
        session.add(
            UseRow(
                claim_id=ask.claim_id,
                kind=UseKind.RESERVED.value,
                lineage_id=claim.lineage_id,
                term_id=ask.term_id,
                flyaway=False,
                at=ask.at,
            )
        )
        await session.flush()
    return fee


def _refusals(ask: OpenJob, standing: Standing, policy: Policy) -> list[Reason]:
    # Maintenance follows no incident; the rules of a job ask for its cause alone.
    incident = ask.incident or Incident(Cause.NATURAL_WEAR, ask.at)
    application = Application(service=ask.service, tier=None, incident=incident, policy=policy)
    found = refusals(application, standing, ask.at)
    if ask.service is Service.MAINTENANCE:
        refused = code_accepted(standing, ask.maintenance_code or "", ask.at)
        found += [refused] if refused else []
    return found


def _opened(ask: OpenJob, standing: Standing, policy: Policy) -> JobOpened:
    nothing = Money(0, standing.region.currency)
    zone = standing.region.time_zone
    activated, kinds = standing.activated_at, (term.kind for term in standing.terms)
    return JobOpened(
        claim=Claim(
            id=ask.claim_id,
            service=ask.service,
            tier=None,
            state=ClaimState.SUBMITTED,
            serial_number=standing.serial_number,
            model=standing.model.slug,
            region=standing.region.code,
            lineage_id=standing.lineage_id,
            opened_at=ask.at,
            incident=ask.incident,
            fee=nothing,
            amount_owed=nothing,
        ),
        offer=standing.offer,
        policy=policy,
        model_name=standing.model.name,
        time_zone=zone,
        expected=standing.model.components,
        bindable=standing.model.category is Category.DRONE and standing.model.flyaway,
        term_id=_term_to_draw_on(standing, ask.incident, ask.at),
        warranty_until=end_of_day(warranty_end(activated, kinds, zone), zone) if activated else None,
    )


def _term_to_draw_on(standing: Standing, incident: Incident | None, now: datetime) -> str | None:
    """The term active now, when the incident lies within its unbroken cover too (R-CLM-1, R-REN-4)."""
    term, since = term_at(standing.terms, now), unbroken_since(standing.terms, now)
    if term is None or since is None:
        return None
    return term.id if incident is None or incident.occurred_at >= since else None


async def _fee(session: AsyncSession, claim: ClaimRow, term_id: str | None) -> Money | None:
    standing = await load_standing(session, claim.serial_number)
    term = next((term for term in standing.terms if term.id == term_id), None) if standing else None
    if standing is None or term is None:
        return None  # opened without cover, or the plan was given back since
    mine = [use for use in standing.uses if use.claim_id == claim.id]
    counts, _ = tally(term, standing.uses)
    reserved = [use.kind for use in mine] == [UseKind.RESERVED]
    if (mine and not reserved) or (counts.left == 0 and not reserved):
        return None
    offer = _OPENED.validate_python(claim.agreed).offer if claim.agreed else standing.offer
    return fee_for_use(offer, counts.used)
