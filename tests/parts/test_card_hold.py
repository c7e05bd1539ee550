"""The card hold as a part: one current hold, a new one first and the old one then, each captured or refunded once."""

import dataclasses

import pytest

from domain.hold import CapturedElsewhere, CapturedHold, DepositHold, LapsedHold, LiveHold, NoHold, UnknownHold
from domain.kinds import HoldState
from tests.domain.samples import usd
from tests.parts.conftest import CARD, Clock, Parts
from workflows.parts.card_hold import CardHold
from workflows.parts.hold_data import CapturedPayment, Division

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
        ("expired", LapsedHold, ""),
        ("released", LapsedHold, ""),
        ("captured", UnknownHold, "payment_refused"),
        ("unfit", UnknownHold, "payment_misconfigured"),
        ("KeyReused", UnknownHold, "payment_misconfigured"),
    ],
)
async def test_a_refused_capture_takes_nothing_and_reports_the_known_state(
    parts: Parts, hold: CardHold, state: str, becomes: type, flagged: str
) -> None:
    await placed(hold)
    parts.payments.refuses["capture"] = state
    assert await hold.collect(HOLD, "default_charges") is None
    assert isinstance(hold.state, becomes)
    assert parts.attention == ({flagged} if flagged else set())


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
    assert parts.purposes() == ["authorize:0", "deposit:0", "refund-deposit:0"]


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


async def taken_elsewhere(parts: Parts, hold: CardHold, amount: int | None = None) -> None:
    """Somebody captures the hold at the gateway, and the claim reads it."""
    await placed(hold)
    parts.payments.capture_by_hand(parts.payments.calls[0], amount)
    async with parts.gateway.step:
        await hold.refresh()
    assert isinstance(hold.state, CapturedElsewhere)
    assert parts.attention == {"payment_differs"}


async def test_a_hold_captured_by_somebody_else_is_kept_and_nothing_is_charged_beside_it(
    parts: Parts, hold: CardHold
) -> None:
    await taken_elsewhere(parts, hold)
    kept = await hold.collect(HOLD, "default_charges")
    assert kept == CapturedPayment(parts.payments.calls[0], HOLD, "default_charges")
    assert isinstance(hold.state, CapturedHold)
    assert parts.payments.net_paid() == HOLD.amount
    assert parts.purposes() == ["authorize:0", "look:1", "keep-captured:0"]


async def test_only_what_is_due_of_a_hold_captured_by_somebody_else_is_kept(parts: Parts, hold: CardHold) -> None:
    await taken_elsewhere(parts, hold)
    kept = await hold.collect(usd(1200), "parts_charges")
    assert kept is not None
    assert (kept.left, parts.payments.net_paid()) == (usd(1200), 1200)
    assert parts.purposes()[2:] == ["keep-captured:0", "refund-captured:0"]


async def test_the_sum_that_somebody_else_captured_decides_when_it_is_less_than_what_is_due(
    parts: Parts, hold: CardHold
) -> None:
    await taken_elsewhere(parts, hold, 50_000)
    kept = await hold.collect(HOLD, "default_charges")
    assert kept is not None
    assert (kept.left, parts.payments.net_paid()) == (usd(50_000), 50_000)


async def test_a_hold_captured_by_somebody_else_is_refunded_when_the_hold_is_let_go(
    parts: Parts, hold: CardHold
) -> None:
    await taken_elsewhere(parts, hold)
    assert await hold.release() == HOLD
    assert await hold.release() == usd(0)
    assert parts.payments.net_paid() == 0
    assert parts.purposes()[2:] == ["refund-captured:0"]


async def test_a_new_run_divides_what_somebody_else_captured_as_the_run_before(parts: Parts, hold: CardHold) -> None:
    """The refund was made and its answer was lost with the run; a look has shown it since."""
    await taken_elsewhere(parts, hold)
    await hold.collect(usd(1200), "parts_charges")
    found = hold.data.state
    assert isinstance(found, CapturedHold)
    data = hold.data
    data.state = CapturedElsewhere(0, found.payment_id, HOLD, HOLD, found.refunded, None)
    data.division = Division(usd(1200), HOLD - usd(1200))
    again = CardHold(parts.record, parts.gateway, data)
    kept = await again.collect(usd(1200), "parts_charges")
    assert kept is not None
    assert (kept.left, parts.payments.net_paid()) == (usd(1200), 1200)


async def test_nothing_is_kept_of_a_hold_that_somebody_else_captured_and_refunded(parts: Parts, hold: CardHold) -> None:
    await taken_elsewhere(parts, hold)
    hold_id = parts.payments.calls[0]
    parts.payments.holds[hold_id] = dataclasses.replace(parts.payments.holds[hold_id], refunded=HOLD)
    async with parts.gateway.step:
        await hold.refresh()
    assert await hold.collect(HOLD, "default_charges") is None
    assert await hold.release() == usd(0)


@pytest.mark.parametrize("ends", ["collect", "release"])
async def test_a_capture_by_somebody_else_that_a_refusal_shows_is_taken_over(
    parts: Parts, hold: CardHold, ends: str
) -> None:
    await placed(hold)
    parts.payments.capture_by_hand(parts.payments.calls[0])
    if ends == "collect":
        assert await hold.collect(HOLD, "default_charges") is not None
    else:
        assert await hold.release() == HOLD
    assert parts.payments.net_paid() == (HOLD.amount if ends == "collect" else 0)
    assert parts.attention == {"payment_differs"}


async def test_when_the_old_hold_was_captured_before_its_renewal_the_new_one_is_released(
    parts: Parts, hold: CardHold
) -> None:
    await placed(hold)
    parts.payments.capture_by_hand(parts.payments.calls[0])
    await replace(parts, hold)
    assert isinstance(hold.state, CapturedElsewhere)
    assert (hold.state.ordinal, hold.superseded, parts.payments.live_holds()) == (0, None, 0)
    assert parts.attention == {"payment_differs"}
    assert await hold.collect(HOLD, "default_charges") is not None
    assert parts.payments.net_paid() == HOLD.amount


async def test_an_attempt_after_a_refusal_has_a_key_of_its_own(parts: Parts, hold: CardHold) -> None:
    """A refusal is its key's answer for good."""
    await placed(hold)
    parts.payments.refuses["capture"] = "authorized"
    assert await hold.collect(HOLD, "default_charges") is None
    del parts.payments.refuses["capture"]
    async with parts.gateway.step:
        await hold.refresh()
    assert await hold.collect(HOLD, "default_charges") is not None
    assert parts.purposes() == ["authorize:0", "look:1", "capture:0:1"]
