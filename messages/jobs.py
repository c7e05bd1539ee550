"""Messages: what a repair or maintenance job asks of the record and of the workshop."""

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
    """Judge an online repair or a maintenance job and, when it stands, make the claim (R-REP, R-MNT-2)."""

    claim_id: str
    service: Service
    serial_number: str
    at: datetime
    incident: Incident | None = None
    maintenance_code: str | None = None


class JobOpened(Message):
    """The claim as it begins. `term_id` is the term it could draw a replacement from, `expected` its covered parts.

    `warranty_until` is the last second of the official warranty, None when it has not begun.
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


class AskReplacementFee(Message):
    """What would a Care replacement cost the claim, out of the term it was opened in? (R-REP-1, R-REN-4)"""

    claim_id: str
    term_id: str | None


class ReplacementFee(Message):
    """`fee` is None when no use is left."""

    fee: Money | None


class ReserveForRepair(Message):
    """Reserve a use of `term_id` for the claim (R-REP-3). Answers the fee; None when no use is left."""

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
    """Our own database, for jobs. Every method may run twice; the second time changes nothing and answers alike."""

    @activity.defn
    @abstractmethod
    async def open_job(self, ask: OpenJob) -> JobOpened | ClaimRefused: ...

    @activity.defn
    @abstractmethod
    async def ask_replacement_fee(self, ask: AskReplacementFee) -> ReplacementFee: ...

    @activity.defn
    @abstractmethod
    async def reserve_for_repair(self, ask: ReserveForRepair) -> ReplacementFee: ...

    @activity.defn
    @abstractmethod
    async def compute_mornings(self, ask: ComputeMornings) -> MorningsComputed: ...


class RequestReturn(Message):
    """Ship the customer's own unit back to `ship_to`, repaired or not."""

    claim_id: str
    ship_to: ShipTo
    at: datetime


class ReturnRequested(Message):
    """`reference` is the workshop's number for the request."""

    reference: str


class Workshop(ABC):
    """Where units are repaired. One request a claim; asking again changes nothing."""

    @activity.defn
    @abstractmethod
    async def request_return(self, ask: RequestReturn) -> ReturnRequested: ...
