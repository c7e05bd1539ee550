"""API: the body of a claim as input of the rules and as the workflow's start argument, for every service."""

from dataclasses import dataclass

from api.claim_commands import Submission
from api.requests.claims import CareExpressBody, FlyawayBody, OnlineRepairBody, ReplacementBody, ServiceJobBody
from api.services import Services
from domain.claim import Incident
from domain.device_snapshot import DeviceSnapshot, premium_delivers
from domain.eligibility import Application
from domain.kinds import Cause, Service, Tier
from domain.maintenance import redemption_refusal
from domain.money import Money
from domain.reasons import Reason
from messages.claims import SubmitCareExpress, SubmitFlyaway, SubmitMaintenance, SubmitRepair
from messages.quoted_amounts import QuotedAmounts


@dataclass(frozen=True, slots=True)
class PreparedClaim:
    """A claim before its submission. `fee` is the expected fee before the decision.

    `application` goes to the eligibility rules. `refusal` is a reason that they do not check (the maintenance code).
    `submission` starts the workflow.
    """

    service: Service
    tier: Tier | None
    incident: Incident | None
    fee: Money
    application: Application
    submission: Submission
    replace_battery: bool = False
    refusal: Reason | None = None


async def prepare_replacement(
    services: Services, body: ReplacementBody, snapshot: DeviceSnapshot, claim_id: str, actor: str
) -> PreparedClaim:
    """Care Express or a flyaway: a replacement for a fee."""
    incident = body.incident.incident()
    express = body if isinstance(body, CareExpressBody) else None
    service, tier = (Service.CARE_EXPRESS, express.tier) if express else (Service.FLYAWAY, None)
    battery = express.replace_battery if express else False
    price = await _price(services, service, tier, snapshot)
    quote = None
    if express and express.quote_id is not None:
        quote = services.quotes.read(express.quote_id, service, tier, snapshot.serial_number, battery, services.now())
        if quote is None:  # not signed here; the claim must know, since it decides on a retry as well
            quote = QuotedAmounts(quote_id="", valid=False, fee=price, hold=None, window_days=None)
    catalogue = await services.queries.catalogue()
    return PreparedClaim(
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
            quote_valid=quote.valid_in(snapshot.region.currency) if quote else None,
            policy=services.config.policy,
            delivery_country=body.ship_to.country,
        ),
        submission=_replacement_submission(services, body, incident, quote, claim_id, actor),
        replace_battery=battery,
    )


def prepare_service_job(
    services: Services, body: ServiceJobBody, snapshot: DeviceSnapshot, claim_id: str, actor: str
) -> PreparedClaim:
    """Online repair or maintenance: the customer's own unit comes in and goes back; the price is quoted later."""
    common = {
        "claim_id": claim_id,
        "serial_number": body.serial_number,
        "return_address": body.return_address.message(),
        "actor": actor,
    }
    no_fee, now = Money(0, snapshot.region.currency), services.now()
    if isinstance(body, OnlineRepairBody):
        incident = body.incident.incident()
        return PreparedClaim(
            service=Service.ONLINE_REPAIR,
            tier=None,
            incident=incident,
            fee=no_fee,
            application=Application(
                Service.ONLINE_REPAIR,
                None,
                incident,
                policy=services.config.policy,
                delivery_country=body.return_address.country,
            ),
            submission=SubmitRepair(incident=incident, **common),
        )
    # Maintenance follows no incident; its rules check none.
    wear = Incident(Cause.NATURAL_WEAR, now)
    return PreparedClaim(
        service=Service.MAINTENANCE,
        tier=None,
        incident=None,
        fee=no_fee,
        application=Application(
            Service.MAINTENANCE, None, wear, policy=services.config.policy, delivery_country=body.return_address.country
        ),
        submission=SubmitMaintenance(maintenance_code=body.maintenance_code, **common),
        refusal=redemption_refusal(snapshot, body.maintenance_code, now),
    )


def _replacement_submission(
    services: Services,
    body: ReplacementBody,
    incident: Incident,
    quote: QuotedAmounts | None,
    claim_id: str,
    actor: str,
) -> Submission:
    common = {
        "claim_id": claim_id,
        "serial_number": body.serial_number,
        "incident": incident,
        "payment_method": body.payment_method,
        "ship_to": body.ship_to.message(),
        "accepted_terms": body.accepted_terms,
        "terms_version": services.config.terms_version,
        "actor": actor,
    }
    if isinstance(body, FlyawayBody):
        return SubmitFlyaway(
            flight_record=body.flight_record, confirmed_unrecoverable=body.confirmed_unrecoverable, **common
        )
    return SubmitCareExpress(tier=body.tier, replace_battery=body.replace_battery, quote=quote, **common)


async def _price(services: Services, service: Service, tier: Tier | None, snapshot: DeviceSnapshot) -> Money:
    quote = await services.queries.quote(service, tier, snapshot.serial_number, services.now())
    return quote.fee if quote else Money(0, snapshot.region.currency)
