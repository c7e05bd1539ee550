"""A dispatch that is undone: the original is the lineage's current unit again (R-EXP-10)."""

import asyncio
from datetime import timedelta

from domain.kinds import DeviceStatus, Outcome
from messages.record import DispatchRefused, UndoDispatch, UseReserved
from messages.registry import BindController
from tests.store.programme import NOW, Programme

LATER = NOW + timedelta(days=9)


async def _undo(programme: Programme, reserved: UseReserved) -> DispatchRefused | None:
    return await programme.record.undo_dispatch(UndoDispatch(claim=reserved.claim, at=LATER))


async def test_the_original_is_as_before_the_dispatch_and_the_use_is_left(programme: Programme) -> None:
    await programme.device()
    before = await programme.queries.device("M3-2001", NOW)
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.registry.bind_controller(
        BindController(serial_number="M3-2002", remote_controller="RC-9", bound_at=NOW, at=NOW)
    )
    assert await _undo(programme, reserved) is None
    await programme.close(reserved.claim, Outcome.CANCELLED)
    assert before is not None
    after = await programme.queries.device("M3-2001", NOW)
    assert after is not None
    assert (after.status, after.current_serial_number) == (DeviceStatus.CURRENT, "M3-2001")
    assert (after.lineage, after.binding, after.care) == (before.lineage, before.binding, before.care)
    assert await programme.queries.device("M3-2002", NOW) is None
    assert await programme.uses() == (0, 0, 2)


async def test_it_is_undone_once_whatever_is_repeated(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    assert await asyncio.gather(*(_undo(programme, reserved) for _ in range(4))) == [None] * 4
    await programme.close(reserved.claim, Outcome.CANCELLED)
    second = await programme.reserve(programme.reservation())
    await programme.dispatch(second, "M3-2003")
    assert await _undo(programme, reserved) is None
    assert await programme.uses("M3-2003") == (1, 0, 1)


async def test_a_replacement_that_has_had_a_claim_is_not_undone(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    await programme.reserve(programme.reservation("M3-2002"))
    refused = await _undo(programme, reserved)
    assert refused is not None
    assert refused.rule == "R-EXP-10"
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.status is DeviceStatus.REPLACED
