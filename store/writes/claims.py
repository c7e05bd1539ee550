"""Store, the write side of claims: the row with its events, attention codes and uses."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, exists
from sqlmodel import and_, case, delete, insert, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.claim import Claim
from domain.inspection import normalise_serial
from domain.kinds import ClaimState, Outcome, Service, Tier, UseKind
from messages.record import SaveClaim
from store.claim_parcels import keep_parcels, numbers_of
from store.database import execute
from store.reads.claim_list import CLAIMS
from store.reported_events import OUTSIDE_CODES, keep_unclaimed
from store.tables.claims import AttentionRow, ClaimRow, EventRow, UseRow
from store.tables.devices import MaintenanceCodeRow
from store.tables.warehouse import DispatchRequestRow, WorkshopReturnRow
from store.upsert import insert_new, insert_once, table_of
from store.writes.outbox import enqueue

NO_RUN: Final = ""
"""The run of a claim that no run has saved yet."""

_CLAIMS: Final = table_of(ClaimRow)
_OTHER: Final = _CLAIMS.alias()
# A workflow that was reset may reopen a closed claim while a later one is open. The reopened claim must be saved too;
# `open_lineage` stays with the later claim.
_OPEN_LINEAGE: Final = case(
    (
        exists().where(_OTHER.c.open_lineage == bindparam("claim_lineage"), _OTHER.c.id != bindparam("where_id")),
        None,
    ),
    else_=bindparam("claim_lineage"),
)
_SELECT_RUN: Final = select(_CLAIMS.c.run_id).where(_CLAIMS.c.id == bindparam("where_id"))
_SELECT_AGREED: Final = select(_CLAIMS.c.agreed).where(_CLAIMS.c.id == bindparam("where_id"))
_STORED_IS_OLDER: Final = (
    _CLAIMS.c.id == bindparam("where_id"),
    or_(
        _CLAIMS.c.run_id == bindparam("where_replaced"),
        and_(_CLAIMS.c.run_id == bindparam("where_run"), _CLAIMS.c.version < bindparam("where_version")),
    ),
)
_INSERT_OPEN_CLAIM: Final = insert(_CLAIMS).values(open_lineage=_OPEN_LINEAGE)
_INSERT_CLOSED_CLAIM: Final = insert(_CLAIMS).values(open_lineage=None)
_ATTENTION: Final = table_of(AttentionRow)
# Most claims never have an attention code: the update returns whether there are any to delete.
_HAS_ATTENTION: Final = exists().where(_ATTENTION.c.claim_id == _CLAIMS.c.id).label("has_attention")
_UPDATE_CLAIM: Final = update(_CLAIMS).where(*_STORED_IS_OLDER).returning(_HAS_ATTENTION)
_UPDATE_OPEN_CLAIM: Final = _UPDATE_CLAIM.values(open_lineage=_OPEN_LINEAGE)
_UPDATE_CLOSED_CLAIM: Final = _UPDATE_CLAIM.values(open_lineage=None)
_DELETE_ATTENTION: Final = delete(_ATTENTION).where(
    _ATTENTION.c.claim_id == bindparam("where_id"), _ATTENTION.c.code.not_in([code.value for code in OUTSIDE_CODES])
)
_USES: Final = table_of(UseRow)
_INSERT_USE: Final = insert(_USES)
_SELECT_USES: Final = _USES.select().where(_USES.c.claim_id == bindparam("where_id"))
_DISPATCHES: Final = table_of(DispatchRequestRow)
_RETURNS: Final = table_of(WorkshopReturnRow)
_CLOSE_DISPATCH_REQUEST: Final = (
    update(_DISPATCHES).where(_DISPATCHES.c.claim_id == bindparam("where_id")).values(to_do=False)
)
_CLOSE_WORKSHOP_RETURN: Final = update(_RETURNS).where(_RETURNS.c.claim_id == bindparam("where_id")).values(to_do=False)
_IMMUTABLE_COLUMNS: Final = frozenset(
    {"id", "lineage_id", "service", "tier", "serial_number", "region", "opened_at", "owed_currency"}
)
"""Columns that never change: SQLite would update the indexes of each column that is written again."""
_WORKSHOP_SERVICES: Final = (Service.ONLINE_REPAIR, Service.MAINTENANCE)
"""Services of the workshop, which ships the repaired unit back."""
_CODE_IS_USED = frozenset(Outcome) - {Outcome.CANCELLED, Outcome.LAPSED}
"""Outcomes of a maintenance job that used its code; a job whose unit never arrived did not (R-MNT-2)."""


async def stored_agreement(session: AsyncSession, claim_id: str) -> dict[str, Any] | None:
    """The result that was stored when the claim was created; None when there is no such claim."""
    return (await execute(session, _SELECT_AGREED, {"where_id": claim_id})).scalar()


async def insert_claim(session: AsyncSession, claim: Claim, agreement: dict[str, Any]) -> bool:
    """Insert a new open claim with its agreement; False when it, or another open one of the lineage, exists."""
    row = columns(claim) | {"open_lineage": claim.lineage_id, "agreed": agreement, "run_id": NO_RUN, "version": 0}
    return await insert_once(session, ClaimRow, row)


async def save_claim(session: AsyncSession, save: SaveClaim, replaces: str = NO_RUN) -> str | None:
    """Write the claim, its events, the mails of its notices and, with `gives_back`, the return of its use.

    A save older than the stored one of its run adds its events and mails only. The run whose save is stored, when that
    is neither this one nor `replaces`: nothing was written, since the database cannot tell which of two runs is newer.
    """
    had_codes, stored_run = await _save_row(session, save, replaces)
    if had_codes is not None:
        await _save_attention(session, save.claim, had_codes=had_codes)
        await _save_maintenance_code(session, save.claim)
        await _close_shipping_requests(session, save.claim)
        await keep_parcels(session, save.claim.id, numbers_of(save.claim))
    elif stored_run != save.run_id:
        return stored_run
    await add_to_claim(session, save)
    return None


async def add_to_claim(session: AsyncSession, save: SaveClaim) -> None:
    """What a save adds beside the claim itself: also a save of a run that a later run has replaced."""
    if save.events:
        keys = {"claim_id": save.claim.id, "run_id": save.run_id}
        in_order = sorted(save.events, key=lambda event: event.seq)  # their ids rise in this order
        await insert_new(session, EventRow, [event.model_dump() | keys for event in in_order])
    if save.gives_back:
        at = save.events[-1].at if save.events else save.claim.closed_at
        await end_use(session, save.claim.id, UseKind.GIVEN_BACK, at)
    await keep_unclaimed(session, save.claim.id, save.unclaimed)
    await enqueue(session, save)


async def _save_row(session: AsyncSession, save: SaveClaim, replaces: str) -> tuple[bool | None, str | None]:
    """Whether the claim has attention codes stored; or None when the row was not written, and the run it is of."""
    closed = save.claim.state is ClaimState.CLOSED
    parameters = {
        "where_id": save.claim.id,
        "where_run": save.run_id,
        "where_version": save.version,
        "where_replaced": replaces,
    }
    if not closed:
        parameters["claim_lineage"] = save.claim.lineage_id
    values = columns(save.claim) | {"run_id": save.run_id, "version": save.version}
    changing = {name: value for name, value in values.items() if name not in _IMMUTABLE_COLUMNS}
    saved = (
        await execute(session, _UPDATE_CLOSED_CLAIM if closed else _UPDATE_OPEN_CLAIM, changing | parameters)
    ).first()
    if saved is not None:
        return bool(saved.has_attention), None
    stored = (await execute(session, _SELECT_RUN, {"where_id": save.claim.id})).first()
    if stored is not None:
        return None, stored.run_id
    await execute(session, _INSERT_CLOSED_CLAIM if closed else _INSERT_OPEN_CLAIM, values | parameters)
    return False, None


def columns(claim: Claim) -> dict[str, Any]:
    """The columns of the row that are derived from the claim."""
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


async def _save_maintenance_code(session: AsyncSession, claim: Claim) -> None:
    """A code is used once (R-MNT-2): released when the job is cancelled or lapses, used again if a reset reopens it."""
    if claim.service is not Service.MAINTENANCE:
        return
    code = (
        await session.exec(select(MaintenanceCodeRow).where(MaintenanceCodeRow.lineage_id == claim.lineage_id))
    ).first()
    if code is not None and code.claim_id in (None, claim.id):
        used = claim.state is not ClaimState.CLOSED or claim.outcome in _CODE_IS_USED
        code.claim_id = claim.id if used else None


async def close_dispatch_request(session: AsyncSession, claim_id: str) -> None:
    """Mark the claim's request to the warehouse, if there is one, as no longer to do."""
    await execute(session, _CLOSE_DISPATCH_REQUEST, {"where_id": claim_id})


async def _close_shipping_requests(session: AsyncSession, claim: Claim) -> None:
    """Nothing is to be shipped for a closed claim but the customer's unit that goes back. A dispatched replacement was
    marked at its dispatch."""
    if claim.state is not ClaimState.CLOSED:
        return
    if claim.dispatched_on is None:
        await close_dispatch_request(session, claim.id)
    comes_in = claim.service in _WORKSHOP_SERVICES or claim.tier is Tier.STANDARD
    if comes_in and not claim.goes_back:
        await execute(session, _CLOSE_WORKSHOP_RETURN, {"where_id": claim.id})


async def _save_attention(session: AsyncSession, claim: Claim, *, had_codes: bool) -> None:
    if had_codes:
        await execute(session, _DELETE_ATTENTION, {"where_id": claim.id})
    codes = sorted(attention.value for attention in claim.attention)
    if codes:
        rows = [{"claim_id": claim.id, "code": code, "opened_at": claim.opened_at} for code in codes]
        await insert_new(session, AttentionRow, rows)


async def end_use(session: AsyncSession, claim_id: str, kind: UseKind, at: datetime | None) -> None:
    """Write once that the reserved use was consumed or given back, of the same term (R-CLM-6, edge case 49).

    A consumed use stays consumed; one that was given back can still be consumed. `at` None: the reservation's instant.
    """
    rows = (await execute(session, _SELECT_USES, {"where_id": claim_id})).mappings()
    uses = {UseKind(row["kind"]): row for row in rows}
    reserved = uses.get(UseKind.RESERVED)
    if reserved is not None and not uses.keys() & {kind, UseKind.CONSUMED}:
        await execute(session, _INSERT_USE, dict(reserved) | {"kind": kind.value, "at": at or reserved["at"]})


async def undo_use(session: AsyncSession, claim_id: str, at: datetime) -> None:
    """Write once that the consumed use counts no more (R-EXP-10)."""
    uses = {row["kind"]: row for row in (await execute(session, _SELECT_USES, {"where_id": claim_id})).mappings()}
    consumed = uses.get(UseKind.CONSUMED.value)
    if consumed is not None and UseKind.UNDONE.value not in uses:
        await execute(session, _INSERT_USE, dict(consumed) | {"kind": UseKind.UNDONE.value, "at": at})
