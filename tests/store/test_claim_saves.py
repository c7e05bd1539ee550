"""Saves of a claim: the newest version is stored, attention codes and uses follow it."""

from dataclasses import replace

from sqlmodel import select

from domain.kinds import Attention, ClaimState, Outcome, TermKind
from store.tables.claims import AttentionRow
from tests.store.programme import NOW, Programme, line


async def test_saving_the_same_version_again_changes_nothing(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    held = replace(claim, state=ClaimState.AWAITING_DISPATCH, attention=(Attention.HOLD_AT_RISK,))
    await programme.save(held, 1, events=(line(1), line(2)))
    await programme.save(held, 1, events=(line(1), line(2)))
    await programme.save(replace(held, state=ClaimState.SUBMITTED), 1)
    await programme.save(replace(held, state=ClaimState.SUBMITTED), 0)
    assert await programme.queries.claim(claim.id) == held
    assert [event.title for event in await programme.queries.events(claim.id)] == ["note 1", "note 2"]


async def test_a_reset_workflow_overwrites_the_claim_and_keeps_the_old_timeline(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    await programme.save(replace(claim, state=ClaimState.AWAITING_RETURN), 7, events=(line(1), line(2, "first")))
    again = replace(claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(again, 2, run_id="run-2", events=(line(2, "second"),))
    assert await programme.queries.claim(claim.id) == again
    assert [event.title for event in await programme.queries.events(claim.id)] == ["note 1", "first 2", "second 2"]


async def test_a_late_save_of_the_run_before_a_reset_overwrites_nothing(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    awaiting = replace(claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(awaiting, 1)
    after_reset = replace(awaiting, attention=(Attention.HOLD_AT_RISK,))
    await programme.save(after_reset, 1, run_id="run-2", events=(line(1, "second"),))
    programme.newest_run = "run-2"
    late = replace(claim, state=ClaimState.CLOSED, outcome=Outcome.CANCELLED, closed_at=NOW)
    await programme.save(late, 2, events=(line(2, "late"),))
    assert await programme.queries.claim(claim.id) == after_reset
    assert [event.title for event in await programme.queries.events(claim.id)] == ["second 1", "late 2"]
    await programme.save(replace(awaiting, state=ClaimState.AWAITING_RETURN), 2, run_id="run-2")
    stored = await programme.queries.claim(claim.id)
    assert stored is not None
    assert (stored.state, stored.attention) == (ClaimState.AWAITING_RETURN, ())


async def test_attention_codes_are_those_of_the_newest_save(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    both = replace(claim, attention=(Attention.HOLD_AT_RISK, Attention.FOREIGN_SERIAL))
    for version, attention in enumerate((both.attention, (Attention.FOREIGN_SERIAL, Attention.REFUND_DUE), ()), 1):
        await programme.save(replace(claim, attention=attention), version)
        async with programme.database.snapshot() as session:
            rows = await session.exec(select(AttentionRow.code).where(AttentionRow.claim_id == claim.id))
            assert set(rows) == {a.value for a in attention}


async def test_a_use_is_given_back_once_and_never_after_it_was_consumed(programme: Programme) -> None:
    await programme.device(kind=TermKind.TWO_YEARS)
    first = await programme.reserve(programme.reservation())
    await programme.close(first.claim, Outcome.CANCELLED, 2, gives_back=True)
    await programme.close(first.claim, Outcome.CANCELLED, 3, gives_back=True)
    assert await programme.uses() == (0, 0, 4)
    second = await programme.reserve(programme.reservation())
    await programme.dispatch(second, "M3-2002")
    await programme.close(second.claim, Outcome.DEFAULT_CHARGED, gives_back=True)
    assert await programme.uses("M3-2002") == (1, 0, 3)


async def test_a_dispatched_unit_consumes_the_use_even_after_it_was_given_back(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.close(reserved.claim, Outcome.CANCELLED, gives_back=True)
    await programme.save(replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH), 1, run_id="run-2")
    await programme.dispatch(reserved, "M3-2002")
    assert await programme.uses("M3-2002") == (1, 0, 1)


async def test_a_claim_reopened_beside_a_newer_one_is_saved(programme: Programme) -> None:
    await programme.device()
    old = await programme.reserve(programme.reservation())
    await programme.close(old.claim, Outcome.CANCELLED, gives_back=True)
    new = await programme.reserve(programme.reservation())
    reopened = replace(old.claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(reopened, 1, run_id="run-2")
    assert await programme.queries.claim(old.claim.id) == reopened
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.open_claim_id == new.claim.id
