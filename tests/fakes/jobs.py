"""Fakes of the job activities and the workshop, in memory."""

from datetime import date, timedelta

from temporalio import activity

from domain.claim import Claim
from domain.dates import local_day, morning_of
from domain.kinds import ClaimState, ReasonCode, UseKind
from domain.money import Money
from domain.reasons import Reason
from messages.claims import ClaimRefused
from messages.jobs import (
    ComputeMornings,
    GetReplacementFee,
    JobOpened,
    Jobs,
    MorningsComputed,
    OpenJob,
    ReplacementFee,
    RequestReturn,
    ReserveForRepair,
    ReturnRequested,
    Workshop,
)
from tests.fakes.record import MODEL, OFFER, REGION, FakeRecord

CODE = "MNT-TEST"


class FakeJobs(Jobs):
    """It shares a FakeRecord. `uses_left` are the uses left in the plan, `warranty_days` the rest of the warranty."""

    def __init__(self, record: FakeRecord) -> None:
        self.record = record
        self.uses_left = 1
        self.warranty_days = 100

    @activity.defn
    async def open_job(self, request: OpenJob) -> JobOpened | ClaimRefused:
        if request.maintenance_code not in (None, CODE):
            reason = Reason(ReasonCode.MAINTENANCE_CODE_INVALID, "R-MNT-2", "Not issued for this device.")
            return ClaimRefused(reasons=(reason,))
        claim = Claim(
            id=request.claim_id,
            service=request.service,
            tier=None,
            state=ClaimState.SUBMITTED,
            serial_number=request.serial_number,
            model=MODEL.slug,
            region=REGION.code,
            lineage_id=self.record.snapshot.lineage_id,
            opened_at=request.at,
            incident=request.incident,
            fee=Money(0, "USD"),
            amount_owed=Money(0, "USD"),
        )
        return JobOpened(
            claim=claim,
            offer=OFFER,
            policy=self.record.policy,
            dispatch_days=self.record.policy.dispatch_days,
            spread_minutes=self.record.spread_minutes,
            model_name=MODEL.name,
            time_zone=REGION.time_zone,
            expected=MODEL.components,
            bindable=True,
            term_id="term-1",
            warranty_until=request.at + timedelta(days=self.warranty_days),
        )

    @activity.defn
    async def ask_replacement_fee(self, request: GetReplacementFee) -> ReplacementFee:
        return ReplacementFee(fee=OFFER.fees[0] if self.uses_left else None)

    @activity.defn
    async def reserve_for_repair(self, request: ReserveForRepair) -> ReplacementFee:
        if not self.uses_left:
            return ReplacementFee(fee=None)
        if UseKind.RESERVED not in self.record.uses:
            self.record.uses.append(UseKind.RESERVED)
        return ReplacementFee(fee=OFFER.fees[0])

    @activity.defn
    async def compute_mornings(self, request: ComputeMornings) -> MorningsComputed:
        start = local_day(request.at, request.time_zone)
        days: list[date] = [start + timedelta(days=n) for n in request.days]
        return MorningsComputed(mornings=tuple(morning_of(day, request.time_zone) for day in days))


class FakeWorkshop(Workshop):
    """A workshop that records return requests."""

    def __init__(self) -> None:
        self.returns: dict[str, RequestReturn] = {}

    @activity.defn
    async def request_return(self, request: RequestReturn) -> ReturnRequested:
        self.returns[request.claim_id] = request
        return ReturnRequested(reference=f"WS-{len(self.returns)}")
