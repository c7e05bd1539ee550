"""What the gateway reports about payments that nobody asked for: flagged, and what it did is booked."""

import pytest

from domain.kinds import Attention, Outcome
from messages.claims import PaymentChanged
from tests.workflows.case import WITHOUT_BATTERY
from tests.workflows.world import World

EVENTS = [
    ("charge.dispute.created", Attention.PAYMENT_DISPUTED),
    ("charge.dispute.funds_withdrawn", Attention.PAYMENT_DISPUTED),
    ("refund.failed", Attention.PAYMENT_DIFFERS),
    ("charge.refund.updated", Attention.PAYMENT_DIFFERS),
]


@pytest.mark.parametrize(("kind", "attention"), EVENTS)
async def test_a_dispute_or_a_failed_refund_is_flagged_and_booked(
    world: World, kind: str, attention: Attention
) -> None:
    case = await world.shipped()
    event = PaymentChanged(event_id="evt_1", actor="stripe", payment_id=f"{case.id}:fee", kind=kind)
    await case.handle.signal("payment_changed", event)
    claim = await case.claim()
    assert claim.attention == (attention,)
    assert world.record.kinds().count("payment_event") == 1
    await case.arrive()
    claim = await case.inspect(components=WITHOUT_BATTERY)
    assert (claim.outcome, claim.attention) == (Outcome.HOLD_RELEASED, (attention,))
    compared = [event for event in (await case.handle.fetch_history()).events if "compare_payments" in str(event)]
    assert compared


async def test_an_ordinary_event_flags_nothing(world: World) -> None:
    case = await world.shipped()
    event = PaymentChanged(event_id="evt_1", actor="stripe", payment_id=f"{case.id}:fee", kind="charge.refunded")
    await case.handle.signal("payment_changed", event)
    assert (await case.claim()).attention == ()
