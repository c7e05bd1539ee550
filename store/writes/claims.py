"""Store, the write side of claims: the reservation that makes one, and the saves that follow it."""

from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import bindparam, exists
from sqlmodel import case, delete, insert, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import expected_components
from domain.claim import Claim
from domain.coverage import Term, term_at
from domain.eligibility import Application, refusals
from domain.fees import service_fee
from domain.inspection import normalise_serial
from domain.kinds import Category, ClaimState, Outcome, ReasonCode, Service, Tier, UseKind
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from domain.standing import Standing, premium_delivers
from messages.claims import ClaimRefused
from messages.record import ReserveUse, SaveClaim, UseReserved
from store import catalogue
from store.claim_list import CLAIMS
from store.core import core
from store.once import insert_new, insert_once, table_of
from store.outbox import enqueue
from store.payment_tables import DispatchRequestRow, WorkshopReturnRow
from store.standing import load_standing
from store.tables import AttentionRow, ClaimRow, ConsentRow, EventRow, MaintenanceCodeRow, UseRow

_AGREED: TypeAdapter[UseReserved] = TypeAdapter(UseReserved)
_CLAIMS: Final = table_of(ClaimRow)
_OTHER: Final = _CLAIMS.alias()
# A process that was reset may reopen a closed claim when a later one is open already. What happened must be remembered
# all the same; the later claim keeps the lineage's place.
_OPEN: Final = case(
    (
        exists().where(_OTHER.c.open_lineage == bindparam("asked_lineage"), _OTHER.c.id != bindparam("asked_id")),
        None,
    ),
    else_=bindparam("asked_lineage"),
)
_KNOWN: Final = select(_CLAIMS.c.id).where(_CLAIMS.c.id == bindparam("asked_id"))
_AGREED_BEFORE: Final = select(_CLAIMS.c.agreed).where(_CLAIMS.c.id == bindparam("asked_id"))
_NEWER: Final = (
    _CLAIMS.c.id == bindparam("asked_id"),
    or_(_CLAIMS.c.run_id != bindparam("asked_run"), _CLAIMS.c.version < bindparam("asked_version")),
)
_MAKES_OPEN: Final = insert(_CLAIMS).values(open_lineage=_OPEN)
_MAKES_CLOSED: Final = insert(_CLAIMS).values(open_lineage=None)
_FLAGS: Final = table_of(AttentionRow)
# Most claims never have a flag: whether one is to be taken down is told by the save.
_FLAGGED: Final = exists().where(_FLAGS.c.claim_id == _CLAIMS.c.id).label("flagged")
_SAVES: Final = update(_CLAIMS).where(*_NEWER).returning(_FLAGGED)
_SAVES_OPEN: Final = _SAVES.values(open_lineage=_OPEN)
_SAVES_CLOSED: Final = _SAVES.values(open_lineage=None)
_UNFLAGS: Final = delete(_FLAGS).where(_FLAGS.c.claim_id == bindparam("asked_id"))
_USES: Final = table_of(UseRow)
_DRAWS: Final = insert(_USES)
_CONSENTS: Final = insert(table_of(ConsentRow))
_USES_OF: Final = _USES.select().where(_USES.c.claim_id == bindparam("asked_id"))
_SHIPS: Final = table_of(DispatchRequestRow)
_RETURNS: Final = table_of(WorkshopReturnRow)
_SHIPS_NOTHING: Final = update(_SHIPS).where(_SHIPS.c.claim_id == bindparam("asked_id")).values(to_do=False)
_RETURNS_NOTHING: Final = update(_RETURNS).where(_RETURNS.c.claim_id == bindparam("asked_id")).values(to_do=False)
_FIXED: Final = frozenset(
    {"id", "lineage_id", "service", "tier", "serial_number", "region", "opened_at", "owed_currency"}
)
"""Columns that never change: written again, each would cost its indexes a removal and an insertion on SQLite."""
_JOBS: Final = (Service.ONLINE_REPAIR, Service.MAINTENANCE)
"""Services of the workshop, which sends the unit itself back."""
_KEEPS_THE_CODE = frozenset(Outcome) - {Outcome.CANCELLED, Outcome.LAPSED}
"""How a maintenance job ends that used its code up; a unit that never came did not (R-MNT-2)."""


async def reserve_use(session: AsyncSession, ask: ReserveUse, policy: Policy) -> UseReserved | ClaimRefused:
    """Judge the application at `ask.at`; when it stands, write claim, reserved use and consent (R-CLM-6, R-CLM-7).

    `policy` is frozen onto the claim. The same claim asked for again answers as the first time, whatever has happened
    since: what was agreed is kept with it.
    """
    standing = await load_standing(session, ask.serial_number, lock=True)
    if standing is None:
        message = f"There is no device {ask.serial_number}, so there is no plan for it."
        return ClaimRefused(reasons=(Reason(ReasonCode.NO_PLAN, "R-CLM-1", message),))
    known = await agreed(session, ask.claim_id)
    if known is not None:
        return _AGREED.validate_python(known)
    application = await _application(session, ask, standing, policy)
    reasons = refusals(application, standing, ask.at)
    if reasons:
        return ClaimRefused(reasons=tuple(reasons))
    fee = ask.quote.fee if ask.quote is not None else service_fee(ask.service, standing, ask.at)
    term = term_at(standing.terms, ask.at)
    if term is None or fee is None:
        raise AssertionError("the rules accept no claim without a term and a fee")
    reserved = _reserved(ask, standing, fee, policy)
    if await insert_claim(session, reserved.claim, _AGREED.dump_python(reserved, mode="json")):
        await _note_use_and_consent(session, ask, reserved, term)
        return reserved
    # The lock on the lineage keeps two claims apart; should it ever not, the unique open claim does.
    standing = await load_standing(session, ask.serial_number, lock=True)
    reasons = refusals(application, standing, ask.at) if standing else []
    if not reasons:
        raise AssertionError("no second claim is open beside one that the rules cannot see")
    return ClaimRefused(reasons=tuple(reasons))


async def agreed(session: AsyncSession, claim_id: str) -> dict[str, Any] | None:
    """What was agreed when the claim was made; None when it was not."""
    return (await core(session, _AGREED_BEFORE, {"asked_id": claim_id})).scalar()


async def insert_claim(session: AsyncSession, claim: Claim, as_agreed: dict[str, Any]) -> bool:
    """Write a new open claim with what was agreed; False when it, or another open one of the lineage, is there."""
    row = columns(claim) | {"open_lineage": claim.lineage_id, "agreed": as_agreed, "run_id": "", "version": 0}
    return await insert_once(session, ClaimRow, row)


async def save_claim(session: AsyncSession, save: SaveClaim) -> None:
    """Write the claim as it stands, its events, its notices' mails and, with `gives_back`, the return of its use.

    A save that is older than what is stored adds its events and mails and nothing else. A new run (the process was
    reset) is always newer.
    """
    saved = await _write(session, save)
    if saved is not None:
        await _flag(session, save.claim, before=saved)
        await _keep_code(session, save.claim)
        await _ships_no_more(session, save.claim)
    if save.events:
        whose = {"claim_id": save.claim.id, "run_id": save.run_id}
        in_order = sorted(save.events, key=lambda event: event.seq)  # the lines' numbers rise in this order
        await insert_new(session, EventRow, [event.model_dump() | whose for event in in_order])
    if save.gives_back:
        at = save.events[-1].at if save.events else save.claim.closed_at
        await use_ends(session, save.claim.id, UseKind.GIVEN_BACK, at)
    await enqueue(session, save)


async def _write(session: AsyncSession, save: SaveClaim) -> bool | None:
    """Whether the claim is flagged; None when this save is not the newest, and so not what the claim's row says now."""
    closed = save.claim.state is ClaimState.CLOSED
    named = {"asked_id": save.claim.id, "asked_run": save.run_id, "asked_version": save.version}
    if not closed:
        named["asked_lineage"] = save.claim.lineage_id
    values = columns(save.claim) | {"run_id": save.run_id, "version": save.version}
    changing = {name: value for name, value in values.items() if name not in _FIXED}
    saved = (await core(session, _SAVES_CLOSED if closed else _SAVES_OPEN, changing | named)).first()
    if saved is not None:
        return bool(saved.flagged)
    if (await core(session, _KNOWN, {"asked_id": save.claim.id})).first() is not None:
        return None
    await core(session, _MAKES_CLOSED if closed else _MAKES_OPEN, values | named)
    return False


async def _application(session: AsyncSession, ask: ReserveUse, standing: Standing, policy: Policy) -> Application:
    return Application(
        service=ask.service,
        tier=ask.tier,
        incident=ask.incident,
        replace_battery=ask.replace_battery,
        accepted_terms=ask.accepted_terms,
        confirmed_unrecoverable=ask.confirmed_unrecoverable,
        premium_delivers=premium_delivers(await catalogue.regions(session), ask.ship_to_country),
        quote_valid=None if ask.quote is None else ask.quote.valid,
        card=ask.card,
        policy=policy,
    )


def _reserved(ask: ReserveUse, standing: Standing, fee: Money, policy: Policy) -> UseReserved:
    window_days = ask.quote.window_days if ask.quote is not None else None
    return UseReserved(
        claim=Claim(
            id=ask.claim_id,
            service=ask.service,
            tier=ask.tier,
            state=ClaimState.SUBMITTED,
            serial_number=standing.serial_number,
            model=standing.model.slug,
            region=standing.region.code,
            lineage_id=standing.lineage_id,
            opened_at=ask.at,
            incident=ask.incident,
            fee=fee,
            amount_owed=fee.zero(),
            replace_battery=ask.replace_battery,
        ),
        offer=standing.offer,
        policy=policy,
        model_name=standing.model.name,
        time_zone=standing.region.time_zone,
        window_days=standing.region.window_days if window_days is None else window_days,
        expected=expected_components(standing.model, ask.replace_battery),
        bindable=standing.model.category is Category.DRONE and standing.model.flyaway,
    )


async def _note_use_and_consent(session: AsyncSession, ask: ReserveUse, reserved: UseReserved, term: Term) -> None:
    claim = reserved.claim
    use = {
        "claim_id": claim.id,
        "kind": UseKind.RESERVED.value,
        "lineage_id": claim.lineage_id,
        "term_id": term.id,
        "flyaway": ask.service is Service.FLYAWAY,
        "at": ask.at,
    }
    premium = ask.tier is Tier.PREMIUM
    hold = (ask.quote.hold if ask.quote is not None else None) or reserved.offer.hold
    consent = {
        "claim_id": claim.id,
        "terms_version": ask.terms_version,
        "accepted_at": ask.at,
        "quote_id": ask.quote.quote_id if ask.quote is not None else None,
        "currency": claim.fee.currency,
        "fee": claim.fee.amount,
        "hold": hold.amount if premium else None,
        "window_days": reserved.window_days if premium else None,
    }
    await core(session, _DRAWS, use)
    await core(session, _CONSENTS, consent)


def columns(claim: Claim) -> dict[str, Any]:
    """The row's columns that follow from the claim alone."""
    return {
        "id": claim.id,
        "lineage_id": claim.lineage_id,
        "service": claim.service.value,
        "tier": claim.tier.value if claim.tier else None,
        "state": claim.state.value,
        "outcome": claim.outcome.value if claim.outcome else None,
        "serial_number": normalise_serial(claim.serial_number),
        "region": claim.region,
        "due_at": claim.returning.due_at if claim.returning else None,
        "opened_at": claim.opened_at,
        "closed_at": claim.closed_at,
        "owed_amount": claim.amount_owed.amount,
        "owed_currency": claim.amount_owed.currency,
        "document": CLAIMS.dump_python(claim, mode="json"),
    }


async def _keep_code(session: AsyncSession, claim: Claim) -> None:
    """One code, one use (R-MNT-2): free again when the job came to nothing, taken when a reset reopens it."""
    if claim.service is not Service.MAINTENANCE:
        return
    code = (
        await session.exec(select(MaintenanceCodeRow).where(MaintenanceCodeRow.lineage_id == claim.lineage_id))
    ).first()
    if code is not None and code.claim_id in (None, claim.id):
        used = claim.state is not ClaimState.CLOSED or claim.outcome in _KEEPS_THE_CODE
        code.claim_id = claim.id if used else None


async def ships_nothing(session: AsyncSession, claim_id: str) -> None:
    """No replacement is to be shipped for the claim any more, if one ever was."""
    await core(session, _SHIPS_NOTHING, {"asked_id": claim_id})


async def _ships_no_more(session: AsyncSession, claim: Claim) -> None:
    """Nothing is to be shipped for a closed claim. What left the warehouse was marked when it did."""
    if claim.state is not ClaimState.CLOSED:
        return
    if claim.dispatched_on is None:
        await ships_nothing(session, claim.id)
    if claim.service in _JOBS:
        await core(session, _RETURNS_NOTHING, {"asked_id": claim.id})


async def _flag(session: AsyncSession, claim: Claim, *, before: bool) -> None:
    if before:
        await core(session, _UNFLAGS, {"asked_id": claim.id})
    codes = sorted(attention.value for attention in claim.attention)
    if codes:
        rows = [{"claim_id": claim.id, "code": code, "opened_at": claim.opened_at} for code in codes]
        await insert_new(session, AttentionRow, rows)


async def use_ends(session: AsyncSession, claim_id: str, kind: UseKind, at: datetime | None) -> None:
    """The line that follows the reserved use in the ledger, once: consumed or given back, of the same term (R-CLM-6,
    edge case 49). A use that was consumed stays consumed; one that was given back can still be. Without `at`: of the
    moment of the reservation.
    """
    rows = (await core(session, _USES_OF, {"asked_id": claim_id})).mappings()
    uses = {UseKind(row["kind"]): row for row in rows}
    reserved = uses.get(UseKind.RESERVED)
    if reserved is not None and not uses.keys() & {kind, UseKind.CONSUMED}:
        await core(session, _DRAWS, dict(reserved) | {"kind": kind.value, "at": at or reserved["at"]})
