"""Benchmarks: the messages of a Premium claim with a good return, the same for every benchmark."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks import devices
from domain.claim import Claim, Incident
from domain.kinds import Cause, ClaimState, Service, Tier
from domain.money import Money
from messages.claims import Dispatch, Inspect, ParcelArrived, ShipTo, SubmitCareExpress
from messages.mail import MailKind

MAILS: Final = (MailKind.SETTLEMENT, MailKind.SHIPPED, MailKind.REBIND, MailKind.ARRIVED, MailKind.RELEASED)
"""The mails of such a claim."""
_SHIP_TO: Final = ShipTo(name="Ada Marsh", line1="1 Main St", city="San Jose", postal_code="95110", country="US")


@dataclass(frozen=True, slots=True)
class PremiumClaim:
    """The claim for the drone `serial`. `prefix` begins its id."""

    serial: str
    prefix: str = "clm"

    @property
    def claim_id(self) -> str:
        return f"{self.prefix}_{self.serial.lower()}"

    @property
    def summary(self) -> str:
        """What Temporal's UI shows of its workflow."""
        return f"Premium · Mavic 3 · SN {self.serial} · collision"

    def submission(self) -> SubmitCareExpress:
        return SubmitCareExpress(
            claim_id=self.claim_id,
            serial_number=self.serial,
            tier=Tier.PREMIUM,
            incident=Incident(Cause.COLLISION, now() - timedelta(hours=2)),
            replace_battery=False,
            payment_method="pm_card_visa",
            ship_to=_SHIP_TO,
            accepted_terms=True,
            terms_version="2026-01",
        )

    def provisional(self) -> Claim:
        """The claim as the API returns it before the workflow has decided."""
        nothing = Money(0, devices.region().currency)
        return Claim(
            id=self.claim_id,
            service=Service.CARE_EXPRESS,
            tier=Tier.PREMIUM,
            state=ClaimState.SUBMITTED,
            serial_number=self.serial,
            model=devices.MODEL,
            region=devices.REGION,
            lineage_id=devices.lineage_of(self.serial),
            opened_at=now(),
            incident=self.submission().incident,
            fee=nothing,
            amount_owed=nothing,
            wait_reason="for the submission to be judged",
        )

    def dispatch(self) -> Dispatch:
        parcel = {"carrier": "UPS", "tracking_number": f"1Z{self.serial}"}
        return Dispatch(actor="warehouse", replacement_serial_number=f"{self.serial}R", **parcel)

    def arrival(self) -> ParcelArrived:
        return ParcelArrived(event_id=f"arrival_{self.claim_id}", actor="warehouse", arrived_at=now())

    def inspection(self) -> Inspect:
        return Inspect(actor="warehouse", serial_number=self.serial, genuine=True, components=devices.components())


def now() -> datetime:
    """The sender's clock, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
