"""Keeping a hold alive, without a server: when it is renewed, and what becomes of a card that says no."""

from datetime import timedelta

import pytest

from domain.hold import DepositHold, LapsedHold, LiveHold
from domain.holds import HARD_MARGIN, RENEW_BEFORE, RETRY_EVERY
from domain.kinds import HoldPolicy
from domain.policy import Policy
from domain.reasons import RuleError
from tests.domain.samples import NOW, usd
from tests.parts.conftest import CARD, Clock, Parts
from workflows.parts.card_hold import CardHold
from workflows.parts.hold_renewal import HoldRenewal

HOLD = usd(164000)
END = NOW + timedelta(days=7)


class Kept:
    """A hold of seven days and its renewal."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.hold = CardHold(parts.record, parts.gateway)
        self.renewal = HoldRenewal(parts.record, parts.gateway, self.hold)

    async def placed(self) -> "Kept":
        await self.hold.place(HOLD, CARD, None)
        self.renewal.started(CARD)
        return self

    async def come_due(self) -> None:
        """Its time has come."""
        at = self.renewal.next_renewal_at
        assert at is not None
        self.parts.clock.now = at + timedelta(seconds=1)
        await self.process_due()

    async def process_due(self) -> None:
        async with self.parts.gateway.step:
            await self.renewal.process_due()


@pytest.fixture
async def kept(parts: Parts) -> Kept:
    return await Kept(parts).placed()


async def test_a_hold_is_renewed_in_time_and_then_again(kept: Kept) -> None:
    """R-RET-7."""
    assert kept.renewal.next_renewal_at == END - RENEW_BEFORE
    await kept.come_due()
    assert isinstance(kept.hold.state, LiveHold)
    assert kept.hold.state.ordinal == 1
    assert kept.renewal.next_renewal_at == kept.parts.clock.now + timedelta(days=7) - RENEW_BEFORE


async def test_a_card_that_may_say_yes_later_is_tried_again(kept: Kept) -> None:
    kept.parts.payments.soft_declines = 1
    await kept.come_due()
    assert kept.renewal.next_renewal_at == kept.parts.clock.now + RETRY_EVERY
    assert kept.parts.attention == set()
    await kept.come_due()
    assert isinstance(kept.hold.state, LiveHold)
    assert kept.parts.purposes() == ["authorize:0", "authorize:1", "authorize:2", "release:0"]


async def test_a_card_that_says_no_puts_the_hold_at_risk_and_a_deposit_is_taken_in_time(clock: Clock) -> None:
    """Decision 13."""
    kept = await Kept(Parts(clock, policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))).placed()
    kept.parts.payments.declines.add(("renewal", CARD))
    await kept.come_due()
    assert kept.parts.attention == {"hold_at_risk"}
    assert kept.renewal.next_renewal_at == END - HARD_MARGIN
    await kept.come_due()
    assert isinstance(kept.hold.state, DepositHold)
    assert kept.parts.attention == set()
    assert kept.renewal.next_renewal_at is None


async def test_without_a_deposit_the_hold_lapses(clock: Clock) -> None:
    """Decision 13."""
    kept = await Kept(Parts(clock, policy=Policy(hold_policy=HoldPolicy.MANUAL))).placed()
    kept.parts.payments.declines.add(("renewal", CARD))
    await kept.come_due()
    await kept.come_due()
    assert isinstance(kept.hold.state, LapsedHold)
    assert kept.parts.payments.taken() == 0
    assert kept.renewal.next_renewal_at is None


async def test_another_card_bears_the_hold_from_then_on(kept: Kept) -> None:
    kept.parts.payments.declines.add(("renewal", CARD))
    await kept.come_due()
    kept.renewal.offer_card("pm_other", "customer")
    await kept.renewal.change_card()
    assert (kept.renewal.payment_method, kept.parts.attention) == ("pm_other", set())


async def test_a_card_that_declines_changes_nothing(kept: Kept) -> None:
    kept.parts.payments.declines.add(("renewal", "pm_bad"))
    before = kept.hold.state
    kept.renewal.offer_card("pm_bad", "customer")
    with pytest.raises(RuleError, match="declined the hold"):
        await kept.renewal.change_card()
    assert (kept.hold.state, kept.renewal.payment_method) == (before, CARD)


async def test_news_of_the_hold_is_read_from_the_gateway_and_of_others_is_not(kept: Kept) -> None:
    assert not kept.renewal.payment_changed("pay_of_another_claim")
    assert isinstance(kept.hold.state, LiveHold)
    assert kept.renewal.payment_changed(kept.hold.state.payment_id)
    kept.parts.clock.advance(days=8)
    await kept.process_due()
    assert isinstance(kept.hold.state, LiveHold), "it had lapsed and was replaced at once"
    assert kept.hold.state.ordinal == 1
    assert not kept.renewal.data.news


async def test_a_new_run_looks_after_the_hold_at_the_same_moment(kept: Kept) -> None:
    again = HoldRenewal(kept.parts.record, kept.parts.gateway, kept.hold, kept.renewal.data)
    assert again.next_renewal_at == kept.renewal.next_renewal_at
