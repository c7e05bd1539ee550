"""Whole claims on real parts: the Temporal server with time skipping, workflow, gateway, record, warehouse on SQLite.

Only mail is a fake. `CheckedClaim.look` reads everything that is written about a claim and checks its invariants.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.worker import Worker

from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from activities.record import DatabaseRecord
from activities.registry import DatabaseRegistry
from activities.warehouse import SimulatedWarehouse
from domain.claim import Claim
from domain.kinds import TermKind, Tier
from domain.money import Money
from messages.claims import ClaimAccepted, Decision, PaymentChanged
from messages.registry import Owner, PlantTerm, RegisterDevice
from store.database import Database
from store.reads.queries import Queries
from store.reported_events import OUTSIDE_CODES
from tests.fakes.external_services import FakeMail
from tests.payments.claim_snapshot import ClaimSnapshot, claim_snapshot
from tests.payments.invariants import Violation, violations
from tests.workflows.case import Case, answer
from tests.workflows.checked_runner import CheckedRunner
from tests.workflows.world import World, claim_activities
from workflows.parts.claim_workflow import ClaimWorkflow
from workflows.premium import CareExpressPremium

FEE, HOLD = 15_900, 164_000
_REST_SECONDS = 60.0


@dataclass
class ClaimEnvironment(World):
    """A world with real parts. `workflow_type` and `payments_of` may have planted bugs; the next `responses_to_lose`
    responses of the gateway are lost."""

    database: Database = field(kw_only=True)
    workflow_type: type = CareExpressPremium
    payments_of: Callable[[SimulatedGateway], GatewayPayments] = GatewayPayments
    responses_to_lose: int = 0
    lost_responses: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mail = FakeMail()
        self.gateway = SimulatedGateway(self.database, environment="test", lose_responses=self._loses)
        self.queries = Queries(self.database)

    def _loses(self, _key: str) -> bool:
        if not self.responses_to_lose:
            return False
        self.responses_to_lose, self.lost_responses = self.responses_to_lose - 1, self.lost_responses + 1
        return True

    def worker(self) -> Worker:
        record, warehouse = DatabaseRecord(self.database, self.policy), SimulatedWarehouse(self.database)
        payments = self.payments_of(self.gateway)
        return Worker(
            self.client,
            task_queue=self.task_queue,
            graceful_shutdown_timeout=timedelta(seconds=10),
            workflows=[self.workflow_type],
            # Twice as fast; the sandbox has tests of its own.
            workflow_runner=CheckedRunner(),
            activities=claim_activities(record, payments, warehouse),
        )

    async def device(self) -> str:
        """The serial number of a new device, covered for a year."""
        registry, bought = DatabaseRegistry(self.database), datetime.now(UTC) - timedelta(days=30)
        serial = f"SN-{uuid.uuid4().hex[:12]}".upper()
        owner = Owner(name="Ada", email="ada@example.com")
        register = RegisterDevice(
            serial_number=serial, model="mavic-3", region="US", owner=owner, activated_at=bought, at=bought
        )
        await registry.register_device(register)
        term = PlantTerm(
            serial_number=serial, kind=TermKind.ONE_YEAR, starts_on=bought.date(), term_id=f"t-{serial}", at=bought
        )
        await registry.plant_term(term)
        return serial

    async def claimed(self, card: str = "pm_card_visa") -> "CheckedClaim":
        """A Premium claim on a new device; it is closed already when the card is declined."""
        serial = await self.device()
        result = await self.submit(self.care_express(Tier.PREMIUM, serial_number=serial, payment_method=card))
        assert isinstance(result, ClaimAccepted), result
        return CheckedClaim(self, result.claim.id)


@dataclass
class CheckedClaim(Case):
    """One claim whose invariants are checked."""

    snapshot: ClaimSnapshot | None = None

    @property
    def environment(self) -> ClaimEnvironment:
        assert isinstance(self.world, ClaimEnvironment)
        return self.world

    async def claim(self) -> Claim:
        """The claim at rest: nothing is in flight, no deadline has passed, and the record agrees with it."""
        claim: Claim | None = None
        try:
            async with asyncio.timeout(_REST_SECONDS):
                while True:
                    settled = await answer(self.handle, ClaimWorkflow.settled)
                    claim = await answer(self.handle, ClaimWorkflow.claim)
                    over = claim and claim.deadline and await self.now() > claim.deadline + timedelta(seconds=1)
                    # Three reads at three moments: a claim that moved on in between is read again.
                    if settled and claim and not over and claim == await self._recorded():
                        return claim
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"the claim does not come to rest, or the record differs from it: {claim}") from None

    async def _recorded(self) -> Claim | None:
        """The claim of the record, without what the workflow does not know."""
        recorded = await self.environment.queries.claim(self.id)
        known = tuple(code for code in recorded.attention if code not in OUTSIDE_CODES) if recorded else ()
        return replace(recorded, attention=known) if recorded else None

    async def look(self) -> list[Violation]:
        """Every broken invariant of the claim as it stands, and against the last look."""
        while True:
            claim = await self.claim()
            now = await claim_snapshot(self.environment.database, self.id, await self.now(), self.environment.policy)
            # The clock of other claims is this one's too: what moved on while it was read is read again.
            if claim == await self.claim():
                break
        assert now is not None, "there is no such claim"
        found, self.snapshot = violations(now, self.snapshot), now
        return found

    async def accepts(self, name: str, decision: Decision) -> bool:
        """Send a decision; whether it was accepted."""
        try:
            await self.decide(name, decision)
        except WorkflowUpdateFailedError:
            return False
        return True

    async def receive_webhook(self, payment_id: str, event_id: str) -> None:
        """The gateway's webhook for a payment reaches the claim."""
        event = PaymentChanged(event_id=event_id, actor="simulated", payment_id=payment_id)
        await self.handle.signal("payment_changed", event)

    async def capture_by_hand(self, part: int = 1) -> str:
        """Somebody captures the live hold, or a `part`-th of it, on the gateway's pages. Returns the payment's id."""
        gateway, now = self.environment.gateway, await self.now()
        self.environment.responses_to_lose = 0
        (hold,) = [each for each in await gateway.find(self.id, at=now) if each.status == "authorized"]
        amount = Money(hold.amount.amount // part, hold.amount.currency)
        await gateway.capture(hold.id, amount, key=f"by-hand:{hold.id}", at=now)
        return hold.id

    async def dispatch(self, serial: str = "") -> Claim:
        return await super().dispatch(serial or f"RP-{uuid.uuid4().hex[:12]}".upper())

    async def good_box(self, **seen: Any) -> Claim:
        """Inspect the right unit, complete unless given otherwise."""
        claim = await self.claim()
        assert claim.returning is not None
        return await self.inspect(**{"serial": claim.serial_number, "components": claim.returning.expected} | seen)
