"""Scripted whole claims on real parts: nothing is broken, and each planted bug of a process is caught by its number."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from domain.kinds import ClaimState, Component, HoldPolicy
from domain.policy import Policy
from messages.claims import CancelClaim, ResendReplacement, UndoReplacement
from store.database import Database
from tests.payments import claim_bugs as bugs
from tests.payments.claim_environment import CheckedClaim, ClaimEnvironment
from tests.payments.planted_bugs import TakesAFreshKeyPerRetry
from workflows.premium import CareExpressPremium

Look = Callable[[], Awaitable[None]]
Script = Callable[[CheckedClaim, Look], Awaitable[None]]


async def comes_back(case: CheckedClaim, look: Look) -> None:
    """On the ninth day, whole; the hold was renewed once."""
    await case.dispatch()
    await case.pass_time(days=6)
    await look()
    await case.pass_time(days=3)
    await look()
    await case.arrive()
    await case.good_box()


async def never_comes_back(case: CheckedClaim, look: Look) -> None:
    await case.dispatch()
    for _ in range(5):
        await case.pass_time(days=5)
        await look()
    await case.pass_time(days=5)


async def comes_back_late(case: CheckedClaim, look: Look) -> None:
    await case.dispatch()
    await case.pass_due()
    await look()
    await case.arrive()
    await case.good_box()


async def sends_wrong_propellers(case: CheckedClaim, look: Look) -> None:
    """The device was accepted; the second box holds parts of another make."""
    await case.dispatch()
    await case.arrive()
    claim = await case.claim()
    assert claim.returning
    await case.good_box(components=tuple(c for c in claim.returning.expected if c is not Component.PROPELLERS))
    await case.arrive()
    await case.good_box(serial="", components=(Component.PROPELLERS,), genuine=False)
    for _ in range(3):
        await case.pass_time(days=8)
        await look()


async def sends_the_new_unit_back(case: CheckedClaim, look: Look) -> None:
    """Instead of the original, which the customer keeps."""
    claim = await case.dispatch()
    await case.arrive()
    await case.good_box(serial=claim.replacement_serial_number)
    await look()
    await case.decide("replacement_undo", UndoReplacement(actor="staff", reason="keeps the original"))


async def gets_the_new_unit_again(case: CheckedClaim, look: Look) -> None:
    """It waits longer to be shipped again than a hold that cannot be renewed lasts."""
    claim = await case.dispatch()
    await case.arrive()
    await case.good_box(serial=claim.replacement_serial_number)
    await case.decide("replacement_resend", ResendReplacement(actor="staff", reason="sends the original"))
    for _ in range(3):
        await case.pass_time(days=3)
        await look()
    with contextlib.suppress(WorkflowUpdateFailedError):
        await case.dispatch(claim.replacement_serial_number or "")
        await look()
        await comes_home(case)
        return
    await case.pass_time(days=15)
    await look()
    await case.decide("replacement_undo", UndoReplacement(actor="staff", reason="keeps the original"))


async def gets_the_new_unit_again_after_the_charge(case: CheckedClaim, look: Look) -> None:
    """Against what was charged, where it was not owed, and the original comes at last."""
    claim = await case.dispatch()
    await case.pass_due()
    await case.arrive()
    await case.good_box(serial=claim.replacement_serial_number)
    if await case.accepts("replacement_resend", ResendReplacement(actor="staff", reason="sends the original")):
        await case.pass_time(days=12)
        await look()
        await case.dispatch(claim.replacement_serial_number or "")
        await case.pass_time(days=12)
        await look()
    await comes_home(case)


async def is_cancelled(case: CheckedClaim, look: Look) -> None:
    await look()
    await case.decide("cancel", CancelClaim(actor="customer"))


async def receives_a_webhook_of_its_hold(case: CheckedClaim, look: Look) -> None:
    await case.dispatch()
    await look()
    assert case.snapshot
    for payment in (*case.snapshot.holds, *case.snapshot.holds):
        await case.receive_webhook(payment.id, f"evt_{payment.id}")
    await look()
    await comes_home(case)


async def comes_home(case: CheckedClaim) -> None:
    await case.arrive()
    await case.good_box()


async def is_shipped(case: CheckedClaim, look: Look) -> None:
    await case.dispatch()


async def waits_for_stock(case: CheckedClaim, look: Look) -> None:
    """Longer than a hold that cannot be renewed lasts (R-CLM-8)."""
    for _ in range(3):
        await case.pass_time(days=3)
        await look()
    with contextlib.suppress(WorkflowUpdateFailedError):
        await case.dispatch()
        await look()
        await comes_home(case)
        return
    await case.pass_time(days=15)


async def loses_a_response(case: CheckedClaim, look: Look) -> None:
    await case.dispatch()
    case.environment.responses_to_lose = 2  # the capture's, and the next request's
    await case.pass_due()


SCRIPTS: tuple[Script, ...] = (
    comes_back,
    never_comes_back,
    comes_back_late,
    sends_wrong_propellers,
    sends_the_new_unit_back,
    gets_the_new_unit_again,
    gets_the_new_unit_again_after_the_charge,
    is_cancelled,
    receives_a_webhook_of_its_hold,
    waits_for_stock,
)
FAILS_LATER = "pm_card_chargeCustomerFail"


@dataclass(frozen=True)
class Plant:
    bug: type
    script: Script
    number: int
    card: str = "pm_card_visa"
    policy: HoldPolicy = HoldPolicy.SAVED_CARD


PLANTS = [
    Plant(bugs.ReleasesFirst, comes_back, 8),
    Plant(bugs.ReleasesFirst, comes_back, 7, FAILS_LATER),
    Plant(bugs.NeverRenews, comes_back, 8),
    Plant(bugs.CapturesTheFirstHold, never_comes_back, 7),
    Plant(bugs.ReleasesTheCurrentHoldOnly, comes_back, 7),
    Plant(bugs.ChargesOnEveryDefault, never_comes_back, 9),
    Plant(bugs.ChargesTheCardBesideTheHold, never_comes_back, 7),
    Plant(bugs.ForgetsToRefundTheFee, is_cancelled, 10),
    Plant(bugs.RefundsTheFeeOfAGoodReturn, comes_back, 9),
    Plant(bugs.ForgetsTheHoldOfAGoodReturn, comes_back, 7),
    Plant(bugs.ForgetsTheHoldOfAnUndoneReplacement, sends_the_new_unit_back, 7),
    Plant(bugs.KeepsTheDepositOfAGoodReturn, comes_back, 9, FAILS_LATER, HoldPolicy.CAPTURE_AND_REFUND),
    Plant(bugs.ChargesTheDeviceForAWrongPart, sends_wrong_propellers, 9),
    Plant(bugs.KeepsALateReturnsMoney, comes_back_late, 9),
    Plant(bugs.RefundsEveryDefault, never_comes_back, 9),
    Plant(bugs.BelievesTheWebhook, receives_a_webhook_of_its_hold, 7),
    Plant(bugs.ShipsBeforeTheFee, is_shipped, 11),
    Plant(bugs.ForgetsToCallTheWarehouseOff, is_cancelled, 10),
    Plant(bugs.ShipsWithoutAHold, waits_for_stock, 11, FAILS_LATER),
    Plant(bugs.ShipsAgainWithoutAHold, gets_the_new_unit_again, 11, FAILS_LATER),
    Plant(bugs.RenewsEveryDay, never_comes_back, 12),
    Plant(bugs.TriesAgainAndAgain, comes_back, 12, FAILS_LATER),
    Plant(bugs.ChargesAgainUnderAFreshKey, is_shipped, 5),
]


@asynccontextmanager
async def opened(
    temporal: WorkflowEnvironment, database: Database, card: str, policy: HoldPolicy, **plant: object
) -> AsyncIterator[CheckedClaim]:
    environment = ClaimEnvironment(temporal.client, Policy(hold_policy=policy), database=database, **plant)  # type: ignore[arg-type]
    async with environment.worker():
        yield await environment.claimed(card)


async def broken(case: CheckedClaim, script: Script) -> set[int]:
    """The numbers of the invariants that were broken at any look."""
    numbers: set[int] = set()

    async def look() -> None:
        numbers.update(violation.number for violation in await case.look())

    await script(case, look)
    await look()
    return numbers


@pytest.mark.parametrize(
    ("card", "policy"),
    [("pm_card_visa", HoldPolicy.SAVED_CARD), *((FAILS_LATER, policy) for policy in HoldPolicy)],
)
async def test_the_real_process_breaks_nothing(
    temporal: WorkflowEnvironment, sqlite_database: Database, card: str, policy: HoldPolicy
) -> None:
    environment = ClaimEnvironment(temporal.client, Policy(hold_policy=policy), database=sqlite_database)
    async with environment.worker():
        cases = [await environment.claimed(card) for _ in SCRIPTS]
        found = await asyncio.gather(*(broken(case, script) for case, script in zip(cases, SCRIPTS, strict=True)))
        assert found == [set()] * len(SCRIPTS), [(case.id, await case.look()) for case in cases]
        last = await environment.claimed(card)
        assert await broken(last, loses_a_response) == set()
        assert environment.lost_responses == 2


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.bug.__name__}-{plant.number}")
async def test_each_planted_bug_is_caught(
    temporal: WorkflowEnvironment, sqlite_database: Database, plant: Plant
) -> None:
    async with opened(temporal, sqlite_database, plant.card, plant.policy, workflow_type=plant.bug) as case:
        assert plant.number in await broken(case, plant.script)


async def test_a_fresh_key_for_every_retry_is_caught(temporal: WorkflowEnvironment, sqlite_database: Database) -> None:
    fresh = {"workflow_type": CareExpressPremium, "payments_of": TakesAFreshKeyPerRetry}
    async with opened(temporal, sqlite_database, "pm_card_visa", HoldPolicy.SAVED_CARD, **fresh) as case:
        assert 5 in await broken(case, is_shipped)


async def test_a_claim_with_a_declined_card_costs_nothing(
    temporal: WorkflowEnvironment, sqlite_database: Database
) -> None:
    async with opened(temporal, sqlite_database, "pm_card_chargeDeclined", HoldPolicy.SAVED_CARD) as case:
        snapshot = await case.environment.queries.claim(case.id)
        assert snapshot is not None
        assert snapshot.state is ClaimState.CLOSED
        assert await case.look() == []
