"""Repair quotes that are revised, withdrawn or approved by a second person, and work that is stopped."""

from domain.kinds import Attention, ClaimState, Outcome, RepairChoice, UseKind
from domain.money import Money
from messages.claims import ChooseRepair, Complete, Decide, QuoteRepair, StopRepair, WithdrawQuote
from messages.mail import MailKind
from tests.workflows.case import ALL_COMPONENTS, Case
from tests.workflows.world import World

RIGHT, TOO_MUCH = 98_000, 980_000
"""980.00, and a digit too many. The product's value is 2,050.00."""
PAID, RETURN = RepairChoice.PAID_REPAIR, RepairChoice.RETURN
WITHDRAW = WithdrawQuote(actor="staff", reason="a digit too many")
STOP = StopRepair(actor="staff", reason="the board cannot be had any more")


def quote(amount: int = RIGHT, by: str = "ada") -> QuoteRepair:
    return QuoteRepair(actor="staff", by=by, findings="wet board", amount=Money(amount, "USD"), warranty=False)


def choose(choice: RepairChoice = PAID, version: int | None = None, card: str = "pm_card_visa") -> ChooseRepair:
    return ChooseRepair(actor="customer", choice=choice, payment_method=card, quote_version=version)


def decide(*, approve: bool = True, by: str = "bob", reason: str = "") -> Decide:
    return Decide(actor="staff", approve=approve, by=by, reason=reason)


async def inspected(world: World) -> Case:
    case = await world.open(world.online_repair())
    await case.arrive()
    await case.inspect(components=ALL_COMPONENTS)
    return case


async def test_a_quote_is_revised_and_only_the_new_price_can_be_charged(world: World) -> None:
    """R-REP-5."""
    case = await inspected(world)
    first = await case.decide("repair_quote", quote(89_000))
    assert first.repair_quote is not None
    await case.pass_time(days=10)
    claim = await case.decide("repair_quote", quote(RIGHT))
    assert claim.repair_quote is not None
    assert (claim.state, claim.repair_quote.version, claim.repair_quote.amount.amount) == (
        ClaimState.AWAITING_CHOICE,
        2,
        RIGHT,
    )
    assert claim.repair_quote.pay_until > first.repair_quote.pay_until, "thirty days from the new quote"
    for version in (None, 1, 3):
        assert (await case.refused("repair_choice", choose(version=version))).type == "action_not_allowed"
    assert world.payments.net_paid() == 0
    claim = await case.decide("repair_choice", choose(version=2))
    assert claim.state is ClaimState.IN_SERVICE
    assert world.payments.net_paid() == RIGHT
    assert world.mail.kinds().count(MailKind.REPAIR_QUOTE) == 2
    assert (await case.refused("repair_quote", quote(1))).type == "action_not_allowed"


async def test_the_reminders_of_a_revised_quote_begin_again(world: World) -> None:
    """R-REP-5, R-REP-2."""
    case = await inspected(world)
    await case.decide("repair_quote", quote())
    await case.pass_time(days=8)
    assert world.mail.kinds().count(MailKind.REPAIR_REMINDER_7) == 1
    await case.decide("repair_quote", quote(90_000))
    await case.pass_time(days=8)
    assert world.mail.kinds().count(MailKind.REPAIR_REMINDER_7) == 2
    await case.pass_time(days=24)
    claim = await case.claim()
    assert claim.outcome is Outcome.RETURNED_UNREPAIRED


async def test_a_withdrawn_quote_can_not_be_chosen_and_another_one_follows(world: World) -> None:
    """R-REP-5: and the workshop is reminded of the unit that waits."""
    case = await inspected(world)
    await case.decide("repair_quote", quote(50_000))
    claim = await case.decide("repair_quote_withdrawal", WITHDRAW)
    assert (claim.state, claim.repair_quote, claim.deadline) == (ClaimState.INSPECTING, None, None)
    assert world.mail.kinds()[-1] is MailKind.REPAIR_QUOTE_WITHDRAWN
    assert (await case.refused("repair_choice", choose())).type == "action_not_allowed"
    claim = await case.pass_time(days=4)
    assert claim.attention == (Attention.INSPECTION_OVERDUE,)
    assert MailKind.REPAIR_REMINDER_7 not in world.mail.kinds()
    claim = await case.decide("repair_quote", quote(5_000))
    assert claim.repair_quote is not None
    assert claim.repair_quote.version == 2
    await case.decide("repair_choice", choose(version=2))
    assert world.payments.net_paid() == 5_000


async def test_a_large_quote_reaches_the_customer_when_a_second_person_approves_it(world: World) -> None:
    """R-REP-6."""
    case = await inspected(world)
    claim = await case.decide("repair_quote", quote(TOO_MUCH))
    assert (claim.state, claim.repair_quote, claim.attention) == (
        ClaimState.INSPECTING,
        None,
        (Attention.QUOTE_UNAPPROVED,),
    )
    assert MailKind.REPAIR_QUOTE not in world.mail.kinds()
    assert (await case.refused("decision", decide(by="ada"))).type == "refused"
    claim = await case.decide("decision", decide())
    assert claim.repair_quote is not None
    assert (claim.state, claim.attention, claim.repair_quote.amount.amount) == (
        ClaimState.AWAITING_CHOICE,
        (),
        TOO_MUCH,
    )
    assert world.mail.kinds()[-1] is MailKind.REPAIR_QUOTE


async def test_a_large_quote_is_dropped_or_replaced_before_it_is_approved(world: World) -> None:
    """R-REP-6, R-REP-5."""
    case = await inspected(world)
    await case.decide("repair_quote", quote(TOO_MUCH))
    assert (await case.refused("decision", decide(approve=False))).type == "invalid_request"
    claim = await case.decide("decision", decide(approve=False, by="ada", reason="a digit too many"))
    assert (claim.state, claim.attention) == (ClaimState.INSPECTING, ())
    assert (await case.refused("decision", decide())).type == "action_not_allowed"
    await case.decide("repair_quote", quote(TOO_MUCH))
    claim = await case.decide("repair_quote", quote(RIGHT))
    assert claim.repair_quote is not None
    assert (claim.state, claim.attention, claim.repair_quote.version) == (ClaimState.AWAITING_CHOICE, (), 3)
    assert MailKind.REPAIR_QUOTE_WITHDRAWN not in world.mail.kinds(), "the customer had seen none"


async def test_a_revision_that_is_large_takes_the_quote_before_it_back(world: World) -> None:
    """R-REP-6: what is about to be replaced is not chosen meanwhile."""
    case = await inspected(world)
    await case.decide("repair_quote", quote(RIGHT))
    claim = await case.decide("repair_quote", quote(TOO_MUCH))
    assert (claim.state, claim.repair_quote) == (ClaimState.INSPECTING, None)
    assert (await case.refused("repair_choice", choose(version=1))).type == "action_not_allowed"
    assert world.mail.kinds()[-1] is MailKind.REPAIR_QUOTE_WITHDRAWN
    claim = await case.decide("decision", decide())
    assert claim.repair_quote is not None
    assert claim.repair_quote.version == 2


async def test_quotes_of_a_maintenance_have_versions_too(world: World) -> None:
    """R-REP-5, R-REP-6, R-MNT-2."""
    case = await world.open(world.maintenance())
    await case.arrive()
    await case.decide("repair_quote", quote(RIGHT))
    claim = await case.decide("repair_quote_withdrawal", WITHDRAW)
    assert claim.state is ClaimState.IN_SERVICE
    await case.decide("repair_quote", quote(TOO_MUCH))
    claim = await case.decide("decision", decide())
    assert claim.state is ClaimState.AWAITING_CHOICE
    await case.decide("repair_quote_withdrawal", WITHDRAW)
    assert (await case.decide("completion", Complete(actor="warehouse"))).outcome is Outcome.SERVICED


async def test_a_use_tried_for_the_quote_before_stays_with_the_claim(world: World) -> None:
    """R-REP-3, R-REP-5: a replacement whose card declined has reserved one; it goes back when the claim ends."""
    case = await inspected(world)
    await case.decide("repair_quote", quote())
    world.payments.declines.add(("service_fees", "pm_card_visa"))
    assert (await case.refused("repair_choice", choose(RepairChoice.REPLACEMENT))).type == "payment_declined"
    claim = await case.decide("repair_quote", quote(90_000))
    assert claim.repair_quote is not None
    assert claim.repair_quote.replacement_fee is not None, "the use that it has reserved counts as left"
    await case.decide("repair_choice", choose(RETURN))
    await case.decide("completion", Complete(actor="warehouse"))
    assert world.record.uses == [UseKind.RESERVED, UseKind.GIVEN_BACK]


async def test_a_repair_in_service_is_stopped_with_its_money_back(world: World) -> None:
    """R-REP-7."""
    case = await inspected(world)
    await case.decide("repair_quote", quote())
    await case.decide("repair_choice", choose())
    claim = await case.decide("repair_stop", STOP)
    assert (claim.state, claim.outcome) == (ClaimState.CLOSED, Outcome.RETURNED_UNREPAIRED)
    assert world.payments.net_paid() == 0
    assert case.id in world.workshop.returns
    assert world.mail.kinds()[-1] is MailKind.RETURNED_UNREPAIRED


async def test_a_maintenance_in_service_is_stopped_and_its_code_is_good_again(world: World) -> None:
    """R-REP-7, R-MNT-2: a cancelled case returns its code."""
    case = await world.open(world.maintenance())
    await case.arrive()
    claim = await case.decide("repair_stop", STOP)
    assert claim.outcome is Outcome.CANCELLED
    assert case.id in world.workshop.returns


async def test_a_unit_that_goes_back_already_is_not_stopped(world: World) -> None:
    """R-REP-7."""
    case = await inspected(world)
    await case.decide("repair_quote", quote())
    await case.decide("repair_choice", choose(RETURN))
    assert (await case.refused("repair_stop", STOP)).type == "action_not_allowed"
