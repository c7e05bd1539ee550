"""Messages: requests of a repair or maintenance job to the database and to the workshop."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Literal

from temporalio import activity

from domain.catalogue import Offer
from domain.claim import Claim, Incident
from domain.kinds import Component, Service
from domain.money import Money
from domain.policy import Policy
from messages.base import Message
from messages.claims import ClaimRefused, ShipTo


class OpenJob(Message):
    """Check an online repair or a maintenance job and, when it is eligible, create the claim (R-REP, R-MNT-2)."""

    claim_id: str
    service: Service
    serial_number: str
    at: datetime
    incident: Incident | None = None
    maintenance_code: str | None = None
    return_country: str | None = None


class JobOpened(Message):
    """The claim as it begins. `term_id` is the term it could draw a replacement from, `expected` its covered parts.

    `warranty_until` is the last second of the official warranty, None when it has not begun. `dispatch_days`: after so
    many days a dispatch is overdue; None in a history of release 0.2.0, which has no timer for it.
    `spread_minutes`: over so many minutes the claim's instants are spread (R-CLM-13); 0 until release 0.3.0.
    """

    result: Literal["opened"] = "opened"
    claim: Claim
    offer: Offer
    policy: Policy
    model_name: str
    time_zone: str
    expected: tuple[Component, ...]
    bindable: bool
    term_id: str | None
    warranty_until: datetime | None
    dispatch_days: int | None = None
    spread_minutes: int = 0


class GetReplacementFee(Message):
    """The fee of a Care replacement for the claim, in the term it was opened in (R-REP-1, R-REN-4)."""

    claim_id: str
    term_id: str | None


class ReplacementFee(Message):
    """`fee` is None when no use is left."""

    fee: Money | None


class ReserveForRepair(Message):
    """Reserve a use of `term_id` for the claim (R-REP-3). Returns the fee; None when no use is left."""

    claim_id: str
    term_id: str | None
    at: datetime


class ComputeMornings(Message):
    """09:00 local in `time_zone` on each of the `days` after the day of `at`."""

    at: datetime
    days: tuple[int, ...]
    time_zone: str


class MorningsComputed(Message):
    mornings: tuple[datetime, ...]


class Jobs(ABC):
    """Service jobs in our own database. Every method may run twice; a retry changes nothing and returns the same."""

    @activity.defn
    @abstractmethod
    async def open_job(self, request: OpenJob) -> JobOpened | ClaimRefused: ...

    @activity.defn
    @abstractmethod
    async def ask_replacement_fee(self, request: GetReplacementFee) -> ReplacementFee: ...

    @activity.defn
    @abstractmethod
    async def reserve_for_repair(self, request: ReserveForRepair) -> ReplacementFee: ...

    @activity.defn
    @abstractmethod
    async def compute_mornings(self, request: ComputeMornings) -> MorningsComputed: ...


class RequestReturn(Message):
    """Ship the customer's own unit back to `ship_to`, repaired or not."""

    claim_id: str
    ship_to: ShipTo
    at: datetime


class ReturnRequested(Message):
    """`reference` is the workshop's number for the request."""

    reference: str


class Workshop(ABC):
    """The workshop that repairs units, or the warehouse that has one which was sent in. One request a claim; a retry
    changes nothing."""

    @activity.defn
    @abstractmethod
    async def request_return(self, request: RequestReturn) -> ReturnRequested: ...
