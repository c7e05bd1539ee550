"""API: bodies of claims and quotes, one for each service."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from api.openapi_examples import with_example
from api.requests.addresses import SHIP_TO, AddressBody
from api.requests.base import Body, Instant, Reference, RequiredText, Serial, Text
from domain.claim import Incident
from domain.kinds import Cause, Service, Tier

INCIDENT = {"cause": "collision", "occurred_at": "2026-11-20T14:30:00Z", "description": "Hit a tree on landing."}


class ExpressIncidentBody(Body):
    """What happened. Theft and flyaway are accepted here and refused by the rules, with a reason."""

    model_config = with_example(INCIDENT)

    cause: Cause
    occurred_at: Instant
    description: Text = ""

    def incident(self) -> Incident:
        return Incident(self.cause, self.occurred_at, self.description)


class FlyawayIncidentBody(Body):
    model_config = with_example({"occurred_at": "2026-11-20T14:30:00Z"})

    occurred_at: Instant
    description: Text = ""

    def incident(self) -> Incident:
        return Incident(Cause.FLYAWAY, self.occurred_at, self.description)


class RepairIncidentBody(Body):
    """What happened, as the customer describes it; the workshop inspects the unit."""

    model_config = with_example(INCIDENT)

    cause: Cause
    occurred_at: Instant
    description: RequiredText

    def incident(self) -> Incident:
        return Incident(self.cause, self.occurred_at, self.description)


class CareExpressBody(Body):
    """Care Express: Premium ships at once against a hold, Standard after the unit has arrived and passed."""

    model_config = with_example(
        {
            "service": "care_express",
            "tier": "premium",
            "serial_number": "1581F45T7228D00A",
            "incident": INCIDENT,
            "replace_battery": True,
            "payment_method": "pm_card_visa",
            "ship_to": SHIP_TO,
            "accepted_terms": True,
        }
    )

    service: Literal[Service.CARE_EXPRESS]
    tier: Tier
    serial_number: Serial
    incident: ExpressIncidentBody
    replace_battery: StrictBool = False
    payment_method: Reference
    ship_to: AddressBody
    quote_id: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    accepted_terms: StrictBool


class FlyawayBody(Body):
    """The drone flew away and cannot be retrieved. Approved by a person; the flyaway fee is charged then."""

    model_config = with_example(
        {
            "service": "flyaway",
            "serial_number": "1581F45T7228D00A",
            "incident": {"occurred_at": "2026-11-20T14:30:00Z", "description": "Lost over the bay."},
            "flight_record": "FR-2026-11-20-001",
            "confirmed_unrecoverable": True,
            "payment_method": "pm_card_visa",
            "ship_to": SHIP_TO,
            "accepted_terms": True,
        }
    )

    service: Literal[Service.FLYAWAY]
    serial_number: Serial
    incident: FlyawayIncidentBody
    flight_record: Reference
    confirmed_unrecoverable: StrictBool
    payment_method: Reference
    ship_to: AddressBody
    accepted_terms: StrictBool


class OnlineRepairBody(Body):
    """Send the unit in on a free label; it is inspected, quoted for, and the customer chooses (R-REP-1)."""

    model_config = with_example(
        {
            "service": "online_repair",
            "serial_number": "1581F45T7228D00A",
            "incident": INCIDENT,
            "return_address": SHIP_TO,
        }
    )

    service: Literal[Service.ONLINE_REPAIR]
    serial_number: Serial
    incident: RepairIncidentBody
    return_address: AddressBody


class MaintenanceBody(Body):
    """The complimentary maintenance of the first year, started by its code (R-MNT-2)."""

    model_config = with_example(
        {
            "service": "maintenance",
            "serial_number": "1581F45T7228D00A",
            "maintenance_code": "MNT-MFRGGZDF",
            "return_address": SHIP_TO,
        }
    )

    service: Literal[Service.MAINTENANCE]
    serial_number: Serial
    maintenance_code: Reference
    return_address: AddressBody


ReplacementBody = CareExpressBody | FlyawayBody
ServiceJobBody = OnlineRepairBody | MaintenanceBody
ClaimBody = Annotated[
    CareExpressBody | FlyawayBody | OnlineRepairBody | MaintenanceBody, Field(discriminator="service")
]


class ExpressQuoteBody(Body):
    """A settlement page for Care Express."""

    model_config = with_example(
        {
            "service": "care_express",
            "tier": "premium",
            "serial_number": "1581F45T7228D00A",
            "incident": INCIDENT,
            "replace_battery": True,
        }
    )

    service: Literal[Service.CARE_EXPRESS]
    tier: Tier
    serial_number: Serial
    incident: ExpressIncidentBody | None = None
    replace_battery: StrictBool = False


class FlyawayQuoteBody(Body):
    """A settlement page for a flyaway."""

    model_config = with_example({"service": "flyaway", "serial_number": "1581F45T7228D00A"})

    service: Literal[Service.FLYAWAY]
    serial_number: Serial
    incident: FlyawayIncidentBody | None = None


QuoteBody = Annotated[ExpressQuoteBody | FlyawayQuoteBody, Field(discriminator="service")]
