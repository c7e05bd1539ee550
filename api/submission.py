"""API: how a claim is submitted: a quick, complete refusal from the record, then one message that is the claim."""

from dataclasses import dataclass

from api.bodies.claims import CareExpressBody, FlyawayBody
from api.door import Gone
from api.idempotency import RequestKey
from api.problems import Code, Problem, not_found
from api.services import Services
from domain.claim import Claim, Incident
from domain.eligibility import Application
from domain.kinds import ClaimState, Outcome, Service, Tier
from domain.money import Money
from domain.reasons import Reason
from domain.standing import Standing, region_of_country
from messages.claims import ClaimAccepted, ClaimRefused, QuotedAmounts, SubmitCareExpress, SubmitFlyaway


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, read once: the same for both services from here on."""

    service: Service
    tier: Tier | None
    incident: Incident
    replace_battery: bool
    quote: QuotedAmounts | None
    quote_valid: bool | None


async def submit(here: Services, body: CareExpressBody | FlyawayBody, actor: str, key: RequestKey) -> Claim:
    """The claim as it is after its submission. Raises the problem when it is refused or declined."""
    now = here.now()
    standing = await here.views.standing(body.serial_number)
    if standing is None:
        raise not_found(f"device {body.serial_number}")
    asked = _asked(here, body, standing)
    reasons = await here.views.claim_refusals(await _application(here, body, asked, standing), body.serial_number, now)
    if reasons and not key.again:  # a retry asks the claim itself: it may be the open case that stands in its way
        raise _refused(reasons)
    claim_id = key.id("clm")
    fee = await _fee(here, asked, standing)
    provisional = Claim(
        id=claim_id,
        service=asked.service,
        tier=asked.tier,
        state=ClaimState.SUBMITTED,
        serial_number=standing.serial_number,
        model=standing.model.slug,
        region=standing.region.code,
        lineage_id=standing.lineage_id,
        opened_at=now,
        incident=asked.incident,
        fee=fee,
        amount_owed=fee.zero(),
        replace_battery=asked.replace_battery,
        wait_reason="for the submission to be judged",
    )
    message = _message(here, body, asked, claim_id, actor)
    summary = " · ".join(
        (
            (asked.tier or asked.service).capitalize(),
            standing.model.name,
            f"SN {standing.serial_number}",
            asked.incident.cause.replace("_", " "),
        )
    )
    try:
        answer = await here.door.submit(message, provisional, summary, key.id("req"))
    except Gone:
        return _not_declined(await _ended(here, claim_id))
    if isinstance(answer, ClaimRefused):
        raise _refused(list(answer.reasons))
    return _not_declined(answer.claim) if isinstance(answer, ClaimAccepted) else provisional


def _asked(here: Services, body: CareExpressBody | FlyawayBody, standing: Standing) -> _Asked:
    incident = body.incident.incident()
    if isinstance(body, FlyawayBody):
        return _Asked(Service.FLYAWAY, None, incident, False, None, None)
    quote, valid = None, None
    if body.quote_id is not None:
        service, battery = Service.CARE_EXPRESS, body.replace_battery
        quote = here.quotes.read(body.quote_id, service, body.tier, standing.serial_number, battery, here.now())
        valid = quote is not None and quote.valid
    return _Asked(Service.CARE_EXPRESS, body.tier, incident, body.replace_battery, quote, valid)


async def _application(
    here: Services, body: CareExpressBody | FlyawayBody, asked: _Asked, standing: Standing
) -> Application:
    catalogue = await here.views.catalogue()
    delivers = region_of_country(catalogue.regions, body.ship_to.country) or standing.region
    return Application(
        service=asked.service,
        tier=asked.tier,
        incident=asked.incident,
        replace_battery=asked.replace_battery,
        accepted_terms=body.accepted_terms,
        confirmed_unrecoverable=body.confirmed_unrecoverable if isinstance(body, FlyawayBody) else True,
        premium_delivers=delivers.premium,
        quote_valid=asked.quote_valid,
        policy=here.config.policy,
    )


def _message(
    here: Services, body: CareExpressBody | FlyawayBody, asked: _Asked, claim_id: str, actor: str
) -> SubmitCareExpress | SubmitFlyaway:
    if isinstance(body, FlyawayBody):
        return SubmitFlyaway(
            claim_id=claim_id,
            serial_number=body.serial_number,
            incident=asked.incident,
            flight_record=body.flight_record,
            confirmed_unrecoverable=body.confirmed_unrecoverable,
            payment_method=body.payment_method,
            ship_to=body.ship_to.message(),
            accepted_terms=body.accepted_terms,
            terms_version=here.config.terms_version,
            actor=actor,
        )
    return SubmitCareExpress(
        claim_id=claim_id,
        serial_number=body.serial_number,
        tier=body.tier,
        incident=asked.incident,
        replace_battery=body.replace_battery,
        payment_method=body.payment_method,
        ship_to=body.ship_to.message(),
        accepted_terms=body.accepted_terms,
        terms_version=here.config.terms_version,
        quote=asked.quote,
        actor=actor,
    )


async def _fee(here: Services, asked: _Asked, standing: Standing) -> Money:
    """What the claim will cost, as far as anybody knows before it is judged."""
    if asked.quote is not None:
        return asked.quote.fee
    quoted = await here.views.quote(asked.service, asked.tier, standing.serial_number, here.now())
    return quoted.fee if quoted else Money(0, standing.region.currency)


async def _ended(here: Services, claim_id: str) -> Claim:
    """The claim of a key whose workflow has ended and whose first answer nobody keeps any more."""
    claim = await here.views.claim(claim_id)
    if claim is None:
        raise Problem(Code.CONFLICT, "The claim of this Idempotency-Key was refused. Use a new key for a new claim.")
    return claim


def _not_declined(claim: Claim) -> Claim:
    if claim.outcome is Outcome.PAYMENT_DECLINED:
        detail = "The card was declined, so the claim was closed. Nothing was charged or held."
        raise Problem(Code.PAYMENT_DECLINED, detail, claim_id=claim.id)
    return claim


def _refused(reasons: list[Reason]) -> Problem:
    return Problem(Code.CLAIM_REFUSED, " ".join(reason.message for reason in reasons), reasons=reasons)
