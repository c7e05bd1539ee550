"""A programme for the tests: registers devices, creates and changes claims by the activities, as a workflow does."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from activities.plans import DatabasePlans
from activities.record import DatabaseRecord
from activities.registry import DatabaseRegistry
from domain.claim import Claim, Incident
from domain.eligibility import Card
from domain.kinds import Cause, ClaimState, Outcome, ReasonCode, Service, TermKind, Tier
from domain.money import Money
from domain.policy import Policy
from messages.claims import ClaimRefused
from messages.quoted_amounts import QuotedAmounts
from messages.record import (
    ClaimEvent,
    DispatchRecorded,
    DispatchRefused,
    RecordDispatch,
    ReserveUse,
    SaveClaim,
    UseReserved,
)
from messages.registry import ActivateDevice, AddPlan, BindController, BuyPlan, Owner, PlantTerm, RegisterDevice
from store.database import Database
from store.reads.queries import Queries

NOW = datetime(2025, 11, 3, 17, 30, tzinfo=UTC)
ACTIVATED = NOW - timedelta(days=100)
FRESH = NOW - timedelta(hours=1)
"""Activated so recently that a plan can be bought (R-PUR-1)."""
CREDIT = Card("visa", "credit")


@dataclass
class Programme:
    """Activities and queries of one database. Instants are arguments; nothing reads a clock.

    A save of any run is one of the newest run, unless `newest_run` names it.
    """

    database: Database
    newest_run: str | None = None

    def __post_init__(self) -> None:
        self._saving = ""
        self.record = DatabaseRecord(self.database, Policy(), newest_run=self._run_of)
        self.registry = DatabaseRegistry(self.database)
        self.plans = DatabasePlans(self.database)
        self.queries = Queries(self.database)
        self._numbers = count(1)

    async def device(
        self,
        serial: str = "M3-2001",
        model: str = "mavic-3",
        region: str = "US",
        *,
        kind: TermKind | None = TermKind.ONE_YEAR,
        bound: bool = True,
        email: str = "ada@example.com",
        activated_at: datetime | None = ACTIVATED,
    ) -> str:
        """Registers a device, by default covered and bound since its activation. Returns its serial number."""
        owner, at = Owner(name="Ada", email=email), max(ACTIVATED, activated_at or ACTIVATED)
        register = RegisterDevice(
            serial_number=serial, model=model, region=region, owner=owner, activated_at=activated_at, at=at
        )
        stored = (await self.registry.register_device(register)).serial_number
        if kind is not None:
            starts_on = ACTIVATED.date()
            planted = PlantTerm(serial_number=serial, kind=kind, starts_on=starts_on, term_id=f"t-{stored}", at=NOW)
            await self.registry.plant_term(planted)
        if bound:
            await self.bind(serial, "RC1", ACTIVATED)
        return stored

    async def bind(self, serial: str, controller: str, bound_at: datetime, at: datetime = NOW) -> str:
        command = BindController(serial_number=serial, remote_controller=controller, bound_at=bound_at, at=at)
        return (await self.registry.bind_controller(command)).serial_number

    async def activate(self, serial: str, activated_at: datetime, at: datetime = NOW) -> str:
        command = ActivateDevice(serial_number=serial, activated_at=activated_at, at=at)
        return (await self.registry.activate_device(command)).serial_number

    def reservation(
        self,
        serial: str = "M3-2001",
        *,
        claim_id: str | None = None,
        service: Service = Service.CARE_EXPRESS,
        tier: Tier | None = Tier.PREMIUM,
        at: datetime = NOW,
        occurred_at: datetime | None = None,
        country: str = "US",
        quote: QuotedAmounts | None = None,
        replace_battery: bool = False,
        card: Card | None = CREDIT,
    ) -> ReserveUse:
        """A command that is accepted by default."""
        flyaway = service is Service.FLYAWAY
        return ReserveUse(
            claim_id=claim_id or f"clm_{next(self._numbers)}",
            service=service,
            tier=None if flyaway else tier,
            serial_number=serial,
            incident=Incident(Cause.FLYAWAY if flyaway else Cause.COLLISION, occurred_at or at - timedelta(days=1)),
            at=at,
            accepted_terms=True,
            terms_version="2025-10",
            replace_battery=replace_battery,
            ship_to_country=country,
            card=card,
            quote=quote,
        )

    async def reserve(self, command: ReserveUse) -> UseReserved:
        """The reservation, which must succeed."""
        result = await self.record.reserve_use(command)
        assert isinstance(result, UseReserved), result
        return result

    async def refused(self, command: ReserveUse) -> list[ReasonCode]:
        """The reasons of the refusal; the command must be refused and write no claim."""
        result = await self.record.reserve_use(command)
        assert isinstance(result, ClaimRefused), result
        assert await self.queries.claim(command.claim_id) is None
        return [reason.code for reason in result.reasons]

    async def save(
        self,
        claim: Claim,
        version: int = 1,
        *,
        run_id: str = "run-1",
        events: tuple[ClaimEvent, ...] = (),
        gives_back: bool = False,
    ) -> None:
        self._saving = run_id
        command = SaveClaim(claim=claim, run_id=run_id, version=version, events=events, gives_back=gives_back)
        await self.record.save_claim(command)

    async def _run_of(self, claim_id: str) -> str:
        return self.newest_run or self._saving

    async def close(self, claim: Claim, outcome: Outcome, version: int = 9, *, gives_back: bool = False) -> Claim:
        closed = replace(claim, state=ClaimState.CLOSED, outcome=outcome, closed_at=NOW)
        await self.save(closed, version, gives_back=gives_back)
        return closed

    def dispatch_of(
        self, reserved: UseReserved, serial: str, at: datetime = NOW, *, lost: bool = False
    ) -> RecordDispatch:
        return RecordDispatch(
            claim=reserved.claim,
            replacement_serial_number=serial,
            at=at,
            policy=reserved.policy,
            window_days=None if lost else reserved.window_days,
            expected=reserved.expected,
            lost=lost,
        )

    async def dispatch(
        self, reserved: UseReserved, serial: str, at: datetime = NOW, *, lost: bool = False
    ) -> DispatchRecorded:
        """The dispatch, which must succeed."""
        result = await self.record.record_dispatch(self.dispatch_of(reserved, serial, at, lost=lost))
        assert isinstance(result, DispatchRecorded), result
        return result

    async def dispatch_refused(self, reserved: UseReserved, serial: str) -> DispatchRefused:
        """The refusal of the dispatch, which must be refused."""
        result = await self.record.record_dispatch(self.dispatch_of(reserved, serial))
        assert isinstance(result, DispatchRefused), result
        return result

    async def uses(self, serial: str = "M3-2001", at: datetime = NOW) -> tuple[int, int, int]:
        """Used, reserved and left replacements as the status page counts them."""
        shown = await self.queries.device(serial, at)
        assert shown is not None
        pool = shown.care.replacements
        assert pool.used + pool.reserved + pool.left == pool.total
        return pool.used, pool.reserved, pool.left

    def plan(self, serial: str = "M3-2001", plan_id: str = "plan_1", region: str | None = None) -> BuyPlan:
        return BuyPlan(
            plan_id=plan_id, serial_number=serial, kind=TermKind.ONE_YEAR, region=region, payment_method="pm_card_visa"
        )

    def add(self, plan: BuyPlan, at: datetime = NOW) -> AddPlan:
        return AddPlan(plan=plan, price=Money(23900, "USD"), payment_id="pay_1", at=at)


def line(seq: int, kind: str = "note") -> ClaimEvent:
    """A line of a timeline."""
    return ClaimEvent(seq=seq, at=NOW + timedelta(minutes=seq), kind=kind, title=f"{kind} {seq}")
