"""API: what a body applies for, put into the rules' words and the workflow's: once, for every service."""

from dataclasses import dataclass

from api.bodies.claims import CareExpressBody, ExchangeBody, FlyawayBody, JobBody, OnlineRepairBody
from api.door import Submission
from api.services import Services
from domain.claim import Incident
from domain.eligibility import Application
from domain.kinds import Cause, Service, Tier
from domain.maintenance import code_accepted
from domain.money import Money
from domain.reasons import Reason
from domain.standing import Standing, premium_delivers
from messages.claims import QuotedAmounts, SubmitCareExpress, SubmitFlyaway, SubmitMaintenance, SubmitRepair


@dataclass(frozen=True, slots=True)
class Applied:
    """One application, read once. `fee` is what it will cost as far as anybody knows before it is judged.

    `also_refused` is what the rules of claims do not ask (the maintenance code); `message` becomes the claim.
    """

    service: Service
    tier: Tier | None
    incident: Incident | None
    fee: Money
    application: Application
    message: Submission
    replace_battery: bool = False
    also_refused: Reason | None = None


async def exchange(here: Services, body: ExchangeBody, standing: Standing, claim_id: str, actor: str) -> Applied:
    """Care Express or a flyaway: a replacement, at a fee."""
    incident = body.incident.incident()
    express = body if isinstance(body, CareExpressBody) else None
    service, tier = (Service.CARE_EXPRESS, express.tier) if express else (Service.FLYAWAY, None)
    battery = express.replace_battery if express else False
    price = await _price(here, service, tier, standing)
    quote = None
    if express and express.quote_id is not None:
        quote = here.quotes.read(express.quote_id, service, tier, standing.serial_number, battery, here.now())
        if quote is None:  # nothing in it can be believed; the claim itself must hear of it, whoever answers a retry
            quote = QuotedAmounts(quote_id="", valid=False, fee=price, hold=None, window_days=None)
    catalogue = await here.views.catalogue()
    return Applied(
        service=service,
        tier=tier,
        incident=incident,
        fee=quote.fee if quote else price,
        application=Application(
            service=service,
            tier=tier,
            incident=incident,
            replace_battery=battery,
            accepted_terms=body.accepted_terms,
            confirmed_unrecoverable=body.confirmed_unrecoverable if isinstance(body, FlyawayBody) else True,
            premium_delivers=premium_delivers(catalogue.regions, body.ship_to.country),
            quote_valid=quote.valid if quote else None,
            policy=here.config.policy,
        ),
        message=_exchange_message(here, body, incident, quote, claim_id, actor),
        replace_battery=battery,
    )


def job(here: Services, body: JobBody, standing: Standing, claim_id: str, actor: str) -> Applied:
    """Online repair or maintenance: the customer's own unit comes in and goes back; what it costs is quoted later."""
    common = {
        "claim_id": claim_id,
        "serial_number": body.serial_number,
        "return_address": body.return_address.message(),
        "actor": actor,
    }
    nothing, now = Money(0, standing.region.currency), here.now()
    if isinstance(body, OnlineRepairBody):
        incident = body.incident.incident()
        return Applied(
            service=Service.ONLINE_REPAIR,
            tier=None,
            incident=incident,
            fee=nothing,
            application=Application(Service.ONLINE_REPAIR, None, incident, policy=here.config.policy),
            message=SubmitRepair(incident=incident, **common),
        )
    # Maintenance follows no incident; its rules ask for none.
    wear = Incident(Cause.NATURAL_WEAR, now)
    return Applied(
        service=Service.MAINTENANCE,
        tier=None,
        incident=None,
        fee=nothing,
        application=Application(Service.MAINTENANCE, None, wear, policy=here.config.policy),
        message=SubmitMaintenance(maintenance_code=body.maintenance_code, **common),
        also_refused=code_accepted(standing, body.maintenance_code, now),
    )


def _exchange_message(
    here: Services, body: ExchangeBody, incident: Incident, quote: QuotedAmounts | None, claim_id: str, actor: str
) -> Submission:
    common = {
        "claim_id": claim_id,
        "serial_number": body.serial_number,
        "incident": incident,
        "payment_method": body.payment_method,
        "ship_to": body.ship_to.message(),
        "accepted_terms": body.accepted_terms,
        "terms_version": here.config.terms_version,
        "actor": actor,
    }
    if isinstance(body, FlyawayBody):
        return SubmitFlyaway(
            flight_record=body.flight_record, confirmed_unrecoverable=body.confirmed_unrecoverable, **common
        )
    return SubmitCareExpress(tier=body.tier, replace_battery=body.replace_battery, quote=quote, **common)


async def _price(here: Services, service: Service, tier: Tier | None, standing: Standing) -> Money:
    quoted = await here.views.quote(service, tier, standing.serial_number, here.now())
    return quoted.fee if quoted else Money(0, standing.region.currency)
