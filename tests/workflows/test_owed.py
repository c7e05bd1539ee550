"""What is owed stays payable and waivable, whatever ended the claim; then it ends, and the lineage is free."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.kinds import Action, Attention, ClaimState, Outcome
from domain.lifecycle import allowed_actions
from domain.policy import Policy
from messages.claims import ChangePaymentMethod, Waive
from tests.workflows.case import WITHOUT_BATTERY, Case
from tests.workflows.world import World

FEE, HOLD = 15900, 164000
Worlds = Callable[..., World]
Ends = Callable[[Case], Awaitable[None]]
PAY = ChangePaymentMethod(actor="customer", payment_method="pm_card_amex")
WAIVE = Waive(actor="staff", reason="goodwill")


async def owing(world: World) -> Case:
    """The default was due, the hold had lapsed and the saved card declined."""
    world.payments.hold_life = timedelta(days=7)
    world.payments.declines |= {("renewal", "pm_card_visa"), ("default_charges", "pm_card_visa")}
    case = await world.shipped()
    claim = await case.pass_due()
    assert (claim.state, claim.amount_owed.amount) == (ClaimState.DEFAULTED, HOLD)
    return case


async def cancelled_in_the_ui(case: Case) -> None:
    await case.handle.cancel()


async def cancelled_after_it_was_closed(case: Case) -> None:
    await case.pass_time(days=11)
    await case.pass_time(days=31)
    await case.handle.cancel()


async def brought_back_late(case: Case) -> None:
    await case.arrive()
    await case.inspect(components=WITHOUT_BATTERY)


ENDS: list[tuple[Ends, Outcome]] = [
    (cancelled_in_the_ui, Outcome.DEFAULT_CHARGED),
    (cancelled_after_it_was_closed, Outcome.DEFAULT_CHARGED),
    (brought_back_late, Outcome.LATE_RETURN_REFUNDED),
]


@pytest.mark.parametrize(("ends", "outcome"), ENDS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("waived", [False, True], ids=["paid", "waived"])
async def test_what_is_owed_stays_payable_and_waivable(
    make_world: Worlds, ends: Ends, outcome: Outcome, waived: bool
) -> None:
    world = make_world(policy=Policy(late_fee=4_900))
    async with world.worker():
        case = await owing(world)
        await ends(case)
        claim = await case.claim()
        owed = claim.amount_owed.amount
        assert (claim.state, claim.outcome) == (ClaimState.CLOSED, outcome)
        assert owed
        assert allowed_actions(claim) == (Action.WAIVER, Action.PAYMENT_METHOD)
        claim = await (case.decide("waiver", WAIVE) if waived else case.decide("payment_method", PAY))
        assert (claim.amount_owed.amount, Attention.AMOUNT_OWED in claim.attention) == (0, False)
        assert world.payments.net_paid() == (FEE if waived else FEE + owed)
        await case.handle.result()
        described = await case.handle.describe()
        assert described.status is WorkflowExecutionStatus.COMPLETED
