"""Each bug planted into flyaway fees and repair quotes is caught by a check that the real workflow passes."""

from collections.abc import Awaitable, Callable

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.kinds import ClaimState
from domain.policy import Policy
from messages.claims import ChangePaymentMethod
from tests.workflows import planted_fees
from tests.workflows.test_flyaway import APPROVE
from tests.workflows.test_planted import CAUGHT
from tests.workflows.test_repair_quotes import TOO_MUCH, choose, decide, inspected, quote
from tests.workflows.world import PROCESSES, World

Check = Callable[[World], Awaitable[None]]


async def the_fee_is_off_session_and_the_claim_stays_open(world: World) -> None:
    """R-FLY-4."""
    world.payments.need_their_owner.add("pm_card_visa")
    case = await world.open(world.flyaway())
    await case.pass_time(days=2)
    assert (await case.decide("decision", APPROVE)).state is ClaimState.AWAITING_PAYMENT
    assert world.payments.net_paid() == 0
    other = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
    assert (await case.decide("payment_method", other)).state is ClaimState.AWAITING_DISPATCH
    assert world.payments.off_session == {f"{case.id}:fee:0"}


async def nobody_pays_a_price_that_they_did_not_see(world: World) -> None:
    """R-REP-5."""
    case = await inspected(world)
    await case.decide("repair_quote", quote(9_800))
    await case.decide("repair_quote", quote(98_000))
    assert (await case.refused("repair_choice", choose(version=1))).type == "action_not_allowed"
    assert world.payments.net_paid() == 0


async def two_persons_give_a_large_quote(world: World) -> None:
    """R-REP-6."""
    case = await inspected(world)
    await case.decide("repair_quote", quote(TOO_MUCH))
    assert (await case.refused("decision", decide(by="ada"))).type == "refused"


PLANTS: list[tuple[type, Check]] = [
    (planted_fees.ChargesTheAbsentOnSession, the_fee_is_off_session_and_the_claim_stays_open),
    (planted_fees.EndsTheClaimAtADecline, the_fee_is_off_session_and_the_claim_stays_open),
    (planted_fees.ChargesWhateverIsQuotedNow, nobody_pays_a_price_that_they_did_not_see),
    (planted_fees.LetsTheAuthorApprove, two_persons_give_a_large_quote),
]


@pytest.mark.parametrize(("bug", "check"), PLANTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_planted_bug_is_caught(temporal: WorkflowEnvironment, bug: type, check: Check) -> None:
    world = World(temporal.client, Policy(), processes=(bug,))
    async with world.worker():
        with pytest.raises((*CAUGHT, pytest.fail.Exception)):
            await check(world)


@pytest.mark.parametrize("check", list(dict.fromkeys(check for _, check in PLANTS)), ids=lambda check: check.__name__)
async def test_the_real_process_passes(temporal: WorkflowEnvironment, check: Check) -> None:
    world = World(temporal.client, Policy(), processes=PROCESSES)
    async with world.worker():
        await check(world)
