"""A unit that came back leaves again: once a number, with its cover and use, and its task is settled (R-EXP-10)."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from domain.kinds import Attention, ClaimState, DeviceStatus
from domain.reported_events import new_unit_event
from messages.claims import ParcelArrived
from messages.record import DispatchRecorded, DispatchRefused, RecordDispatch, SaveClaim, UseReserved
from messages.registry import BindController
from store.unclaimed_parcels import Settlement, UnclaimedParcels
from tests.store.programme import NOW, Programme

AGAIN = NOW + timedelta(days=6)


async def shipped(programme: Programme) -> UseReserved:
    """With M3-2002, which was bound, and has come back."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    first = await programme.dispatch(reserved, "M3-2002")
    bound = BindController(serial_number="M3-2002", remote_controller="RC-9", bound_at=NOW, at=NOW)
    await programme.registry.bind_controller(bound)
    claim = replace(
        reserved.claim,
        state=ClaimState.AWAITING_CURE,
        replacement_serial_number="M3-2002",
        dispatched_on=first.dispatched_on,
        returning=first.returning,
        attention=(Attention.REPLACEMENT_RETURNED,),
    )
    parcel = ParcelArrived(event_id=f"{new_unit_event(claim.id)}1", actor="warehouse", arrived_at=NOW)
    await programme.record.save_claim(SaveClaim(claim=claim, run_id="run-1", version=1, events=(), unclaimed=(parcel,)))
    return reserved.model_copy(update={"claim": claim})


def again(programme: Programme, of: UseReserved, at: datetime = AGAIN, **changes: object) -> RecordDispatch:
    fields: dict[str, object] = {"number": 1}
    return programme.dispatch_of(of, "m3 2002", at).model_copy(update=fields | changes)


async def open_tasks(programme: Programme) -> list[str | None]:
    page = await UnclaimedParcels(programme.database).page(still_open=True, limit=10, cursor=None)
    return [parcel.claim_id for parcel in page.items]


async def test_it_keeps_cover_binding_and_use_and_the_window_is_fresh(programme: Programme) -> None:
    reserved = await shipped(programme)
    before = await programme.queries.device("M3-2002", NOW)
    recorded = await programme.record.record_dispatch(again(programme, reserved))
    assert isinstance(recorded, DispatchRecorded)
    assert recorded.returning is not None
    assert reserved.claim.returning is not None
    assert recorded.returning.due_at == reserved.claim.returning.due_at + timedelta(days=6)
    assert recorded.dispatched_on == reserved.claim.dispatched_on + timedelta(days=6)  # type: ignore[operator]
    after = await programme.queries.device("M3-2002", NOW)
    assert after is not None
    assert after == before
    assert (after.status, after.binding is None) == (DeviceStatus.CURRENT, False)
    assert await programme.uses("M3-2002") == (1, 0, 1)


async def test_the_task_that_it_is_here_is_settled_as_sent_back(programme: Programme) -> None:
    reserved = await shipped(programme)
    assert await open_tasks(programme) == [reserved.claim.id]
    await programme.record.record_dispatch(again(programme, reserved))
    assert await open_tasks(programme) == []
    (parcel,) = (await UnclaimedParcels(programme.database).page(still_open=False, limit=10, cursor=None)).items
    assert (parcel.settled_as, parcel.settled_by, parcel.settled_at) == (Settlement.SENT_BACK, "warehouse", AGAIN)
    claim = await programme.queries.claim(reserved.claim.id)
    assert claim is not None
    assert Attention.UNCLAIMED_ARRIVAL not in claim.attention


async def test_each_number_counts_once_and_a_reset_finds_its_first_result(programme: Programme) -> None:
    reserved = await shipped(programme)
    first = await programme.record.record_dispatch(again(programme, reserved))
    later = [again(programme, reserved, AGAIN + timedelta(days=n)) for n in range(4)]
    assert await asyncio.gather(*map(programme.record.record_dispatch, later)) == [first] * 4
    second = await programme.record.record_dispatch(again(programme, reserved, AGAIN + timedelta(days=9), number=2))
    assert second != first
    assert await programme.record.record_dispatch(again(programme, reserved, AGAIN + timedelta(days=30))) == first


async def test_no_other_unit_leaves_in_its_place(programme: Programme) -> None:
    reserved = await shipped(programme)
    for serial in ("M3-2001", "M3-2003"):
        refused = await programme.record.record_dispatch(again(programme, reserved, replacement_serial_number=serial))
        assert isinstance(refused, DispatchRefused)
        assert refused.rule == "R-EXP-10"
        assert "M3-2002" in refused.message
    assert await open_tasks(programme) == [reserved.claim.id]
