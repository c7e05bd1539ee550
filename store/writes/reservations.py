"""Store, the write side of a reservation: it creates the claim with its reserved use and the customer's consent."""

from typing import Final

from pydantic import TypeAdapter
from sqlmodel import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalogue import expected_components
from domain.claim import Claim
from domain.coverage import Term, term_at
from domain.device_snapshot import DeviceSnapshot, premium_delivers
from domain.eligibility import Application, refusals
from domain.fees import service_fee
from domain.kinds import Category, ClaimState, ReasonCode, Service, Tier, UseKind
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from messages.claims import ClaimRefused
from messages.record import ReserveUse, UseReserved
from store.database import execute
from store.reads import catalogue
from store.reads.device_snapshot import load_snapshot
from store.tables.claims import ConsentRow, UseRow
from store.upsert import table_of
from store.writes.claims import insert_claim, stored_agreement

_USE_RESERVED: Final = TypeAdapter(UseReserved)
_INSERT_USE: Final = insert(table_of(UseRow))
_INSERT_CONSENT: Final = insert(table_of(ConsentRow))


async def reserve_use(session: AsyncSession, command: ReserveUse, policy: Policy) -> UseReserved | ClaimRefused:
    """Check the application at `command.at`; if accepted, write claim, reserved use and consent (R-CLM-6, R-CLM-7).

    `policy` is frozen onto the claim. A repeated command returns the result of the first one, which is stored with
    the claim.
    """
    snapshot = await load_snapshot(session, command.serial_number, lock=True)
    if snapshot is None:
        message = f"There is no device {command.serial_number}, so there is no plan for it."
        return ClaimRefused(reasons=(Reason(ReasonCode.NO_PLAN, "R-CLM-1", message),))
    known = await stored_agreement(session, command.claim_id)
    if known is not None:
        return _USE_RESERVED.validate_python(known)
    application = await _application(session, command, snapshot, policy)
    reasons = refusals(application, snapshot, command.at)
    if reasons:
        return ClaimRefused(reasons=tuple(reasons))
    fee = command.quote.fee if command.quote is not None else service_fee(command.service, snapshot, command.at)
    term = term_at(snapshot.terms, command.at)
    if term is None or fee is None:
        raise AssertionError("the rules accept no claim without a term and a fee")
    reserved = _reserved(command, snapshot, fee, policy)
    if await insert_claim(session, reserved.claim, _USE_RESERVED.dump_python(reserved, mode="json")):
        await _insert_use_and_consent(session, command, reserved, term)
        return reserved
    # The lock on the lineage excludes a second claim; the unique `open_lineage` would, if the lock did not.
    snapshot = await load_snapshot(session, command.serial_number, lock=True)
    reasons = refusals(application, snapshot, command.at) if snapshot else []
    if not reasons:
        raise AssertionError("the insert conflicts with a claim that the rules do not see")
    return ClaimRefused(reasons=tuple(reasons))


async def _application(
    session: AsyncSession, command: ReserveUse, snapshot: DeviceSnapshot, policy: Policy
) -> Application:
    return Application(
        service=command.service,
        tier=command.tier,
        incident=command.incident,
        replace_battery=command.replace_battery,
        accepted_terms=command.accepted_terms,
        confirmed_unrecoverable=command.confirmed_unrecoverable,
        premium_delivers=premium_delivers(await catalogue.regions(session), command.ship_to_country),
        quote_valid=None if command.quote is None else command.quote.valid_in(snapshot.region.currency),
        card=command.card,
        policy=policy,
        delivery_country=command.ship_to_country,
    )


def _reserved(command: ReserveUse, snapshot: DeviceSnapshot, fee: Money, policy: Policy) -> UseReserved:
    window_days = command.quote.window_days if command.quote is not None else None
    flyaway = command.service is Service.FLYAWAY
    return UseReserved(
        claim=Claim(
            id=command.claim_id,
            service=command.service,
            tier=command.tier,
            state=ClaimState.SUBMITTED,
            serial_number=snapshot.serial_number,
            model=snapshot.model.slug,
            region=snapshot.region.code,
            lineage_id=snapshot.lineage_id,
            opened_at=command.at,
            incident=command.incident,
            fee=fee,
            amount_owed=fee.zero(),
            replace_battery=command.replace_battery,
            time_zone=snapshot.region.time_zone,
        ),
        offer=snapshot.offer,
        policy=policy,
        dispatch_days=policy.dispatch_days,
        model_name=snapshot.model.name,
        time_zone=snapshot.region.time_zone,
        window_days=snapshot.region.window_days if window_days is None else window_days,
        expected=expected_components(snapshot.model, command.replace_battery),
        bindable=snapshot.model.category is Category.DRONE and snapshot.model.flyaway,
        binding_told_at=snapshot.binding_told_late(command.incident.occurred_at) if flyaway else None,
    )


async def _insert_use_and_consent(
    session: AsyncSession, command: ReserveUse, reserved: UseReserved, term: Term
) -> None:
    claim = reserved.claim
    use = {
        "claim_id": claim.id,
        "kind": UseKind.RESERVED.value,
        "lineage_id": claim.lineage_id,
        "term_id": term.id,
        "flyaway": command.service is Service.FLYAWAY,
        "at": command.at,
    }
    premium = command.tier is Tier.PREMIUM
    hold = (command.quote.hold if command.quote is not None else None) or reserved.offer.hold
    consent = {
        "claim_id": claim.id,
        "terms_version": command.terms_version,
        "accepted_at": command.at,
        "quote_id": command.quote.quote_id if command.quote is not None else None,
        "currency": claim.fee.currency,
        "fee": claim.fee.amount,
        "hold": hold.amount if premium else None,
        "window_days": reserved.window_days if premium else None,
    }
    await execute(session, _INSERT_USE, use)
    await execute(session, _INSERT_CONSENT, consent)
