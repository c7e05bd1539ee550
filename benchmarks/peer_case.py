"""Benchmarks: what is said about one claim with a good return, the same words to either engine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks import covered
from domain.claim import Claim, Incident
from domain.kinds import Cause, ClaimState, Service, Tier
from domain.money import Money
from messages.claims import Dispatch, Inspect, ParcelArrived, ShipTo, SubmitCareExpress
from messages.mail import MailKind

MAILS: Final = (MailKind.SETTLEMENT, MailKind.SHIPPED, MailKind.REBIND, MailKind.ARRIVED, MailKind.RELEASED)
"""What the customer of such a claim is sent."""
_HOME: Final = ShipTo(name="Ada Marsh", line1="1 Bay Street", city="Oakland", postal_code="94607", country="US")


@dataclass(frozen=True, slots=True)
class Case:
    """The claim for the drone `serial`."""

    serial: str

    @property
    def claim_id(self) -> str:
        return f"clm_{self.serial.lower()}"

    def submission(self) -> SubmitCareExpress:
        return SubmitCareExpress(
            claim_id=self.claim_id,
            serial_number=self.serial,
            tier=Tier.PREMIUM,
            incident=Incident(Cause.COLLISION, now() - timedelta(hours=2)),
            replace_battery=False,
            payment_method="pm_card_visa",
            ship_to=_HOME,
            accepted_terms=True,
            terms_version="2026-01",
        )

    def provisional(self) -> Claim:
        """As the API shows it until it is judged."""
        nothing = Money(0, covered.region().currency)
        return Claim(
            id=self.claim_id,
            service=Service.CARE_EXPRESS,
            tier=Tier.PREMIUM,
            state=ClaimState.SUBMITTED,
            serial_number=self.serial,
            model=covered.MODEL,
            region=covered.REGION,
            lineage_id=covered.lineage_of(self.serial),
            opened_at=now(),
            incident=self.submission().incident,
            fee=nothing,
            amount_owed=nothing,
        )

    def dispatch(self) -> Dispatch:
        parcel = {"carrier": "UPS", "tracking_number": f"1Z{self.serial}"}
        return Dispatch(actor="warehouse", replacement_serial_number=f"{self.serial}R", **parcel)

    def arrival(self) -> ParcelArrived:
        return ParcelArrived(event_id=f"evt_{self.serial}", actor="warehouse", arrived_at=now())

    def inspection(self) -> Inspect:
        return Inspect(actor="warehouse", serial_number=self.serial, genuine=True, components=covered.components())


def now() -> datetime:
    """The sender's clock."""
    return datetime.now(UTC)
