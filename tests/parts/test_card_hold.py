"""The card hold as a part: one current hold, a new one first and the old one then, each captured or refunded once."""

import pytest

from domain.hold import CapturedElsewhere, CapturedHold, DepositHold, LapsedHold, LiveHold, NoHold, UnknownHold
from domain.kinds import HoldState
from tests.domain.samples import usd
from tests.parts.conftest import CARD, Clock, Parts
from workflows.parts.card_hold import CardHold

HOLD = usd(164000)


@pytest.fixture
def hold(parts: Parts) -> CardHold:
    return CardHold(parts.record, parts.gateway)


async def placed(hold: CardHold) -> CardHold:
    await hold.place(HOLD, CARD, None)
    assert isinstance(hold.state, LiveHold)
    return hold


async def replace(parts: Parts, hold: CardHold) -> None:
    async with parts.gateway.step:
        await hold.replace(CARD, off_session=True)


async def test_a_declined_card_leaves_no_hold_and_the_next_try_has_a_key_of_its_own(
    parts: Parts, hold: CardHold
) -> None:
    parts.payments.declines.add(("hold", "pm_bad"))
    await hold.place(HOLD, "pm_bad", None)
    assert isinstance(hold.state, NoHold)
    await placed(hold)
    assert parts.purposes() == ["authorize:0", "authorize:1"]


async def test_a_renewal_places_the_new_hold_before_the_old_one_goes(parts: Parts, hold: CardHold) -> None:
    """R-RET-7."""
    await placed(hold)
    await replace(parts, hold)
    assert parts.purposes() == ["authorize:0", "authorize:1", "release:0"]
    assert isinstance(hold.state, LiveHold)
    assert (hold.state.ordinal, hold.superseded, parts.payments.live_holds()) == (1, None, 1)


async def test_after_a_declined_renewal_the_old_hold_stays(parts: Parts, hold: CardHold) -> None:
    await placed(hold)
    before = hold.state
    parts.payments.declines.add(("renewal", CARD))
    await replace(parts, hold)
    assert (hold.state, hold.superseded) == (before, None)


async def test_a_new_run_continues_the_count_and_releases_superseded_holds(parts: Parts, hold: CardHold) -> None:
    await placed(hold)
    old = hold.state
    assert isinstance(old, LiveHold)
    await replace(parts, hold)
    data = hold.data
    data.superseded = old
    again = CardHold(parts.record, parts.gateway, data)
    async with parts.gateway.step:
        await again.release_superseded()
        await again.replace(CARD, off_session=True)
    assert again.superseded is None
    assert parts.purposes()[3:] == ["release:0", "authorize:2", "release:1"]


async def test_a_capture_takes_part_of_it_once(parts: Parts, hold: CardHold) -> None:
    await placed(hold)
    captured = await hold.collect(usd(1200), "parts_charges")
    assert captured is not None
    assert captured.left == usd(1200)
    assert isinstance(hold.state, CapturedHold)
    assert await hold.collect(usd(1200), "parts_charges") is None
    assert parts.payments.net_paid() == 1200


@pytest.mark.parametrize(
    ("state", "becomes", "flagged"),
    [
        ("expired", LapsedHold, False),
        ("released", LapsedHold, False),
        ("captured", UnknownHold, True),
        ("unfit", UnknownHold, True),
    ],
)
async def test_a_refused_capture_takes_nothing_and_reports_the_known_state(
    parts: Parts, hold: CardHold, state: str, becomes: type, flagged: bool
) -> None:
    await placed(hold)
    parts.payments.refuses["capture"] = state
    assert await hold.collect(HOLD, "default_charges") is None
    assert isinstance(hold.state, becomes)
    assert ("payment_refused" in parts.attention) is flagged


async def test_a_deposit_goes_back_when_the_hold_is_let_go(parts: Parts, hold: CardHold) -> None:
    """Decision 13."""
    await placed(hold)
    async with parts.gateway.step:
        assert await hold.capture_deposit()
    assert isinstance(hold.state, DepositHold)
    assert parts.payments.net_paid() == HOLD.amount
    assert await hold.release() == HOLD
    assert await hold.release() == usd(0)
    assert parts.payments.net_paid() == 0
    assert parts.purposes() == ["authorize:0", "deposit:0", "refund-deposit"]


async def test_a_charge_out_of_a_deposit_keeps_it_and_gives_the_rest_back(parts: Parts, hold: CardHold) -> None:
    await placed(hold)
    async with parts.gateway.step:
        await hold.capture_deposit()
    assert await hold.collect(usd(1200), "parts_charges") is not None
    assert parts.payments.net_paid() == 1200
    assert await hold.release() == usd(0)


async def test_a_hold_that_has_ended_is_let_go_without_a_request(parts: Parts, hold: CardHold, clock: Clock) -> None:
    await placed(hold)
    clock.advance(days=8)
    async with parts.gateway.step:
        await hold.refresh()
    assert isinstance(hold.state, LapsedHold)
    assert hold.state.ended_as is HoldState.EXPIRED
    requests = len(parts.payments.calls)
    assert await hold.release() == usd(0)
    assert len(parts.payments.calls) == requests


async def test_a_foreign_capture_is_referred_to_staff(parts: Parts, hold: CardHold) -> None:
    await placed(hold)
    async with parts.gateway.step:
        other = CardHold(parts.record, parts.gateway, hold.data)
        await other.capture_deposit()
    fresh = CardHold(parts.record, parts.gateway)
    fresh.data.state = LiveHold(0, parts.payments.calls[0], HOLD, None)
    async with parts.gateway.step:
        await fresh.refresh()
    assert isinstance(fresh.state, CapturedElsewhere)
    assert "payment_refused" in parts.attention
    assert await fresh.collect(HOLD, "default_charges") is None
