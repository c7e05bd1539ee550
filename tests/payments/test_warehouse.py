"""The warehouse's requests: one a claim, withdrawn at most once."""

from activities.jobs import SimulatedWorkshop
from activities.warehouse import SimulatedWarehouse
from messages.claims import ShipTo
from messages.jobs import RequestReturn
from messages.warehouse import ChangeAddress, DispatchLeft, RequestDispatch, WithdrawDispatch
from store.database import Database
from store.tables.warehouse import DispatchRequestRow, WorkshopReturnRow
from store.writes.claims import close_dispatch_request
from tests.payments.requests import CLAIM, NOW, later

SHIP_TO = ShipTo(name="Ada Moreau", line1="1 Example Way", city="Springfield", postal_code="90001", country="US")
SECOND, THIRD = (SHIP_TO.model_copy(update={"line1": line}) for line in ("2 Example Way", "3 Example Way"))
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


def change(ship_to: ShipTo, instead_of: ShipTo = SHIP_TO) -> ChangeAddress:
    return ChangeAddress(claim_id=CLAIM, ship_to=ship_to, instead_of=instead_of)


async def address_of(database: Database) -> ShipTo:
    row = await request_of(database)
    assert row is not None
    return ShipTo.model_validate(row.ship_to)


async def test_the_address_of_a_request_is_corrected_and_a_late_retry_changes_nothing(database: Database) -> None:
    """R-CLM-12."""
    warehouse = SimulatedWarehouse(database)
    assert await warehouse.change_address(change(SECOND)) is None  # nothing was requested yet
    await warehouse.request_dispatch(REQUEST)
    for _ in range(2):
        assert await warehouse.change_address(change(SECOND)) is None
        assert await address_of(database) == SECOND
    assert await warehouse.change_address(change(THIRD, SECOND)) is None
    await warehouse.change_address(change(SECOND))
    assert await address_of(database) == THIRD


async def test_an_address_written_by_release_0_2_0_is_corrected(database: Database) -> None:
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    async with database.transaction() as session:
        row = await session.get_one(DispatchRequestRow, CLAIM)
        row.ship_to = {key: row.ship_to[key] for key in ("name", "line1", "line2", "city", "postal_code", "country")}
    await warehouse.change_address(change(SECOND))
    assert await address_of(database) == SECOND


async def test_the_address_of_a_unit_that_goes_back_is_corrected_beside_a_withdrawn_request(
    database: Database,
) -> None:
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=later(hours=1)))
    await SimulatedWorkshop(database).request_return(RequestReturn(claim_id=CLAIM, ship_to=SHIP_TO, at=later(hours=1)))
    assert await warehouse.change_address(change(SECOND)) is None
    async with database.transaction() as session:
        row = await session.get_one(WorkshopReturnRow, CLAIM)
        assert ShipTo.model_validate(row.ship_to) == SECOND
        row.to_do = False  # as it was reported as shipped
    assert await address_of(database) == SHIP_TO
    assert await warehouse.change_address(change(THIRD, SECOND)) == DispatchLeft()


async def test_the_address_of_a_unit_that_has_left_is_not_changed(database: Database) -> None:
    """R-CLM-12."""
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    async with database.transaction() as session:
        await close_dispatch_request(session, CLAIM)
    assert await warehouse.change_address(change(SECOND)) == DispatchLeft()
    assert await address_of(database) == SHIP_TO


def again(number: int, hours: int, **changes: object) -> RequestDispatch:
    """The unit that came back is requested once more, without a battery."""
    fields = {"number": number, "at": later(hours=hours), "serial_number": "SN2", "with_battery": False}
    return REQUEST.model_copy(update=fields | changes)


async def ship(database: Database) -> None:
    """As its dispatch is recorded."""
    async with database.transaction() as session:
        await close_dispatch_request(session, CLAIM)


async def test_a_unit_that_came_back_is_requested_again_once_a_number(database: Database) -> None:
    """R-EXP-10: also when a reset workflow repeats every request later."""
    warehouse = SimulatedWarehouse(database)
    first = await warehouse.request_dispatch(REQUEST)
    await ship(database)
    for _ in range(2):
        assert await warehouse.request_dispatch(again(1, hours=2, ship_to=SECOND)) == first
    row = await request_of(database)
    assert row is not None
    assert (row.to_do, row.requested_at, row.serial_number, row.with_battery) == (True, later(hours=2), "SN2", False)
    assert await address_of(database) == SECOND
    await ship(database)
    await warehouse.request_dispatch(REQUEST.model_copy(update={"at": later(hours=9)}))
    await warehouse.request_dispatch(again(1, hours=9))
    row = await request_of(database)
    assert row is not None
    assert not row.to_do
    await warehouse.request_dispatch(again(2, hours=9))
    row = await request_of(database)
    assert row is not None
    assert (row.to_do, row.number) == (True, 2)


async def test_it_can_be_withdrawn_requested_again_and_sent_to_another_address(database: Database) -> None:
    warehouse = SimulatedWarehouse(database)
    await warehouse.request_dispatch(REQUEST)
    await ship(database)
    await warehouse.request_dispatch(again(1, hours=2))
    assert await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=later(hours=3))) is None
    await warehouse.request_dispatch(again(1, hours=2))
    row = await request_of(database)
    assert row is not None
    assert not row.to_do
    await warehouse.request_dispatch(again(1, hours=4))
    assert await warehouse.change_address(change(SECOND)) is None
    row = await request_of(database)
    assert row is not None
    assert (row.to_do, row.withdrawn_at, await address_of(database)) == (True, None, SECOND)
    await ship(database)
    assert await warehouse.withdraw_dispatch(WithdrawDispatch(claim_id=CLAIM, at=later(hours=5))) == DispatchLeft()
