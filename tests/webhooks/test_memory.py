"""What is remembered of webhooks, on both engines."""

import asyncio
from datetime import timedelta

from store.database import Database
from store.tables.webhook_events import WebhookState
from store.webhook_events import ReceivedEvent, WebhookEvents, parked_events
from tests.api.conftest import NOW

EVENT = ReceivedEvent("stripe", "evt_1", "payment_intent.canceled", "clm_1", "pi_1")


async def test_the_first_stored_event_stays(database: Database) -> None:
    webhooks = WebhookEvents(database)
    assert await webhooks.state_of("stripe", "evt_1") is None
    states = [WebhookState.PARKED, WebhookState.DELIVERED, WebhookState.FINISHED]
    await webhooks.record(EVENT, WebhookState.IGNORED, NOW)
    await asyncio.gather(*(webhooks.record(EVENT, state, NOW) for state in states))
    assert await webhooks.state_of("stripe", "evt_1") is WebhookState.IGNORED
    assert await webhooks.state_of("simulated", "evt_1") is None


async def test_old_events_are_deleted_unless_parked(database: Database) -> None:
    webhooks = WebhookEvents(database)
    for number, state in enumerate(WebhookState):
        await webhooks.record(ReceivedEvent("stripe", f"evt_{number}", "charge.refunded"), state, NOW)
    await webhooks.delete_before(NOW)
    assert [await webhooks.state_of("stripe", f"evt_{n}") for n in range(4)] == list(WebhookState)
    await webhooks.delete_before(NOW + timedelta(seconds=1))
    kept = [state for state in [await webhooks.state_of("stripe", f"evt_{n}") for n in range(4)] if state]
    assert kept == [WebhookState.PARKED]


async def test_parked_events_are_listed_oldest_first_up_to_a_limit(database: Database) -> None:
    webhooks = WebhookEvents(database)
    for number in (3, 1, 2):
        at = NOW + timedelta(minutes=number)
        await webhooks.record(ReceivedEvent("stripe", f"evt_{number}", "charge.refunded"), WebhookState.PARKED, at)
    await webhooks.record(ReceivedEvent("stripe", "evt_0", "charge.refunded"), WebhookState.DELIVERED, NOW)
    async with database.snapshot() as session:
        shown = await parked_events(session, NOW, limit=2)
        later = await parked_events(session, NOW + timedelta(minutes=3))
    assert [event.event_id for event in shown] == ["evt_1", "evt_2"]
    assert [event.event_id for event in later] == ["evt_3"]
