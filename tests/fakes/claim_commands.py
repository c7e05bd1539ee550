"""A fake of the claim commands without Temporal: it writes to the database and applies the domain's rules.

To the API it behaves like the workflows: commands are accepted, rejected or time out, or the claim has ended.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from api.claim_commands import (
    ClaimNotRunning,
    CommandRejected,
    DeviceCommand,
    Submission,
    TemporalUnavailable,
    TimeSkippingUnsupported,
)
from domain import lifecycle
from domain.claim import Claim, Hold
from domain.kinds import Action, ClaimState, HoldState, Outcome, Service, Tier
from domain.policy import Policy
from domain.reasons import RuleError
from messages.claims import (
    ClaimAccepted,
    ClaimRefused,
    Decision,
    Dispatch,
    OwnerCorrected,
    ParcelEvent,
    PaymentChanged,
    SubmitCareExpress,
    SubmitFlyaway,
    SubmitMaintenance,
    SubmitRepair,
)
from messages.entitlements import (
    EndPlan,
    IssueMaintenanceCode,
    MaintenanceCodeIssued,
    MaintenanceRefused,
    NoteRefusedRefund,
    PlanEnded,
    RefundPlan,
)
from messages.jobs import OpenJob
from messages.lanes import Lane
from messages.record import ClaimEvent, ReserveUse, SaveClaim
from messages.registry import (
    AddPlan,
    BuyPlan,
    CheckPlan,
    PlanBought,
    PlanDeclined,
    PlanRefused,
)
from messages.renewals import RegionReminded, Reminder, RemindRegion
from store.database import Database
from store.writes import claims, entitlements, jobs, plans, reservations
from store.writes.command_refused import CommandRefused
from tests.fakes.claim_decisions import DECLINE_CODES, claim_after
from tests.fakes.device_writes import WRITES
from workflows.parts.pending_message import payment_in_progress

RequestT = TypeVar("RequestT")
ResultT = TypeVar("ResultT")


@dataclass
class FakeClaimCommands:
    """`away`: Temporal is unavailable. `idle`: no worker runs. `ended`: terminated claims. `paying`: claims whose
    payment waits for the gateway. Everything received is recorded."""

    database: Database
    clock: Callable[[], datetime]
    away: bool = False
    idle: bool = False
    clocks_fixed: bool = False
    refuses_refunds: bool = False
    received: list[object] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    reminders: dict[str, tuple[Reminder, ...]] = field(default_factory=dict)
    waiting: dict[str, Claim] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    paying: set[str] = field(default_factory=set)
    lead: timedelta = timedelta()
    _versions: dict[str, int] = field(default_factory=dict)
    _results: dict[str, ClaimAccepted | ClaimRefused] = field(default_factory=dict)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def lanes_without_worker(self) -> list[Lane]:
        return list(Lane) if self.away or self.idle else []

    async def ready(self) -> bool:
        return not self.away

    async def submit(
        self, request: Submission, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        self._receive(request, key)
        self.summaries.append(summary)
        if request.claim_id in self.ended:
            raise ClaimNotRunning(request.claim_id)
        if self.idle:
            self.waiting[request.claim_id] = provisional
            return None
        if request.claim_id not in self._results:
            self._results[request.claim_id] = await self._open_claim(request)
        return self._results[request.claim_id]

    async def _open_claim(self, request: Submission) -> ClaimAccepted | ClaimRefused:
        if isinstance(request, SubmitRepair | SubmitMaintenance):
            return await self._open_job(request)
        return await self._reserve_use(request)

    async def _open_job(self, request: SubmitRepair | SubmitMaintenance) -> ClaimAccepted | ClaimRefused:
        job = OpenJob(
            claim_id=request.claim_id,
            service=Service.ONLINE_REPAIR if isinstance(request, SubmitRepair) else Service.MAINTENANCE,
            serial_number=request.serial_number,
            at=self.clock(),
            incident=request.incident if isinstance(request, SubmitRepair) else None,
            maintenance_code=request.maintenance_code if isinstance(request, SubmitMaintenance) else None,
        )
        async with self.database.transaction() as session:
            result = await jobs.open_job(session, job, Policy())
        if isinstance(result, ClaimRefused):
            return result
        waiting = replace(result.claim, state=ClaimState.AWAITING_ITEM)
        return ClaimAccepted(claim=await self.save(waiting, "submitted", "Submitted."))

    async def _reserve_use(self, request: SubmitCareExpress | SubmitFlyaway) -> ClaimAccepted | ClaimRefused:
        express = request if isinstance(request, SubmitCareExpress) else None
        reserve = ReserveUse(
            claim_id=request.claim_id,
            service=Service.CARE_EXPRESS if express else Service.FLYAWAY,
            tier=express.tier if express else None,
            serial_number=request.serial_number,
            incident=request.incident,
            at=self.clock(),
            accepted_terms=request.accepted_terms,
            terms_version=request.terms_version,
            replace_battery=express.replace_battery if express else False,
            ship_to_country=request.ship_to.country,
            quote=express.quote if express else None,
        )
        async with self.database.transaction() as session:
            result = await reservations.reserve_use(session, reserve, Policy())
        if isinstance(result, ClaimRefused):
            return result
        if code := DECLINE_CODES.get(request.payment_method):
            closed = replace(result.claim, state=ClaimState.CLOSED, outcome=Outcome.PAYMENT_DECLINED, decline_code=code)
            return ClaimAccepted(claim=await self.save(closed, "closed", "Closed: payment declined."))
        tier = express.tier if express else None
        state = {None: ClaimState.AWAITING_DECISION, Tier.STANDARD: ClaimState.AWAITING_ITEM}.get(tier)
        amount, nothing = result.offer.hold, result.offer.hold.zero()
        hold = Hold(amount, HoldState.AUTHORIZED, nothing, nothing, self.clock() + timedelta(days=7))
        accepted = replace(
            result.claim, state=state or ClaimState.AWAITING_DISPATCH, hold=hold if state is None else None
        )
        return ClaimAccepted(claim=await self.save(accepted, "submitted", "Submitted."))

    async def save(self, claim: Claim, kind: str, title: str, actor: str = "system") -> Claim:
        """Write the claim with one event, as a workflow would."""
        version = self._versions[claim.id] = self._versions.get(claim.id, 0) + 1
        event = ClaimEvent(seq=version, at=self.clock(), kind=kind, title=title, actor=actor)
        async with self.database.transaction() as session:
            await claims.save_claim(session, SaveClaim(claim=claim, run_id="run-1", version=version, events=(event,)))
        return claim

    async def pending_claim(self, claim_id: str) -> Claim | None:
        self._receive()
        return self.waiting.get(claim_id)

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        self._receive(decision, key)
        if self.idle:
            raise TemporalUnavailable("no worker runs")
        claim = await self._running(claim_id)
        if claim_id in self.paying:
            error = payment_in_progress()
            raise CommandRejected(error.code, error.message, error.rule, lifecycle.allowed_actions(claim))
        try:
            lifecycle.require(claim, action)
        except RuleError as error:
            allowed = lifecycle.allowed_actions(claim)
            raise CommandRejected(error.code, error.message, error.rule, allowed) from error
        changed = claim_after(claim, decision, self.clock())
        if isinstance(decision, Dispatch):
            async with self.database.transaction() as session:
                await claims.close_dispatch_request(session, claim.id)
        return await self.save(changed, action.value, f"{action.value}.", decision.actor)

    async def send_event(self, claim_id: str, event: ParcelEvent | PaymentChanged | OwnerCorrected) -> None:
        self._receive()
        await self._running(claim_id)
        self._receive(event, event.event_id)

    async def claim_time(self, claim_id: str) -> datetime:
        self._receive()
        if claim_id not in self.waiting:
            await self._running(claim_id)
        return self.clock() + self.lead

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        self._receive(by)
        await self._running(claim_id)
        if self.clocks_fixed:
            raise TimeSkippingUnsupported
        self.lead += by
        return None

    async def buy_plan(self, request: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        self._receive(request, request.plan_id)
        self.summaries.append(summary)
        if code := DECLINE_CODES.get(request.payment_method):
            return PlanDeclined(code=code)
        async with self.database.transaction() as session:
            priced = await plans.check_plan(session, CheckPlan(plan=request, at=self.clock()))
            if isinstance(priced, PlanRefused):
                return priced
            add = AddPlan(plan=request, price=priced.price, payment_id="pay_1", at=self.clock())
            return await plans.add_plan(session, add)

    async def refund_plan(self, request: RefundPlan, summary: str) -> PlanEnded | PlanRefused:
        self._receive(request, request.refund_id)
        self.summaries.append(summary)
        ended = await self._in_store(entitlements.end_plan, EndPlan(refund=request, at=self.clock()))
        if not self.refuses_refunds or not isinstance(ended, PlanEnded):
            return ended
        note = NoteRefusedRefund(plan_id=request.plan_id, refund_id=request.refund_id)
        await self._in_store(entitlements.note_refused_refund, note)
        return ended.model_copy(update={"refund_refused": True})

    async def execute(self, request: DeviceCommand, key: str) -> str:
        self._receive(request, key)
        registered: str = await self._in_store(WRITES[type(request)], request)
        return registered

    async def issue_maintenance_code(
        self, request: IssueMaintenanceCode, key: str
    ) -> MaintenanceCodeIssued | MaintenanceRefused:
        self._receive(request, key)
        return await self._in_store(entitlements.issue_code, request)

    async def send_reminders(self, request: RemindRegion, reminders_id: str) -> RegionReminded:
        self._receive(request, reminders_id)
        assert request.as_of is not None
        sent = self.reminders.get(request.region, ())
        return RegionReminded(as_of=request.as_of, looked_at=len(sent), sent=len(sent), reminders=sent)

    async def _in_store(
        self, write: Callable[[AsyncSession, RequestT], Awaitable[ResultT]], request: RequestT
    ) -> ResultT:
        """The effect of the activity; its refusal as a CommandRejected."""
        try:
            async with self.database.transaction() as session:
                return await write(session, request)
        except CommandRefused as refused:
            raise CommandRejected(refused.code, str(refused), fields=refused.fields) from refused

    def _receive(self, *arguments: object) -> None:
        if self.away:
            raise TemporalUnavailable("Temporal is away")
        if arguments:
            self.received.append(arguments[0])
            self.keys.extend(str(key) for key in arguments[1:])

    async def _running(self, claim_id: str) -> Claim:
        """The claim, if its workflow still runs: closed ones have ended, and those in `ended`."""
        from store.reads.queries import Queries

        claim = await Queries(self.database).claim(claim_id)
        if claim is None or claim.state is ClaimState.CLOSED or claim_id in self.ended:
            raise ClaimNotRunning(claim_id)
        return claim
