"""A fake of the claim record, in memory: it applies the domain's rules and stores what is saved."""

from dataclasses import replace
from datetime import date, datetime

from temporalio import activity

from domain import returns
from domain.catalogue import Model, Offer, Region, expected_components, fee_for_use
from domain.claim import Claim
from domain.coverage import UseEntry, new_term, quota_for
from domain.dates import local_day
from domain.device_snapshot import Binding, DeviceSnapshot
from domain.eligibility import Application, refusals
from domain.kinds import Category, ClaimState, Component, DeviceStatus, Service, TermKind, UseKind
from domain.lifecycle import charged
from domain.money import Money
from domain.policy import Policy
from messages.claims import ClaimRefused, ParcelArrived, ParcelDelivered, ParcelScanned
from messages.record import (
    ClaimEvent,
    ComputeDeadline,
    ComputeWindow,
    DeliveredNotices,
    DispatchRecorded,
    DispatchRefused,
    FindDeliveredNotices,
    FindWaitingEvents,
    IdentifySerial,
    Record,
    RecordDispatch,
    ReserveUse,
    SaveClaim,
    SerialIdentified,
    UndoDispatch,
    UseReserved,
    WaitingEvents,
    WindowComputed,
)
from tests.fakes.external_services import FakeMail


def usd(amount: int) -> Money:
    return Money(amount, "USD")


REGION = Region(
    code="US",
    name="United States",
    currency="USD",
    time_zone="America/Los_Angeles",
    countries=("US",),
    premium=True,
    window_days=14,
    purchase_hours={Category.DRONE: 48, Category.HANDHELD: 720},
)
OFFER = Offer(
    product_value=usd(205000),
    prices={TermKind.ONE_YEAR: usd(23900), TermKind.TWO_YEARS: usd(39900)},
    fees=(usd(15900), usd(19900)),
    hold=usd(164000),
    flyaway_fee=usd(73900),
    differences={
        Component.PROPELLERS: usd(1200),
        Component.BATTERY: usd(20900),
        Component.GIMBAL_CAMERA: usd(82000),
        Component.AIRCRAFT: usd(205000),
    },
)
MODEL = Model(
    slug="mavic-3",
    name="Mavic 3",
    category=Category.DRONE,
    flyaway=True,
    battery_removable=True,
    maintenance=True,
    components=(Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.PROPELLERS, Component.BATTERY),
    offers={"US": OFFER},
)


class FakeRecord(Record):
    """One device, covered for a year from `covered_since`; claims, events and uses as they were saved. The notices that
    come with a claim are written to `mail`."""

    def __init__(self, covered_since: datetime, mail: FakeMail, policy: Policy | None = None) -> None:
        self.mail = mail
        self.policy = policy or Policy()
        term = new_term(
            "term-1", TermKind.ONE_YEAR, quota_for(TermKind.ONE_YEAR, MODEL.category, True), covered_since, "UTC"
        )
        self.snapshot = DeviceSnapshot(
            serial_number="SN1",
            status=DeviceStatus.CURRENT,
            lineage_id="lin-1",
            current_serial_number="SN1",
            replaced_on=None,
            activated_at=covered_since,
            model=MODEL,
            region=REGION,
            terms=(term,),
            uses=(),
            bindings=(Binding("RC1", covered_since),),
            open_claim_id=None,
            amount_owed=None,
        )
        self.reserved: dict[str, UseReserved] = {}
        self.claims: dict[str, Claim] = {}
        self.events: list[ClaimEvent] = []
        self.uses: list[UseKind] = []
        self.written: set[tuple[str, int]] = set()
        self.dispatched_again: dict[tuple[str, int], datetime] = {}
        self.delivered: set[str] = set()
        self.known_serials: dict[str, SerialIdentified] = {}
        self.waiting: list[ParcelScanned | ParcelArrived | ParcelDelivered] = []
        self.unclaimed: list[ParcelArrived] = []
        self.lineage_moved_on = False
        self.spread_minutes = 0

    @activity.defn
    async def reserve_use(self, request: ReserveUse) -> UseReserved | ClaimRefused:
        if request.claim_id in self.reserved:
            return self.reserved[request.claim_id]
        application = Application(
            service=request.service,
            tier=request.tier,
            incident=request.incident,
            replace_battery=request.replace_battery,
            accepted_terms=request.accepted_terms,
            confirmed_unrecoverable=request.confirmed_unrecoverable,
            card=request.card,
            policy=self.policy,
        )
        reasons = refusals(application, self.snapshot, request.at)
        if reasons:
            return ClaimRefused(reasons=tuple(reasons))
        fee = fee_for_use(OFFER, 0) if request.service is Service.CARE_EXPRESS else OFFER.flyaway_fee or usd(0)
        claim = Claim(
            id=request.claim_id,
            service=request.service,
            tier=request.tier,
            state=ClaimState.SUBMITTED,
            serial_number=request.serial_number,
            model=MODEL.slug,
            region=REGION.code,
            lineage_id=self.snapshot.lineage_id,
            opened_at=request.at,
            incident=request.incident,
            fee=fee,
            amount_owed=usd(0),
            replace_battery=request.replace_battery,
        )
        self._use(request.claim_id, UseKind.RESERVED, request.service is Service.FLYAWAY)
        self.snapshot = replace(self.snapshot, open_claim_id=request.claim_id)
        self.reserved[request.claim_id] = UseReserved(
            claim=claim,
            offer=OFFER,
            policy=self.policy,
            dispatch_days=self.policy.dispatch_days,
            spread_minutes=self.spread_minutes,
            model_name=MODEL.name,
            time_zone=REGION.time_zone,
            window_days=REGION.window_days,
            expected=expected_components(MODEL, request.replace_battery),
            bindable=True,
        )
        return self.reserved[request.claim_id]

    @activity.defn
    async def save_claim(self, request: SaveClaim) -> None:
        self.claims[request.claim.id] = request.claim
        # A workflow task that fails at its end is executed again: a run writes each event once.
        self.events.extend(event for event in request.events if (request.run_id, event.seq) not in self.written)
        self.written.update((request.run_id, event.seq) for event in request.events)
        if request.claim.state is ClaimState.CLOSED:
            self.snapshot = replace(self.snapshot, open_claim_id=None)
        if request.gives_back and UseKind.GIVEN_BACK not in self.uses:
            self._use(request.claim.id, UseKind.GIVEN_BACK, False)
        self.unclaimed.extend(event for event in request.unclaimed if event not in self.unclaimed)
        for notice in request.notices:
            self.mail.write(notice.mail(request.claim))

    @activity.defn
    async def record_dispatch(self, request: RecordDispatch) -> DispatchRecorded | DispatchRefused:
        if request.replacement_serial_number in (request.claim.serial_number, "TAKEN"):
            return DispatchRefused(rule="R-CLM-9", message="This serial number is known already.")
        if request.consumes and UseKind.CONSUMED not in self.uses:
            self._use(request.claim.id, UseKind.CONSUMED, request.lost)
        if request.number and request.replacement_serial_number != request.claim.replacement_serial_number:
            return DispatchRefused(rule="R-EXP-10", message="Another unit came back.")
        window, at = None, request.at
        if request.number:
            at = self.dispatched_again.setdefault((request.claim.id, request.number), at)
        if request.window_days is not None:
            window = returns.window(at, request.window_days, REGION.time_zone, request.expected, request.policy)
        if window is not None and request.number and request.claim.returning is not None:
            window = returns.reopened(request.claim.returning, window, charged=charged(request.claim))
        return DispatchRecorded(
            dispatched_on=local_day(at, REGION.time_zone),
            returning=window,
            reminders=returns.reminders(window.due_at, REGION.time_zone) if window else {},
        )

    @activity.defn
    async def undo_dispatch(self, request: UndoDispatch) -> DispatchRefused | None:
        if self.lineage_moved_on:
            return DispatchRefused(rule="R-EXP-10", message="The replacement has a case of its own.")
        if UseKind.UNDONE not in self.uses:
            self._use(request.claim.id, UseKind.UNDONE, False)
        return None

    @activity.defn
    async def compute_window(self, request: ComputeWindow) -> WindowComputed:
        window = returns.window(
            request.started_at, request.days, request.time_zone, request.expected, request.policy, request.extended
        )
        return WindowComputed(returning=window, reminders=returns.reminders(window.due_at, request.time_zone))

    @activity.defn
    async def compute_deadline(self, request: ComputeDeadline) -> datetime:
        return returns.cure_until(request.at, request.not_before or request.at, request.time_zone, request.days)

    @activity.defn
    async def identify_serial(self, request: IdentifySerial) -> SerialIdentified:
        return self.known_serials.get(request.serial_number, SerialIdentified(known=False))

    @activity.defn
    async def find_delivered_notices(self, request: FindDeliveredNotices) -> DeliveredNotices:
        return DeliveredNotices(kinds=tuple(sorted(self.delivered)))

    @activity.defn
    async def find_waiting_events(self, request: FindWaitingEvents) -> WaitingEvents:
        return WaitingEvents(events=tuple(self.waiting))

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def _use(self, claim_id: str, kind: UseKind, flyaway: bool) -> None:
        self.uses.append(kind)
        self.snapshot = replace(self.snapshot, uses=(*self.snapshot.uses, UseEntry("term-1", claim_id, kind, flyaway)))


def today(instant: datetime) -> date:
    return local_day(instant, REGION.time_zone)
