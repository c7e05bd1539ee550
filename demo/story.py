"""What a story of the demo is: who, what happens, and how it has to end. It is told elsewhere and played here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from demo.case import Case, Ending, Report
from demo.client import Client
from demo.cover import Cover, CoverEnding, CoverReport
from demo.mailbox import Mailbox

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    title: str
    customer: str
    model: str
    region: str
    plot: str
    moral: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story(_Story):
    """A claim on a device with a new plan. `plot` is told before, `moral` once it has ended as `told`."""

    play: Callable[[Case], Awaitable[None]]
    told: Ending

    async def play_on(self, client: Client, mailbox: Mailbox, number: int, on_step: OnStep) -> Report:
        """Raises Refused, NoAnswer."""
        case = Case(client, mailbox, number, self, on_step)
        await case.register()
        await case.buy_plan()
        await self.play(case)
        return await case.report(self.told.mails)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverStory(_Story):
    """A device and its cover, without a claim. It was activated `age_days` ago."""

    play: Callable[[Cover], Awaitable[None]]
    told: CoverEnding
    age_days: int = 0

    async def play_on(self, client: Client, mailbox: Mailbox, number: int, on_step: OnStep) -> CoverReport:
        """Raises Refused, NoAnswer."""
        cover = Cover(client, mailbox, number, self, on_step)
        await cover.register(days_ago=self.age_days)
        await self.play(cover)
        return await cover.report(self.told.mails)


AnyStory = Story | CoverStory
