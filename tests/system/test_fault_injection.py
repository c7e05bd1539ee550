"""The local stack with an unreliable gateway: responses lost, webhooks late, repeated and out of order."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import col, select

from activities.payments.fault_injection import FaultInjection
from activities.payments.simulated.gateway import SimulatedGateway
from devstack.commands import scratch_settings
from store.database import Database
from store.tables.simulated_gateway import GatewayEventRow
from store.tables.webhook_events import WebhookEventRow
from tests.system.claims_api import ClaimsApi, Json
from tests.system.test_crashes import running

FEE, HOLD = 15900, 164000
FEE_ALONE = {"card": -FEE, "service_fees": FEE}
TROUBLE = FaultInjection(lose_answers=0.25, repeat=0.5, shuffle=True, delay_seconds=0.5)
_PATIENCE = 60


async def all_delivered(database: Database) -> dict[str, str]:
    """The state of each of the gateway's events, once all of them were accepted."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with database.snapshot() as session:
                events = (await session.exec(select(GatewayEventRow))).all()
                rows = (await session.exec(select(WebhookEventRow))).all()
            if events and all(event.delivered_at for event in events):
                assert {event.id for event in events} == {row.event_id for row in rows}
                return {row.event_id: row.state for row in rows}
            await asyncio.sleep(0.2)


async def released_by_another_party(database: Database, claim: Json) -> None:
    """The gateway releases the live hold without a request."""
    gateway = SimulatedGateway(database, environment="test")
    now = datetime.now(UTC)
    (live,) = [payment for payment in await gateway.find(claim["id"], at=now) if payment.held.amount]
    await gateway.release(live.id, key=f"{claim['id']}:by-the-bank", at=now)


async def holds(database: Database, claim: Json) -> list[str]:
    gateway = SimulatedGateway(database, environment="test")
    payments = await gateway.find(claim["id"], at=datetime.now(UTC))
    return [payment.status for payment in payments if payment.kind == "hold"]


async def default_and_late_return(claims_api: ClaimsApi) -> Json:
    claim = await claims_api.shipped()
    await claims_api.forward(claim, until="due")
    return await claims_api.returned(claim)


async def test_injected_gateway_faults_do_not_change_the_sums(tmp_path: Path) -> None:
    """Invariants 6 and 15, and R-RET-7: a hold that ended without a request is placed again, since the claim looks."""
    settings = scratch_settings(tmp_path).model_copy(update={"simulated_mischief": TROUBLE})
    database = Database(settings.database_url)
    async with running(settings) as (_, claims_api):
        good = await claims_api.returned(await claims_api.shipped())
        late = await default_and_late_return(claims_api)
        cancelled = await claims_api.judged()
        cancelled = await claims_api.post_ok(f"/claims/{cancelled['id']}/cancel")
        assert [good["outcome"], late["outcome"]] == ["hold_released", "late_return_refunded"]
        assert [await claims_api.money(claim) for claim in (good, late)] == [FEE_ALONE] * 2
        assert await claims_api.money(cancelled) == {}

        held = await claims_api.shipped()
        await released_by_another_party(database, held)
        async with asyncio.timeout(_PATIENCE):
            while await holds(database, held) != ["released", "authorized"]:
                await asyncio.sleep(0.2)
        assert await claims_api.money(held) == FEE_ALONE | {"holds_open": HOLD, "holds_placed": -HOLD}

        states = await all_delivered(database)
        assert set(states.values()) <= {"delivered", "finished"}, states
        async with database.snapshot() as session:
            kinds = select(GatewayEventRow.happened).order_by(col(GatewayEventRow.happened)).distinct()
            recorded_kinds = list((await session.exec(kinds)).all())
        assert recorded_kinds == ["authorized", "captured", "charged", "refunded", "released"]
    await database.close()
