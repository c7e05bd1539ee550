"""Workflow part: the renewal of the hold, concurrent with the phases: a new hold first, then the release (R-RET-7).

Releasing first would leave no hold after a decline, so for a moment the card has two holds. The phases do not know of
renewals: they read the hold's present state.
"""

from datetime import datetime, timedelta

from temporalio import workflow

from domain import hold as hold_states
from domain import holds, lifecycle
from domain.claim import Hold
from domain.hold import CapturedElsewhere, DepositHold, LapsedHold, LiveHold, UnknownHold, summary
from domain.kinds import Attention, ClaimState, HoldPolicy
from domain.reasons import RuleError
from messages.mail import MailKind
from messages.payments import OUR_MISTAKES, PaymentDeclined, PaymentRefused
from workflows.parts.card_hold import CardHold
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_renewal_data import HoldRenewalData, OfferedCard
from workflows.parts.pending_message import payment_in_progress

_ONE_SECOND = timedelta(seconds=1)
_PACED = "hold-renewals-paced"
_HOLD_BEFORE_DISPATCH = "hold-before-dispatch"
"""A claim of release 0.2.0 may have shipped without a hold; its history is replayed as it went."""


class HoldRenewal:
    """Renews 36 hours before the expiry, retries after a soft decline, and requests another card (decision 13)."""

    def __init__(
        self, record: ClaimRecord, gateway: GatewayRequests, hold: CardHold, data: HoldRenewalData | None = None
    ) -> None:
        self._record = record
        self._gateway = gateway
        self._hold = hold
        self._data = data or HoldRenewalData()

    @property
    def data(self) -> HoldRenewalData:
        return self._data

    @property
    def payment_method(self) -> str:
        """The payment method of the hold."""
        return self._data.payment_method

    @property
    def unsecured(self) -> bool:
        """Whether the hold has ended before the replacement left, so that another card is needed first (R-EXP-6)."""
        return self._data.unsecured

    @property
    def wait_over(self) -> bool:
        """Whether a deposit was kept for as long as the policy allows, and nothing has shipped."""
        return self._data.wait_over

    @property
    def next_renewal_at(self) -> datetime | None:
        """When the renewal is due; None when no hold is needed any more."""
        if self._record.closed or self._record.claim.state is ClaimState.DEFAULTED or self._ships_paid:
            return None
        if isinstance(self._hold.state, DepositHold):
            waits = self._record.claim.state is ClaimState.AWAITING_DISPATCH
            return self._data.deposit_until if waits else None
        return self._data.renew_at if isinstance(self._hold.state, LiveHold | LapsedHold | UnknownHold) else None

    def started(self, payment_method: str) -> None:
        """The first hold is on `payment_method`."""
        self._data.payment_method = payment_method
        self._data.placed_at = workflow.now()
        self._schedule()

    def payment_changed(self, payment_id: str) -> bool:
        """The gateway reports a change of a payment. Returns whether it is this hold, which is then read at once."""
        state = self._hold.state
        is_current = isinstance(state, LiveHold | UnknownHold) and state.payment_id == payment_id
        if isinstance(state, CapturedElsewhere) and state.payment_id == payment_id:
            is_current = workflow.patched("captured-elsewhere-is-read-again")
        self._data.news = self._data.news or is_current
        return is_current

    def require_secured(self) -> None:
        """RuleError `hold_not_live` when nothing secures the replacement now (R-EXP-6).

        A hold that should have ended, or of which the gateway has reported a change, is read from the gateway first.
        """
        live = hold_states.secures_dispatch(self._hold.state, workflow.now())
        if lifecycle.charged(self._record.claim) or (live and not self._data.news) or not self._must_be_secured():
            return
        if live:
            raise payment_in_progress()
        self._data.news = isinstance(self._hold.state, LiveHold | UnknownHold)
        self._check_security()
        raise lifecycle.hold_not_live()

    def dispatch_awaited_again(self) -> None:
        """The replacement came back and waits to be shipped again: the days that a hold is kept for it begin anew. A
        deposit is kept until staff decide otherwise."""
        self._data.kept_since, self._data.deposit_until = workflow.now(), None
        self._data.unsecured = self._data.wait_over = False

    async def run(self) -> None:
        """Renew until the claim is closed; runs concurrently with the phases."""
        while True:
            await self._wait_until_due()
            async with self._gateway.step:
                if self._record.closed:
                    return
                await self.process_due()
                await self._record.save()

    async def refund_part(self) -> None:
        """Refund the part of the hold that somebody else has captured: it secures nothing, and nothing is due yet."""
        if isinstance(self._hold.state, CapturedElsewhere):
            await self._hold.release()

    def offer_card(self, payment_method: str, actor: str) -> None:
        """Store a card that was offered; `change_card` moves the hold to it."""
        self._data.offered = OfferedCard(payment_method, actor)

    @property
    def offered_payment_method(self) -> str:
        assert self._data.offered is not None, "no card was named"
        return self._data.offered.payment_method

    async def change_card(self) -> None:
        """Move the hold to the offered card; RuleError `payment_declined` when it is declined, and nothing changes."""
        offered = self._data.offered
        assert offered is not None, "no card was named"
        async with self._gateway.step:
            declined = await self._replace(offered.payment_method, off_session=False)
            self._check_security()
        if declined is not None:
            raise RuleError("payment_declined", "R-RET-7", "The card declined the hold. Another one may be tried.")
        self._data.payment_method = offered.payment_method
        self._data.kept_since = workflow.now()
        self._record.note("card_changed", "The hold is on another card now.", actor=offered.actor)

    async def _wait_until_due(self) -> None:
        """Until the renewal is due, or at once when the gateway has reported a change."""
        while not await self._wait_for_work(self.next_renewal_at):
            pass

    async def _wait_for_work(self, at: datetime | None) -> bool:
        """Wait until `at` or until there is work. False when the due time has changed."""
        try:
            await workflow.wait_condition(
                lambda: self._has_work or self.next_renewal_at != at,
                timeout=None if at is None else max(at + _ONE_SECOND - workflow.now(), _ONE_SECOND),
                timeout_summary="" if at is None else f"renew hold {at:%Y-%m-%d}",
            )
        except TimeoutError:
            return True
        return self._has_work

    @property
    def _has_work(self) -> bool:
        return self._data.news or self._hold.superseded is not None or self._record.closed

    async def process_due(self) -> None:
        """Do what is due. The caller holds the lock `GatewayRequests.step`."""
        if self._hold.superseded is not None:
            await self._hold.release_superseded()
        if self._data.news:
            await self._refresh_hold()
        due = self.next_renewal_at
        if due is not None and workflow.now() > due:
            await self._renewal_due()
        self._check_security()

    def _check_security(self) -> None:
        waits = self._record.claim.state in (ClaimState.AWAITING_DISPATCH, ClaimState.AWAITING_PAYMENT)
        lost = waits and not self._ships_paid and hold_states.needs_card(self._hold.state)
        if lost and not self._data.unsecured and not self._must_be_secured():
            return
        self._data.unsecured = lost

    def _must_be_secured(self) -> bool:
        """Also when a replacement that release 0.2.0 has shipped leaves again."""
        return self._record.claim.dispatched_on is not None or workflow.patched(_HOLD_BEFORE_DISPATCH)

    @property
    def _ships_paid(self) -> bool:
        """Whether the replacement ships again after the default was charged: no hold is needed for it."""
        return lifecycle.ships_again(self._record.claim) and lifecycle.charged(self._record.claim)

    async def _refresh_hold(self) -> None:
        """Read the hold from the gateway, whose state is authoritative; a hold that has ended is replaced at once."""
        before = self._hold.state
        await self._hold.refresh()
        self._data.news = False
        match self._hold.state:
            case state if state == before:
                pass
            case LiveHold():
                self._schedule()
            case LapsedHold():
                self._data.renew_at = self._paced(workflow.now() - _ONE_SECOND)
            case _:
                self._data.renew_at = None

    async def _renewal_due(self) -> None:
        """Renew the hold; when that has failed before, take a deposit or let it lapse, as the policy says."""
        hold = self._summary
        expired = hold.expires_at is not None and workflow.now() > hold.expires_at
        if self._waits_too_long and workflow.patched("hold-kept-for-a-limited-wait"):
            await self._end_wait(hold, expired)
        elif Attention.HOLD_AT_RISK not in self._record.claim.attention:
            await self._renew_in_time(hold)
        elif not expired and self._record.policy.hold_policy is HoldPolicy.CAPTURE_AND_REFUND:
            self._data.renew_at = hold.expires_at
            if await self._hold.capture_deposit():
                self._record.unflag(Attention.HOLD_AT_RISK)
                self._record.notify(MailKind.DEPOSIT_TAKEN, hold.amount)
                if self._before_dispatch and workflow.patched("hold-kept-for-a-limited-wait"):
                    self._data.deposit_until = self._kept_until
        else:
            self._data.renew_at = None
            await self._hold.refresh()

    @property
    def _before_dispatch(self) -> bool:
        return self._record.claim.state is ClaimState.AWAITING_DISPATCH

    @property
    def _kept_until(self) -> datetime:
        return holds.kept_until(self._data.kept_since or self._record.claim.opened_at, self._record.policy)

    @property
    def _waits_too_long(self) -> bool:
        return self._before_dispatch and not self._record.claim.leaving and workflow.now() > self._kept_until

    async def _end_wait(self, hold: Hold, expired: bool) -> None:
        """Nothing has shipped for as long as a hold is kept: let it expire; a deposit ends the wait at once."""
        if isinstance(self._hold.state, DepositHold):
            self._data.deposit_until, self._data.wait_over = None, True
        elif expired:
            self._data.renew_at = None
            await self._hold.refresh()
        else:
            self._data.renew_at = hold.expires_at
            days = self._record.policy.hold_wait_days
            self._record.note("hold_not_renewed", f"Nothing shipped within {days} days; the hold is not renewed.")

    async def _renew_in_time(self, hold: Hold) -> None:
        if holds.too_many(self._data.tries, workflow.now()) and workflow.patched(_PACED):
            self._give_up(
                hold, f"A hold was placed {holds.MOST_A_DAY} times within a day; the next one needs another card."
            )
            return
        response = await self._replace(self._data.payment_method, off_session=True)
        if response is None:
            return
        # A mistake of ours is not the card's: it is tried again like a soft decline, and the customer is not asked.
        if isinstance(response, PaymentDeclined):
            retryable = response.retryable
        else:
            retryable = response.state in OUR_MISTAKES and workflow.patched("our-mistake-is-tried-again")
        self._data.renew_at = holds.retry_at(hold, workflow.now(), retryable=retryable)
        if self._data.renew_at is None:
            self._give_up(hold, "The hold cannot be renewed with this card; the customer is asked for another.")

    def _give_up(self, hold: Hold, why: str) -> None:
        self._data.renew_at = holds.give_up_at(hold, self._record.policy.hold_policy)
        self._record.flag(Attention.HOLD_AT_RISK)
        self._record.note("hold_at_risk", why)
        self._record.notify(MailKind.HOLD_AT_RISK)

    async def _replace(self, payment_method: str, *, off_session: bool) -> PaymentDeclined | PaymentRefused | None:
        declined = await self._hold.replace(payment_method, off_session=off_session)
        if off_session:
            self._data.tries = [*self._data.tries, workflow.now()][-holds.MOST_A_DAY :]
        if declined is None:
            self._record.unflag(Attention.HOLD_AT_RISK)
            self._data.placed_at = workflow.now()
            self._schedule()
        return declined

    def _schedule(self) -> None:
        if isinstance(self._hold.state, LiveHold):
            at = holds.renew_at(self._summary)
            self._data.renew_at = None if at is None else self._paced(at)

    def _paced(self, at: datetime) -> datetime:
        """`at`, or later: a gateway whose holds are short, or end at once, must not be asked again and again."""
        later = holds.paced(at, self._summary, self._data.placed_at or workflow.now(), self._data.tries)
        return later if later != at and workflow.patched(_PACED) else at

    @property
    def _summary(self) -> Hold:
        shown = summary(self._hold.state)
        assert shown is not None, "no hold was placed"
        return shown
