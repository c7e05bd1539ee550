"""A door without Temporal behind it: claims and devices go straight into the database, decisions by the real rules.

It stands in for the workflows as far as the API can tell: what is accepted, refused, timed out, gone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from api.door import Gone, Refused, RegistryCommand, Unavailable
from domain import lifecycle
from domain.claim import Claim, Return
from domain.dates import end_of_day_after
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import Action, ClaimState, Outcome, Service, Tier
from domain.policy import Policy
from domain.reasons import RuleError
from messages.claims import (
    CancelClaim,
    ClaimAccepted,
    ClaimRefused,
    Decision,
    Dispatch,
    ParcelArrived,
    ParcelScanned,
    SubmitCareExpress,
    SubmitFlyaway,
)
from messages.record import ClaimEvent, ReserveUse, SaveClaim
from messages.registry import (
    ActivateDevice,
    AddPlan,
    BindController,
    BuyPlan,
    CheckPlan,
    PlanBought,
    PlanDeclined,
    PlanRefused,
    PlantTerm,
    RegisterDevice,
)
from store.database import Database
from store.writes import claims, plans, registry
from store.writes.refused import Refused as RefusedByStore

DECLINED = "pm_card_declined"


@dataclass
class FakeDoor:
    """`away`: Temporal does not answer. `idle`: it does, but nobody works. Everything asked is written down."""

    database: Database
    clock: Callable[[], datetime]
    away: bool = False
    idle: bool = False
    asked: list[object] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    waiting: dict[str, Claim] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    lead: timedelta = timedelta()
    _versions: dict[str, int] = field(default_factory=dict)
    _answers: dict[str, ClaimAccepted | ClaimRefused] = field(default_factory=dict)

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ready(self) -> bool:
        return not self.away

    async def submit(
        self, ask: SubmitCareExpress | SubmitFlyaway, provisional: Claim, summary: str, key: str
    ) -> ClaimAccepted | ClaimRefused | None:
        self._heard(ask, key)
        if ask.claim_id in self.ended:
            raise Gone(ask.claim_id)
        if self.idle:
            self.waiting[ask.claim_id] = provisional
            return None
        if ask.claim_id not in self._answers:
            self._answers[ask.claim_id] = await self._judge(ask)
        return self._answers[ask.claim_id]

    async def _judge(self, ask: SubmitCareExpress | SubmitFlyaway) -> ClaimAccepted | ClaimRefused:
        express = ask if isinstance(ask, SubmitCareExpress) else None
        reserve = ReserveUse(
            claim_id=ask.claim_id,
            service=Service.CARE_EXPRESS if express else Service.FLYAWAY,
            tier=express.tier if express else None,
            serial_number=ask.serial_number,
            incident=ask.incident,
            at=self.clock(),
            accepted_terms=ask.accepted_terms,
            terms_version=ask.terms_version,
            replace_battery=express.replace_battery if express else False,
            ship_to_country=ask.ship_to.country,
            quote=express.quote if express else None,
        )
        async with self.database.writing() as session:
            answer = await claims.reserve_use(session, reserve, Policy())
        if isinstance(answer, ClaimRefused):
            return answer
        if ask.payment_method == DECLINED:
            closed = replace(answer.claim, state=ClaimState.CLOSED, outcome=Outcome.PAYMENT_DECLINED)
            return ClaimAccepted(claim=await self.save(closed, "closed", "Closed: payment declined."))
        state = ClaimState.AWAITING_DISPATCH
        if express is None:
            state = ClaimState.AWAITING_DECISION
        elif express.tier is Tier.STANDARD:
            state = ClaimState.AWAITING_ITEM
        return ClaimAccepted(claim=await self.save(replace(answer.claim, state=state), "submitted", "Submitted."))

    async def save(self, claim: Claim, kind: str, title: str, actor: str = "system") -> Claim:
        """Write the claim as it stands with one event, as a workflow would."""
        version = self._versions[claim.id] = self._versions.get(claim.id, 0) + 1
        event = ClaimEvent(seq=version, at=self.clock(), kind=kind, title=title, actor=actor)
        async with self.database.writing() as session:
            await claims.save_claim(session, SaveClaim(claim=claim, run_id="run-1", version=version, events=(event,)))
        return claim

    async def claim(self, claim_id: str) -> Claim | None:
        self._heard()
        return self.waiting.get(claim_id)

    async def decide(self, claim_id: str, action: Action, decision: Decision, key: str) -> Claim:
        self._heard(decision, key)
        if self.idle:
            raise Unavailable("nobody works")
        claim = await self._running(claim_id)
        try:
            lifecycle.require(claim, action)
        except RuleError as error:
            allowed = lifecycle.allowed_actions(claim)
            raise Refused(error.code, error.message, error.rule, allowed) from error
        match decision:
            case CancelClaim():
                changed = replace(claim, state=ClaimState.CLOSED, outcome=Outcome.CANCELLED, closed_at=self.clock())
            case Dispatch(replacement_serial_number=serial) if (
                compare_serials(serial, claim.serial_number) is SerialMatch.SAME
            ):
                raise Refused("refused", "The replacement cannot be this unit.", "R-CLM-9")
            case Dispatch(replacement_serial_number=serial):
                changed = replace(claim, state=ClaimState.AWAITING_RETURN, replacement_serial_number=serial)
                changed = replace(changed, returning=self._window(), deadline=self._window().due_at)
            case _:
                changed = claim
        return await self.save(changed, action.value, f"{action.value}.", decision.actor)

    def _window(self) -> Return:
        zone = "America/Los_Angeles"
        due, later = (end_of_day_after(self.clock(), days, zone) for days in (14, 24))
        return Return(14, due, zone, (), later, later)

    async def report(self, claim_id: str, event: ParcelScanned | ParcelArrived) -> None:
        self._heard(event, event.event_id)
        await self._running(claim_id)

    async def now(self, claim_id: str) -> datetime:
        self._heard()
        if claim_id not in self.waiting:
            await self._running(claim_id)
        return self.clock() + self.lead

    async def fast_forward(self, claim_id: str, by: timedelta) -> Claim | None:
        self._heard(by)
        await self._running(claim_id)
        self.lead += by
        return None

    async def buy_plan(self, ask: BuyPlan, summary: str) -> PlanBought | PlanRefused | PlanDeclined:
        self._heard(ask, ask.plan_id)
        if ask.payment_method == DECLINED:
            return PlanDeclined(code="card_declined")
        async with self.database.writing() as session:
            priced = await plans.check_plan(session, CheckPlan(plan=ask, at=self.clock()))
            if isinstance(priced, PlanRefused):
                return priced
            add = AddPlan(plan=ask, price=priced.price, payment_id="pay_1", at=self.clock())
            return await plans.add_plan(session, add)

    async def command(self, ask: RegistryCommand, key: str) -> str:
        self._heard(ask, key)
        try:
            async with self.database.writing() as session:
                match ask:
                    case RegisterDevice():
                        return await registry.register_device(session, ask)
                    case ActivateDevice():
                        return await registry.activate_device(session, ask)
                    case BindController():
                        return await registry.bind_controller(session, ask)
                    case PlantTerm():
                        return await registry.plant_term(session, ask)
                    case _:
                        return await registry.unbind_controller(session, ask)
        except RefusedByStore as refused:
            raise Refused(refused.code, str(refused), fields=refused.fields) from refused

    def _heard(self, *said: object) -> None:
        if self.away:
            raise Unavailable("Temporal is away")
        if said:
            self.asked.append(said[0])
            self.keys.extend(str(key) for key in said[1:])

    async def _running(self, claim_id: str) -> Claim:
        """The claim, if its workflow still runs: closed ones have ended here."""
        from store.views import Views

        claim = await Views(self.database).claim(claim_id)
        if claim is None or claim.state is ClaimState.CLOSED:
            raise Gone(claim_id)
        return claim
