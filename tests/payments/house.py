"""Whole claims on real parts: the real server with time skipping, workflow, gateway, record and warehouse on SQLite.

Mail alone is a fake. Every look at a claim reads everything that is written about it and checks its invariants.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.payments import GatewayPayments
from activities.record import DatabaseRecord
from activities.registry import DatabaseRegistry
from activities.simulated_gateway import SimulatedGateway
from activities.warehouse import SimulatedWarehouse
from domain.claim import Claim
from domain.kinds import TermKind, Tier
from messages.claims import ClaimAccepted, Decision, PaymentChanged
from messages.registry import Owner, PlantTerm, RegisterDevice
from store.database import Database
from store.views import Views
from tests.fakes.outside import FakeMail
from tests.payments.claim_file import ClaimFile, claim_file
from tests.payments.invariants import Violation, violations
from tests.workflows.conftest import Case, World, of_a_claim
from workflows.parts.claim_workflow import ClaimWorkflow
from workflows.premium import CareExpressPremium

FEE, HOLD = 15_900, 164_000
_REST_SECONDS = 60.0


@dataclass
class House(World):
    """A world whose parts are real. `story` and `party` may be planted; the next `losing` answers get lost."""

    database: Database = field(kw_only=True)
    story: type = CareExpressPremium
    party: Callable[[SimulatedGateway], GatewayPayments] = GatewayPayments
    losing: int = 0
    lost_answers: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mail = FakeMail()
        self.gateway = SimulatedGateway(self.database, environment="test", lose_answers=self._loses)
        self.views = Views(self.database)

    def _loses(self, _key: str) -> bool:
        if not self.losing:
            return False
        self.losing, self.lost_answers = self.losing - 1, self.lost_answers + 1
        return True

    def worker(self) -> Worker:
        record, warehouse = DatabaseRecord(self.database, self.policy), SimulatedWarehouse(self.database)
        payments = self.party(self.gateway)
        return Worker(
            self.client,
            task_queue=self.task_queue,
            graceful_shutdown_timeout=timedelta(seconds=10),
            workflows=[self.story],
            # Twice as fast; the sandbox has tests of its own.
            workflow_runner=UnsandboxedWorkflowRunner(),
            activities=of_a_claim(record, payments, warehouse),
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

    async def claimed(self, card: str = "pm_card_visa") -> "Watched":
        """A Premium claim on a new device; it may be closed already when the card says no."""
        serial = await self.device()
        answer = await self.submit(self.express(Tier.PREMIUM, serial_number=serial, payment_method=card))
        assert isinstance(answer, ClaimAccepted), answer
        return Watched(self, answer.claim.id)


@dataclass
class Watched(Case):
    """One claim whose books are looked into."""

    file: ClaimFile | None = None

    @property
    def house(self) -> House:
        assert isinstance(self.world, House)
        return self.world

    async def claim(self) -> Claim:
        """The claim once nothing is in flight any more, and its clock has not overtaken its deadline."""
        async with asyncio.timeout(_REST_SECONDS):
            while True:
                settled = await self.handle.query(ClaimWorkflow.settled)
                claim: Claim | None = await self.handle.query(ClaimWorkflow.claim)
                over = claim and claim.deadline and await self.now() > claim.deadline + timedelta(seconds=1)
                if settled and claim and not over:
                    break
                await asyncio.sleep(0.02)
        assert claim == await self.house.views.claim(self.id), "the record says something else than the workflow"
        return claim

    async def look(self) -> list[Violation]:
        """Every broken invariant of the claim as it stands, and against the last look."""
        await self.claim()
        now = await claim_file(self.house.database, self.id, await self.now(), self.house.policy)
        assert now is not None, "there is no such claim"
        found, self.file = violations(now, self.file), now
        return found

    async def asks(self, name: str, decision: Decision) -> bool:
        """Ask for a decision; whether it was granted."""
        try:
            await self.decide(name, decision)
        except WorkflowUpdateFailedError:
            return False
        return True

    async def hears(self, payment_id: str, event_id: str) -> None:
        """The gateway's webhook for a payment reaches the claim."""
        event = PaymentChanged(event_id=event_id, actor="simulated", payment_id=payment_id)
        await self.handle.signal("payment_changed", event)

    async def dispatch(self, serial: str = "") -> Claim:
        return await super().dispatch(serial or f"RP-{uuid.uuid4().hex[:12]}".upper())

    async def good_box(self, **seen: Any) -> Claim:
        """The right unit, complete, unless told otherwise, is inspected."""
        claim = await self.claim()
        assert claim.returning is not None
        return await self.inspect(**{"serial": claim.serial_number, "components": claim.returning.expected} | seen)
