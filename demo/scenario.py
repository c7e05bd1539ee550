"""Demo: scenarios: a customer, the steps and the expected result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.api_client import ApiClient
from demo.claim_steps import ClaimReport, ClaimResult, ClaimSteps
from demo.cover_steps import CoverReport, CoverResult, CoverSteps
from demo.mailbox import Mailbox

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _BaseScenario:
    title: str
    customer: str
    model: str
    region: str
    given: str
    then: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimScenario(_BaseScenario):
    """A claim on a device with a new plan. `given` and `then` are printed before and after the timeline."""

    run: Callable[[ClaimSteps], Awaitable[None]]
    expected: ClaimResult

    async def run_on(self, client: ApiClient, mailbox: Mailbox, number: int, on_step: OnStep) -> ClaimReport:
        """Raises RequestRejected, ApiUnavailable."""
        steps = ClaimSteps(client, mailbox, number, self, on_step)
        await steps.register()
        await steps.buy_plan()
        await self.run(steps)
        return await steps.report(self.expected.mails)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverScenario(_BaseScenario):
    """A device and its cover, without a claim. It was activated `age_days` ago."""

    run: Callable[[CoverSteps], Awaitable[None]]
    expected: CoverResult
    age_days: int = 0

    async def run_on(self, client: ApiClient, mailbox: Mailbox, number: int, on_step: OnStep) -> CoverReport:
        """Raises RequestRejected, ApiUnavailable."""
        steps = CoverSteps(client, mailbox, number, self, on_step)
        await steps.register(days_ago=self.age_days)
        await self.run(steps)
        return await steps.report(self.expected.mails)


Scenario = ClaimScenario | CoverScenario
