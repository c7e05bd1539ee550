"""Benchmarks: drones under cover, written in bulk, each good for one claim; and the words of that claim."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, insert

from domain.claim import Claim, Incident
from domain.coverage import begun, quota_for
from domain.kinds import Category, Cause, ClaimState, Component, DeviceStatus, Service, TermKind, Tier
from domain.money import Money
from messages.claims import Dispatch, Inspect, ParcelArrived, ShipTo, SubmitCareExpress
from messages.mail import MailKind
from store.schema import METADATA

_MODEL: Final = "mini-se"
_REGION: Final = "US"
_ZONE: Final = "America/Los_Angeles"
_COVERED: Final = timedelta(days=90)
MAILS: Final = (MailKind.SETTLEMENT, MailKind.SHIPPED, MailKind.REBIND, MailKind.ARRIVED, MailKind.RELEASED)
"""What the customer of such a claim is sent."""
_HOME: Final = ShipTo(name="Ada Marsh", line1="1 Bay Street", city="Oakland", postal_code="94607", country="US")


def plant(engine: Engine, numbers: range) -> None:
    """A drone for each number, covered for 90 days already."""
    since = datetime.now(UTC) - _COVERED
    term = begun("", TermKind.ONE_YEAR, quota_for(TermKind.ONE_YEAR, Category.DRONE, True), since, _ZONE)
    lineages, devices, terms = (METADATA.tables[name] for name in ("lineages", "devices", "terms"))
    with engine.begin() as connection:
        connection.execute(
            insert(lineages),
            [
                {"id": f"lin_{n}", "owner_name": "Ada Marsh", "owner_email": f"ada{n}@example.com", "created_at": since}
                for n in numbers
            ],
        )
        connection.execute(
            insert(devices),
            [
                {
                    "serial_number": f"BENCHA{n}",
                    "serial_text": f"BENCHA{n}",
                    "lineage_id": f"lin_{n}",
                    "generation": 0,
                    "model": _MODEL,
                    "region": _REGION,
                    "status": DeviceStatus.CURRENT.value,
                    "activated_at": since,
                    "registered_at": since,
                }
                for n in numbers
            ],
        )
        connection.execute(
            insert(terms),
            [
                {
                    "id": f"trm_{n}",
                    "lineage_id": f"lin_{n}",
                    "region": _REGION,
                    "kind": TermKind.ONE_YEAR.value,
                    "total": term.quota.total,
                    "flyaway_cap": term.quota.flyaway_cap,
                    "starts_at": term.starts_at,
                    "ends_on": term.ends_on,
                    "ends_at": term.ends_at,
                    "purchased_at": since,
                }
                for n in numbers
            ],
        )


@dataclass(frozen=True, slots=True)
class Case:
    """What is said about claim `number`; the same words every time they are asked for."""

    number: int

    @property
    def claim_id(self) -> str:
        return f"clm_bench_{self.number}"

    def submission(self) -> SubmitCareExpress:
        return SubmitCareExpress(
            claim_id=self.claim_id,
            serial_number=f"BENCHA{self.number}",
            tier=Tier.PREMIUM,
            incident=Incident(Cause.COLLISION, datetime.now(UTC) - timedelta(hours=2)),
            replace_battery=True,
            payment_method="pm_card_visa",
            ship_to=_HOME,
            accepted_terms=True,
            terms_version="2026-01",
        )

    def provisional(self) -> Claim:
        """As the API shows it until it is judged."""
        return Claim(
            id=self.claim_id,
            service=Service.CARE_EXPRESS,
            tier=Tier.PREMIUM,
            state=ClaimState.SUBMITTED,
            serial_number=f"BENCHA{self.number}",
            model=_MODEL,
            region=_REGION,
            lineage_id=f"lin_{self.number}",
            opened_at=datetime.now(UTC),
            incident=self.submission().incident,
            fee=Money(3900, "USD"),
            amount_owed=Money(0, "USD"),
        )

    def now(self) -> datetime:
        """The sender's clock."""
        return datetime.now(UTC)

    def dispatch(self) -> Dispatch:
        return Dispatch(
            actor="warehouse",
            replacement_serial_number=f"BENCHB{self.number}",
            carrier="UPS",
            tracking_number=f"1Z{self.number:08}",
        )

    def arrival(self) -> ParcelArrived:
        event_id = f"evt_bench_{self.number}"
        return ParcelArrived(event_id=event_id, actor="warehouse", arrived_at=datetime.now(UTC))

    def inspection(self, expected: tuple[Component, ...]) -> Inspect:
        return Inspect(actor="warehouse", serial_number=f"BENCHA{self.number}", genuine=True, components=expected)
