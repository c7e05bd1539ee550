"""Service jobs on the real server: online repair and maintenance."""

from datetime import timedelta

import pytest

from domain.claim import Parcel
from domain.kinds import ClaimState, Component, Outcome, PartsChoice, RepairChoice, Service, UseKind
from domain.money import Money
from messages.claims import CancelClaim, ChooseParts, ChooseRepair, ClaimRefused, Complete, QuoteRepair
from messages.mail import MailKind
from tests.workflows.case import ALL_COMPONENTS, Case
from tests.workflows.world import World

FEE, PROPELLERS, REPAIR = 15900, 1200, 32000
NO_PROPELLERS = (Component.AIRCRAFT, Component.GIMBAL_CAMERA, Component.BATTERY)
DONE = Complete(actor="warehouse", tracking_number="1Z")


def quote(*, warranty: bool = False) -> QuoteRepair:
    return QuoteRepair(actor="staff", findings="cracked arm", amount=Money(REPAIR, "USD"), warranty=warranty)


def choose(choice: RepairChoice, card: str | None = "pm_card_visa") -> ChooseRepair:
    return ChooseRepair(actor="customer", choice=choice, payment_method=card)


async def quoted(world: World, components: tuple[Component, ...] = ALL_COMPONENTS, *, warranty: bool = False) -> Case:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.inspect(components=components)
    await case.decide("repair_quote", quote(warranty=warranty))
    return case


async def test_a_paid_repair_comes_back_repaired_and_uses_nothing(world: World) -> None:
    """R-REP-1, R-REP-3."""
    case = await quoted(world)
    assert (await case.claim()).state is ClaimState.AWAITING_CHOICE
    claim = await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    assert (claim.state, claim.fee.amount) == (ClaimState.IN_SERVICE, REPAIR)
    claim = await case.decide("completion", DONE)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.REPAIRED)
    assert claim.shipment == Parcel(None, "1Z")
    assert world.payments.net_paid() == REPAIR
    assert world.record.uses == []
    assert await case.handle.result() == "repaired"
    assert world.mail.kinds() == [
        MailKind.REPAIR_LABEL,
        MailKind.ARRIVED,
        MailKind.REPAIR_QUOTE,
        MailKind.REPAIRED,
    ]


async def test_a_warranty_repair_costs_and_uses_nothing(world: World) -> None:
    """R-REP-1, R-PLN-4."""
    case = await quoted(world, warranty=True)
    await case.decide("repair_choice", choose(RepairChoice.WARRANTY_REPAIR, None))
    assert (await case.decide("completion", DONE)).outcome is Outcome.REPAIRED
    assert world.payments.net_paid() == 0
    assert world.record.uses == []


async def test_a_warranty_that_has_ended_covers_nothing(world: World) -> None:
    """R-PLN-4."""
    world.jobs.warranty_days = -1
    case = await world.open(world.online_repair())
    await case.arrive()
    assert (await case.refused("repair_quote", quote(warranty=True))).details[0]["rule"] == "R-PLN-4"
    assert (await case.decide("repair_quote", quote())).state is ClaimState.AWAITING_CHOICE
    error = await case.refused("repair_choice", choose(RepairChoice.WARRANTY_REPAIR, None))
    assert error.type == "action_not_allowed"


async def test_a_part_of_another_make_holds_a_replacement_back(world: World) -> None:
    """R-CMP-1, R-REP-3: it is a missing part until a right one has come."""
    case = await world.open(world.online_repair())
    await case.arrive()
    claim = await case.inspect(genuine=False, not_genuine=(Component.PROPELLERS,))
    assert [part.component for part in claim.missing] == [Component.PROPELLERS]
    await case.decide("repair_quote", quote())
    claim = await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    assert claim.state is ClaimState.AWAITING_PARTS
    await case.arrive()
    claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert (claim.state, claim.missing) == (ClaimState.AWAITING_DISPATCH, ())


async def test_a_replacement_instead_of_a_repair_draws_a_use(world: World) -> None:
    """R-REP-3."""
    case = await quoted(world)
    claim = await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    assert claim.state is ClaimState.AWAITING_DISPATCH
    assert (await case.dispatch()).outcome is Outcome.REPLACED
    assert world.payments.net_paid() == FEE
    assert world.record.uses == [UseKind.RESERVED, UseKind.CONSUMED]


@pytest.mark.parametrize("choice", list(PartsChoice))
async def test_a_replacement_waits_for_the_covered_parts(world: World, choice: PartsChoice) -> None:
    """R-REP-3 through R-CMP-1."""
    case = await quoted(world, NO_PROPELLERS)
    claim = await case.decide("repair_choice", choose(RepairChoice.REPLACEMENT))
    assert claim.state is ClaimState.AWAITING_PARTS
    claim = await case.decide("parts_choice", ChooseParts(actor="customer", choice=choice))
    if choice is PartsChoice.SEND:
        await case.arrive()
        claim = await case.inspect(serial="", components=(Component.PROPELLERS,))
    assert claim.state is ClaimState.AWAITING_DISPATCH
    assert world.payments.net_paid() == FEE + (PROPELLERS if choice is PartsChoice.PAY else 0)


async def test_without_a_use_left_a_replacement_is_not_offered(world: World) -> None:
    """R-CLM-5, R-REP-1."""
    world.jobs.uses_left = 0
    case = await quoted(world)
    claim = await case.claim()
    assert claim.repair_quote
    assert claim.repair_quote.replacement_fee is None
    assert (await case.refused("repair_choice", choose(RepairChoice.REPLACEMENT))).type == "action_not_allowed"


async def test_a_quote_without_a_choice_is_reminded_of_and_the_unit_sent_back_after_thirty_days(world: World) -> None:
    """R-REP-2."""
    case = await quoted(world)
    claim = await case.claim()
    assert claim.deadline
    claim = await case.pass_until(claim.deadline - timedelta(seconds=5))
    assert claim.state is ClaimState.AWAITING_CHOICE
    assert world.mail.kinds()[-3:] == [
        MailKind.REPAIR_REMINDER_7,
        MailKind.REPAIR_REMINDER_23,
        MailKind.REPAIR_REMINDER_29,
    ]
    claim = await case.pass_time(seconds=8)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.RETURNED_UNREPAIRED)
    assert case.id in world.workshop.returns
    assert world.payments.net_paid() == 0


async def test_the_unit_can_be_returned_unrepaired(world: World) -> None:
    """R-REP-1."""
    case = await quoted(world)
    claim = await case.decide("repair_choice", choose(RepairChoice.RETURN, None))
    assert claim.state is ClaimState.IN_SERVICE
    assert case.id in world.workshop.returns
    assert (await case.decide("completion", DONE)).outcome is Outcome.RETURNED_UNREPAIRED


async def test_a_declined_card_leaves_the_choice_open(world: World) -> None:
    """R-REP-2: and a use reserved for a replacement goes back when another option is chosen."""
    case = await quoted(world)
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    assert (await case.refused("repair_choice", choose(RepairChoice.REPLACEMENT))).type == "payment_declined"
    assert (await case.claim()).state is ClaimState.AWAITING_CHOICE
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    assert world.payments.net_paid() == REPAIR
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_what_costs_something_needs_a_payment_method(world: World) -> None:
    case = await quoted(world)
    error = await case.refused("repair_choice", choose(RepairChoice.PAID_REPAIR, None))
    assert error.type == "invalid_request"


async def test_a_board_swap_keeps_the_lineage_and_draws_no_use(world: World) -> None:
    """R-REP-4."""
    case = await quoted(world)
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    claim = await case.decide("completion", Complete(actor="warehouse", repaired_serial_number="SN1-B"))
    assert claim.replacement_serial_number == "SN1-B"
    assert world.record.uses == []


async def test_a_unit_that_never_comes_lapses(world: World) -> None:
    case = await world.open(world.online_repair())
    claim = await case.pass_due()
    assert claim.outcome is Outcome.LAPSED


async def test_a_repair_can_be_cancelled_until_the_unit_arrives(world: World) -> None:
    case = await world.open(world.online_repair())
    assert (await case.decide("cancel", CancelClaim(actor="customer"))).outcome is Outcome.CANCELLED
    late = await world.open(world.online_repair())
    await late.arrive()
    assert (await late.refused("cancel", CancelClaim(actor="customer"))).type == "action_not_allowed"


async def test_a_maintenance_job_is_serviced_and_sent_back(world: World) -> None:
    """R-MNT-2."""
    case = await world.open(world.maintenance())
    claim = await case.arrive()
    assert (claim.service, claim.state) == (Service.MAINTENANCE, ClaimState.IN_SERVICE)
    claim = await case.decide("completion", DONE)
    assert claim.outcome is Outcome.SERVICED
    assert (world.payments.net_paid(), world.record.uses) == (0, [])


async def test_issues_found_in_maintenance_lead_to_a_repair_quote(world: World) -> None:
    """R-MNT-2, edge case 56."""
    case = await world.open(world.maintenance())
    await case.arrive()
    assert (await case.decide("repair_quote", quote())).state is ClaimState.AWAITING_CHOICE
    await case.decide("repair_choice", choose(RepairChoice.PAID_REPAIR))
    assert (await case.decide("completion", DONE)).outcome is Outcome.REPAIRED
    assert world.payments.net_paid() == REPAIR


async def test_a_code_of_another_device_starts_nothing(world: World) -> None:
    """R-MNT-2."""
    result = await world.submit(world.maintenance("MNT-OTHER"))
    assert isinstance(result, ClaimRefused)
    assert not world.record.claims
