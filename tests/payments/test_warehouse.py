"""The warehouse's requests: one a claim, withdrawn at most once."""

from activities.warehouse import SimulatedWarehouse
from messages.claims import ShipTo
from messages.warehouse import DispatchLeft, RequestDispatch, WithdrawDispatch
from store.database import Database
from store.tables.warehouse import DispatchRequestRow
from store.writes.claims import close_dispatch_request
from tests.payments.requests import CLAIM, NOW, later

SHIP_TO = ShipTo(name="Ada Moreau", line1="1 Example Way", city="Springfield", postal_code="90001", country="US")
REQUEST = RequestDispatch(claim_id=CLAIM, model="mavic-3", region="US", with_battery=True, ship_to=SHIP_TO, at=NOW)


async def request_of(database: Database, claim_id: str = CLAIM) -> DispatchRequestRow | None:
    async with database.snapshot() as session:
        return await session.get(DispatchRequestRow, claim_id)


async def test_a_dispatch_is_requested_once(database: Database) -> None:
    warehouse = SimulatedWarehouse(database)
    first = await warehouse.request_dispatch(REQUEST)
    again = await warehouse.request_dispatch(REQUEST.model_copy(update={"model": "mini-3", "at": later(days=1)}))
    assert again == first
    row = await request_of(database)
    assert row is not None
    assert (row.reference, row.model, row.with_battery, row.requested_at) == (first.reference, "mavic-3", True, NOW)
    assert ShipTo.model_validate(row.ship_to) == SHIP_TO
    assert row.withdrawn_at is None


async def test_a_withdrawal_is_dated_once(database: Database) -> None:
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    for moment in (later(hours=1), later(hours=2)):
        await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=moment))
    row = await request_of(database)
    assert row is not None
    assert row.withdrawn_at == later(hours=1)


async def test_withdrawing_an_unrequested_dispatch_does_nothing(database: Database) -> None:
    await SimulatedWarehouse(database).withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=NOW))
    assert await request_of(database) is None


async def test_a_withdrawn_request_opens_again_for_a_later_one_and_not_for_a_retry(database: Database) -> None:
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=later(hours=1)))
    await warehouse.request_dispatch(REQUEST)  # a retry that comes late
    row = await request_of(database)
    assert row is not None
    assert (row.withdrawn_at, row.to_do) == (later(hours=1), False)
    await warehouse.request_dispatch(REQUEST.model_copy(update={"at": later(hours=2)}))
    await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=later(hours=1)))  # a retry that comes late
    row = await request_of(database)
    assert row is not None
    assert (row.requested_at, row.withdrawn_at, row.to_do) == (later(hours=2), None, True)


async def test_a_unit_that_has_left_cannot_be_withdrawn(database: Database) -> None:
    """R-EXP-9, edge case 27."""
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    async with database.transaction() as session:
        await close_dispatch_request(session, CLAIM)  # as its dispatch was recorded
    withdrawal = WithdrawDispatch(claim_id=CLAIM, at=later(hours=1))
    assert await warehouse.withdraw_dispatch(withdrawal) == DispatchLeft()
    row = await request_of(database)
    assert row is not None
    assert row.withdrawn_at is None
