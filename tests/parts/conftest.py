"""Parts of workflows outside a workflow: with a set clock and a fake gateway, without a server."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow

from domain.policy import Policy
from tests.domain.samples import NOW, claim
from tests.fakes.external_services import FakePayments
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord, RecordData
from workflows.parts.gateway_requests import GatewayRequests

CARD = "pm_card_visa"


@dataclass
class Clock:
    """The time that `workflow.now` returns."""

    now: datetime = NOW

    def advance(self, **duration: int) -> None:
        self.now += timedelta(**duration)


class NoCalls(ActivityCalls):
    """Accepts `save_claim` only, and does nothing."""

    async def database(self, method: Any, request: Any, summary: str) -> Any:
        assert method.__name__ == "save_claim", method


class DirectGateway(GatewayRequests):
    """Sends each request to the fake gateway directly."""

    def __init__(self, record: ClaimRecord, calls: ActivityCalls, payments: FakePayments) -> None:
        super().__init__(record, calls)
        self.payments = payments

    async def send(self, method: Any, request: Any, summary: str) -> Any:
        assert self.step.locked(), "money moves only within a step"
        return await getattr(self.payments, method.__name__)(request)


@dataclass
class Parts:
    """A claim's record and its fake gateway."""

    clock: Clock
    policy: Policy = field(default_factory=Policy)
    payments: FakePayments = field(default_factory=lambda: FakePayments(hold_life=timedelta(days=7)))

    def __post_init__(self) -> None:
        self.calls = NoCalls()
        self.record = ClaimRecord(self.calls, RecordData(claim=claim(), policy=self.policy))
        self.gateway = DirectGateway(self.record, self.calls, self.payments)

    @property
    def attention(self) -> set[str]:
        return {str(flag) for flag in self.record.claim.attention}

    def purposes(self) -> list[str]:
        """The idempotency keys sent to the gateway, without the claim id."""
        return [key.partition(":")[2] for key in self.payments.calls]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(workflow, "now", lambda: clock.now)
    monkeypatch.setattr(workflow, "upsert_search_attributes", lambda _: None)
    monkeypatch.setattr(workflow, "set_current_details", lambda _: None)
    monkeypatch.setattr(workflow, "info", lambda: Run())
    monkeypatch.setattr(workflow, "patched", lambda _: True)
    return clock


@dataclass
class Run:
    run_id: str = "run-1"


@pytest.fixture
def parts(clock: Clock) -> Parts:
    return Parts(clock)
