"""Messages: requests to the claim record, our own database. No external effect, so they run as local activities."""

from abc import ABC, abstractmethod
from datetime import date, datetime
from typing import Literal

from temporalio import activity

from domain.catalogue import Offer
from domain.claim import Claim, Incident, Return
from domain.eligibility import Card
from domain.kinds import Component, Service, Tier
from domain.policy import Policy
from messages.base import Message
from messages.claims import ClaimRefused, ParcelArrived, ParcelDelivered, ParcelScanned
from messages.mail import Notice
from messages.quoted_amounts import QuotedAmounts


class ReserveUse(Message):
    """Check the claim and, when it is eligible, create it and reserve a use, in one transaction (R-CLM-6, -7)."""

    claim_id: str
    service: Service
    tier: Tier | None
    serial_number: str
    incident: Incident
    at: datetime
    accepted_terms: bool
    terms_version: str
    replace_battery: bool = False
    confirmed_unrecoverable: bool = True
    flight_record: str | None = None
    ship_to_country: str
    card: Card | None = None
    quote: QuotedAmounts | None = None


class UseReserved(Message):
    """The new claim, with the agreed amounts frozen onto it (R-CAT-4).

    `hold_amount` is None without Premium. `expected` is what must come back. `bindable` says whether a replacement
    should be bound again for flyaway cover. `binding_told_at`: when the binding that a flyaway needs was told, if only
    after the loss (R-FLY-8). `dispatch_days`: after so many days a dispatch is overdue; None in a history of release
    0.2.0, which has no timer for it.
    `spread_minutes`: over so many minutes the claim's instants are spread (R-CLM-13); 0 until release 0.3.0.
    """

    result: Literal["reserved"] = "reserved"
    claim: Claim
    offer: Offer
    policy: Policy
    model_name: str
    time_zone: str
    window_days: int
    expected: tuple[Component, ...]
    bindable: bool
    binding_told_at: datetime | None = None
    dispatch_days: int | None = None
    spread_minutes: int = 0


class ClaimEvent(Message):
    """One line of the timeline. `seq` counts the claim's events from 1; `kind` is for programs, `title` for people."""

    seq: int
    at: datetime
    kind: str
    title: str
    details: str = ""
    actor: str = "system"


class SaveClaim(Message):
    """Write the claim with the events since the last save. `version` rises by one per save within `run_id`.

    `gives_back` returns the reserved use (R-CLM-6). Saving the same version again changes nothing. `notices` go into
    the outbox in the same transaction, each once per claim, kind and occurrence. `unclaimed` are parcels that arrived
    and that the claim does not wait for: each becomes a task of people.
    """

    claim: Claim
    run_id: str
    version: int
    events: tuple[ClaimEvent, ...]
    gives_back: bool = False
    notices: tuple[Notice, ...] = ()
    unclaimed: tuple[ParcelArrived, ...] = ()


class RecordDispatch(Message):
    """The replacement left: consume the use, put the new serial number into the lineage, clear the binding.

    With `window_days` the return window is computed too (Premium). Without `consumes` no use is drawn: a repair that
    changed the serial number (R-REP-4). `number` counts from 1 how often the same unit was sent out again after it came
    back (R-EXP-10); 0 is the first dispatch.
    """

    claim: Claim
    replacement_serial_number: str
    at: datetime
    policy: Policy
    window_days: int | None = None
    expected: tuple[Component, ...] = ()
    lost: bool = False
    consumes: bool = True
    serial_number_confirmed: bool = False
    number: int = 0


class DispatchRecorded(Message):
    result: Literal["dispatched"] = "dispatched"
    dispatched_on: date
    returning: Return | None
    reminders: dict[str, datetime]


class DispatchRefused(Message):
    """The replacement cannot be this unit; nothing changed."""

    result: Literal["refused"] = "refused"
    rule: str
    message: str


class UndoDispatch(Message):
    """Undo a dispatch: the replacement leaves the lineage, the original is its current unit again with its binding, and
    the use counts no more (R-EXP-10)."""

    claim: Claim
    at: datetime


class ComputeWindow(Message):
    """Compute a return window by calendar in `time_zone` (R-RET-2, -5), from the day of `started_at`."""

    started_at: datetime
    days: int
    extended: int
    time_zone: str
    expected: tuple[Component, ...]
    policy: Policy


class WindowComputed(Message):
    returning: Return
    reminders: dict[str, datetime]


class ComputeDeadline(Message):
    """The end of the day `days` after the day of `at` in `time_zone`, never before `not_before`."""

    at: datetime
    days: int
    time_zone: str
    not_before: datetime | None = None


class IdentifySerial(Message):
    """Find the owner of a serial number when a wrong unit came back (edge cases 11, 12)."""

    serial_number: str
    lineage_id: str


class FindWaitingEvents(Message):
    """Find the events of the claim that its workflow could not be told."""

    claim_id: str


class WaitingEvents(Message):
    """The decisive ones first."""

    events: tuple[ParcelScanned | ParcelArrived | ParcelDelivered, ...]


class SerialIdentified(Message):
    """`open_claim_id`: another open claim waits for that unit; `same_owner`: of the same customer.

    `same_lineage`: it is an earlier or later unit of the same device, so it has no other owner (edge case 30).
    """

    known: bool
    same_owner: bool = False
    same_lineage: bool = False
    open_claim_id: str | None = None


class FindDeliveredNotices(Message):
    """Find the kinds of the claim's mails that were delivered (R-NOT-2)."""

    claim_id: str


class DeliveredNotices(Message):
    kinds: tuple[str, ...]


class Record(ABC):
    """The claim record. Every method may run twice; a retry changes nothing and returns the same."""

    @activity.defn
    @abstractmethod
    async def reserve_use(self, request: ReserveUse) -> UseReserved | ClaimRefused: ...

    @activity.defn
    @abstractmethod
    async def save_claim(self, request: SaveClaim) -> None: ...

    @activity.defn
    @abstractmethod
    async def record_dispatch(self, request: RecordDispatch) -> DispatchRecorded | DispatchRefused: ...

    @activity.defn
    @abstractmethod
    async def undo_dispatch(self, request: UndoDispatch) -> DispatchRefused | None: ...

    @activity.defn
    @abstractmethod
    async def compute_window(self, request: ComputeWindow) -> WindowComputed: ...

    @activity.defn
    @abstractmethod
    async def compute_deadline(self, request: ComputeDeadline) -> datetime: ...

    @activity.defn
    @abstractmethod
    async def identify_serial(self, request: IdentifySerial) -> SerialIdentified: ...

    @activity.defn
    @abstractmethod
    async def find_delivered_notices(self, request: FindDeliveredNotices) -> DeliveredNotices: ...

    @activity.defn
    @abstractmethod
    async def find_waiting_events(self, request: FindWaitingEvents) -> WaitingEvents: ...
