"""The renewal of a hold, without a server: when it is due, and what follows a decline."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from domain.hold import DepositHold, LapsedHold, LiveHold
from domain.holds import HARD_MARGIN, MIN_BETWEEN, MOST_A_DAY, RENEW_BEFORE, RETRY_EVERY
from domain.kinds import ClaimState, HoldPolicy, HoldState
from domain.policy import Policy
from domain.reasons import RuleError
from tests.domain.samples import NOW, usd
from tests.fakes.external_services import FakePayments
from tests.parts.conftest import CARD, Clock, Parts
from workflows.parts.card_hold import CardHold
from workflows.parts.hold_renewal import HoldRenewal

HOLD = usd(164000)
END = NOW + timedelta(days=7)


class RenewedHold:
    """A hold of seven days and its renewal."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.hold = CardHold(parts.record, parts.gateway)
        self.renewal = HoldRenewal(parts.record, parts.gateway, self.hold)

    async def placed(self) -> "RenewedHold":
        await self.hold.place(HOLD, CARD, None)
        self.renewal.started(CARD)
        return self

    async def come_due(self) -> None:
        """Let the renewal become due and process it."""
        at = self.renewal.next_renewal_at
        assert at is not None
        self.parts.clock.now = at + timedelta(seconds=1)
        await self.process_due()

    async def process_due(self) -> None:
        async with self.parts.gateway.step:
            await self.renewal.process_due()


@pytest.fixture
async def renewed(parts: Parts) -> RenewedHold:
    return await RenewedHold(parts).placed()


async def test_a_hold_is_renewed_in_time_and_then_again(renewed: RenewedHold) -> None:
    """R-RET-7."""
    assert renewed.renewal.next_renewal_at == END - RENEW_BEFORE
    await renewed.come_due()
    assert isinstance(renewed.hold.state, LiveHold)
    assert renewed.hold.state.ordinal == 1
    assert renewed.renewal.next_renewal_at == renewed.parts.clock.now + timedelta(days=7) - RENEW_BEFORE


async def test_a_soft_decline_is_retried(renewed: RenewedHold) -> None:
    renewed.parts.payments.soft_declines = 1
    await renewed.come_due()
    assert renewed.renewal.next_renewal_at == renewed.parts.clock.now + RETRY_EVERY
    assert renewed.parts.attention == set()
    await renewed.come_due()
    assert isinstance(renewed.hold.state, LiveHold)
    assert renewed.parts.purposes() == ["authorize:0", "authorize:1", "authorize:2", "release:0"]


async def test_a_declined_card_puts_the_hold_at_risk_and_a_deposit_is_taken_in_time(clock: Clock) -> None:
    """Decision 13."""
    renewed = await RenewedHold(Parts(clock, policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))).placed()
    renewed.parts.payments.declines.add(("renewal", CARD))
    await renewed.come_due()
    assert renewed.parts.attention == {"hold_at_risk"}
    assert renewed.renewal.next_renewal_at == END - HARD_MARGIN
    await renewed.come_due()
    assert isinstance(renewed.hold.state, DepositHold)
    assert renewed.parts.attention == set()
    assert renewed.renewal.next_renewal_at is None


async def test_without_a_deposit_the_hold_lapses(clock: Clock) -> None:
    """Decision 13."""
    renewed = await RenewedHold(Parts(clock, policy=Policy(hold_policy=HoldPolicy.MANUAL))).placed()
    renewed.parts.payments.declines.add(("renewal", CARD))
    await renewed.come_due()
    await renewed.come_due()
    assert isinstance(renewed.hold.state, LapsedHold)
    assert renewed.parts.payments.net_paid() == 0
    assert renewed.renewal.next_renewal_at is None


async def test_the_hold_moves_to_the_offered_card(renewed: RenewedHold) -> None:
    renewed.parts.payments.declines.add(("renewal", CARD))
    await renewed.come_due()
    renewed.renewal.offer_card("pm_other", "customer")
    await renewed.renewal.change_card()
    assert (renewed.renewal.payment_method, renewed.parts.attention) == ("pm_other", set())


async def test_a_card_that_declines_changes_nothing(renewed: RenewedHold) -> None:
    renewed.parts.payments.declines.add(("renewal", "pm_bad"))
    before = renewed.hold.state
    renewed.renewal.offer_card("pm_bad", "customer")
    with pytest.raises(RuleError, match="declined the hold"):
        await renewed.renewal.change_card()
    assert (renewed.hold.state, renewed.renewal.payment_method) == (before, CARD)


async def test_a_reported_change_of_the_hold_is_read_from_the_gateway_and_of_others_is_not(
    renewed: RenewedHold,
) -> None:
    assert not renewed.renewal.payment_changed("pay_of_another_claim")
    assert isinstance(renewed.hold.state, LiveHold)
    assert renewed.renewal.payment_changed(renewed.hold.state.payment_id)
    renewed.parts.clock.advance(days=8)
    await renewed.process_due()
    assert isinstance(renewed.hold.state, LiveHold), "it had lapsed and was replaced at once"
    assert renewed.hold.state.ordinal == 1
    assert not renewed.renewal.data.news


async def test_a_hold_that_is_over_by_the_clock_secures_nothing_and_is_looked_at(renewed: RenewedHold) -> None:
    """R-EXP-6: also while its renewal is in flight or the gateway is silent."""
    renewed.parts.record.wait_for(ClaimState.AWAITING_DISPATCH, "for the warehouse")
    renewed.renewal.require_secured()
    renewed.parts.clock.now = END + timedelta(seconds=1)
    with pytest.raises(RuleError) as refused:
        renewed.renewal.require_secured()
    assert refused.value.code == "hold_not_live"
    assert renewed.renewal.data.news
    await renewed.process_due()
    renewed.renewal.require_secured()


async def test_a_hold_of_which_there_is_news_secures_nothing_before_it_was_read(renewed: RenewedHold) -> None:
    """R-EXP-6."""
    assert isinstance(renewed.hold.state, LiveHold)
    renewed.renewal.payment_changed(renewed.hold.state.payment_id)
    with pytest.raises(RuleError) as refused:
        renewed.renewal.require_secured()
    assert refused.value.code == "payment_in_progress"
    await renewed.process_due()
    renewed.renewal.require_secured()


@pytest.mark.parametrize("state", [ClaimState.AWAITING_DISPATCH, ClaimState.AWAITING_RETURN])
async def test_a_lost_hold_leaves_the_claim_unsecured_until_the_replacement_has_left(
    renewed: RenewedHold, state: ClaimState
) -> None:
    """R-EXP-6, R-RET-9."""
    renewed.parts.record.wait_for(state, "for somebody")
    renewed.parts.payments.declines.add(("renewal", CARD))
    await renewed.come_due()
    assert not renewed.renewal.unsecured
    await renewed.come_due()
    assert isinstance(renewed.hold.state, LapsedHold)
    assert renewed.renewal.unsecured is (state is ClaimState.AWAITING_DISPATCH)
    renewed.renewal.offer_card("pm_other", "customer")
    await renewed.renewal.change_card()
    assert not renewed.renewal.unsecured


async def test_a_new_run_renews_the_hold_at_the_same_time(renewed: RenewedHold) -> None:
    again = HoldRenewal(renewed.parts.record, renewed.parts.gateway, renewed.hold, renewed.renewal.data)
    assert again.next_renewal_at == renewed.renewal.next_renewal_at


@pytest.mark.parametrize("life", [timedelta(hours=hours) for hours in (36, 24, 9, 1, 0)], ids=str)
async def test_a_gateway_with_short_holds_is_not_asked_again_and_again(clock: Clock, life: timedelta) -> None:
    """R-RET-7: at most four holds a day by itself, hours apart; beyond that staff and the customer are asked."""
    parts = Parts(clock, payments=FakePayments(hold_life=life))
    renewed = await RenewedHold(parts).placed()
    placed = await times_of_authorizations(renewed, until=NOW + timedelta(days=5))
    renewals = placed[1:]
    assert all(later - earlier >= MIN_BETWEEN for earlier, later in pairwise(renewals))
    assert all(sum(at <= other < at + timedelta(days=1) for other in renewals) <= MOST_A_DAY for at in renewals)
    kept = life >= timedelta(hours=12)
    assert ("hold_at_risk" in parts.attention) is not kept


async def test_a_gateway_that_ends_each_hold_at_once_is_not_asked_again_and_again(renewed: RenewedHold) -> None:
    """R-RET-7: somebody releases each new hold on the gateway's pages."""
    for _ in range(20):
        if isinstance(renewed.hold.state, LiveHold):
            hold_id = renewed.hold.state.payment_id
            ended = replace(renewed.parts.payments.holds[hold_id], state=HoldState.RELEASED)
            renewed.parts.payments.holds[hold_id] = ended
            renewed.renewal.payment_changed(hold_id)
        await renewed.process_due()
    assert [key for key in renewed.parts.purposes() if key.startswith("authorize")] == ["authorize:0", "authorize:1"]
    placed = await times_of_authorizations(renewed, until=NOW + timedelta(hours=5))
    assert placed[1:] == [NOW + MIN_BETWEEN + timedelta(seconds=1)]


async def times_of_authorizations(renewed: RenewedHold, until: datetime) -> list[datetime]:
    """When holds were placed from now on, the present one first."""
    clock, found = renewed.parts.clock, [renewed.parts.clock.now]
    while (at := renewed.renewal.next_renewal_at) is not None and at < until:
        before = len(renewed.parts.payments.calls)
        clock.now = max(at, clock.now) + timedelta(seconds=1)
        await renewed.process_due()
        found += [clock.now for key in renewed.parts.payments.calls[before:] if ":authorize:" in key]
    return found


async def test_a_hold_is_not_renewed_without_end_for_a_replacement_that_does_not_ship(renewed: RenewedHold) -> None:
    """R-CLM-8: 30 days after the claim was made, or after the customer named the card."""
    renewed.parts.record.change(opened_at=NOW)
    renewed.parts.record.wait_for(ClaimState.AWAITING_DISPATCH, "for the warehouse")
    placed = await times_of_authorizations(renewed, until=NOW + timedelta(days=60))
    assert NOW + timedelta(days=23) < placed[-1] <= NOW + timedelta(days=30)
    assert isinstance(renewed.hold.state, LapsedHold)
    assert renewed.renewal.unsecured
    renewed.renewal.offer_card("pm_other", "customer")
    await renewed.renewal.change_card()
    named = renewed.parts.clock.now
    placed = await times_of_authorizations(renewed, until=NOW + timedelta(days=120))
    assert named + timedelta(days=23) < placed[-1] <= named + timedelta(days=30)
    assert renewed.renewal.unsecured


async def test_a_deposit_ends_the_wait_for_a_replacement_that_does_not_ship(clock: Clock) -> None:
    """R-CLM-8, decision 13: the customer's money is not kept without end."""
    renewed = await RenewedHold(Parts(clock, policy=Policy(hold_policy=HoldPolicy.CAPTURE_AND_REFUND))).placed()
    renewed.parts.record.change(opened_at=NOW)
    renewed.parts.record.wait_for(ClaimState.AWAITING_DISPATCH, "for the warehouse")
    renewed.parts.payments.declines.add(("renewal", CARD))
    await renewed.come_due()
    await renewed.come_due()
    assert isinstance(renewed.hold.state, DepositHold)
    assert renewed.renewal.next_renewal_at == NOW + timedelta(days=30)
    await renewed.come_due()
    assert renewed.renewal.wait_over
    assert renewed.renewal.data.deposit_until is None
