"""Workflow of Care Express Premium: the replacement ships at once against a hold, the original is returned."""

from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from domain.eligibility import Card
from domain.hold import LiveHold, NoHold
from domain.kinds import Outcome
from domain.money import Money
from messages.claims import (
    Decision,
    Dispatch,
    Event,
    ResendReplacement,
    SubmitCareExpress,
)
from messages.mail import MailKind
from messages.payments import LookUpCard, Payments
from workflows.parts.card_hold import CardHold
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.fees import Fees, FeesData
from workflows.parts.hold_data import CardHoldData
from workflows.parts.hold_renewal import HoldRenewal
from workflows.parts.hold_renewal_data import HoldRenewalData
from workflows.parts.message_inbox import TimeReached
from workflows.parts.original_return import OriginalReturn, OriginalReturnData
from workflows.parts.replacement import Replacement, ReplacementData
from workflows.parts.reservation import Reservation, ReservationData, care_express
from workflows.parts.secured_dispatch import SecuredDispatch, SecuredDispatchData


@dataclass
class PremiumSnapshot:
    claim: ClaimData = field(default_factory=ClaimData)
    reservation: ReservationData = field(default_factory=ReservationData)
    hold: CardHoldData = field(default_factory=CardHoldData)
    renewal: HoldRenewalData = field(default_factory=HoldRenewalData)
    fees: FeesData = field(default_factory=FeesData)
    original: OriginalReturnData = field(default_factory=OriginalReturnData)
    dispatch: SecuredDispatchData = field(default_factory=SecuredDispatchData)
    replacement: ReplacementData = field(default_factory=ReplacementData)


@workflow.defn
class CareExpressPremium(ClaimWorkflow):
    """Reserve, hold, charge the fee, ship, await the return, inspect, settle. Returns the outcome."""

    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        restored = snapshot or PremiumSnapshot()
        super().__init__(request, request.ship_to, restored.claim)
        self.request = request
        self.reservation = Reservation(self.record, self.calls, restored.reservation)
        self.hold = CardHold(self.record, self.gateway, restored.hold)
        self.renewal = HoldRenewal(self.record, self.gateway, self.hold, restored.renewal)
        self.fees = Fees(self.record, self.gateway, restored.fees)
        self.replacement = Replacement(self.record, self.calls, self.address, restored.replacement)
        self.original = OriginalReturn(
            self,
            self.reservation,
            self.hold,
            self.renewal,
            self.fees,
            self.replacement,
            lambda: self.dispatch.waiting_phase(),
            restored.original,
        )
        self.dispatch = SecuredDispatch(
            self,
            self.reservation,
            self.renewal,
            self.replacement,
            self.original,
            request.replace_battery,
            restored.dispatch,
        )

    @property
    def phases(self) -> tuple[object, ...]:
        return (self, self.dispatch, self.original, self.original.charged, self.original.settlement)

    def snapshot(self, claim: ClaimData) -> PremiumSnapshot:
        return PremiumSnapshot(
            claim,
            self.reservation.data,
            self.hold.data,
            self.renewal.data,
            self.fees.data,
            self.original.data,
            self.dispatch.data,
            self.replacement.data,
        )

    @property
    def owed_phase(self) -> Phase | None:
        owed = self.record.created and self.record.claim.amount_owed
        return self.original.charged.watch_disputes if owed else None

    def paid(self) -> Money | None:
        """None before the first request."""
        if isinstance(self.hold.state, NoHold) and self.fees.kept is None:
            return None
        return (self.fees.kept or self.record.claim.fee.zero()) + self.original.kept

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        if not isinstance(self.hold.state, NoHold):
            self.inbox.background(self.renewal.run())
        return await self.run_phases(self.submit)

    # -- until it ships ----------------------------------------------------------------------------------------------

    async def submit(self) -> Phase | None:
        """Check the application and reserve a use (R-CLM-6)."""
        request = care_express(self.request, await self.run_step(self._card()))
        refused = await self.reservation.reserve(request, "reserve a use")
        if refused is not None:
            self.refuse_submission(refused)
            return None
        self.reservation.note_care_express(self.request)
        return self.place_hold

    async def place_hold(self) -> Phase | None:
        """Place the hold and charge the fee. Nothing ships without both; else both are reversed (R-EXP-6)."""
        fee, card = self.record.claim.fee, self.request.payment_method
        charge = None
        if fee:
            charge = self.fees.request(fee, card, "service_fees", "fee", off_session=False, numbered=False)
        response = await self.run_step(self.hold.place(self._hold_amount(), card, charge))
        paid = charge is None or (response.fee is not None and self.fees.record_charge(charge, response.fee))
        if not isinstance(self.hold.state, LiveHold) or not paid:
            return self.close_declined
        self.renewal.started(card)
        self.inbox.background(self.renewal.run())
        self.replacement.await_dispatch()
        self.record.notify(MailKind.SETTLEMENT, fee)
        ordered = await self.replacement.order_inline(with_battery=self.request.replace_battery)
        await self.accept()
        return self.dispatch.await_dispatch if ordered else self.dispatch.order_replacement

    async def close_declined(self) -> Phase | None:
        """The card was declined: release the hold, return the use, close the claim."""
        await self.run_step(self.hold.release())
        self.record.close(Outcome.PAYMENT_DECLINED, gives_back=True)
        self.record.notify(MailKind.PAYMENT_DECLINED)
        await self.accept()
        return None

    async def compensate(self) -> Phase | None:
        return await self.original.settlement.compensate()

    def in_any_state(self, message: Event | Decision | TimeReached) -> Phase | None:
        if isinstance(message, ResendReplacement):
            return self.dispatch.begin_again(message)
        return super().in_any_state(message)

    # -- while a step is in flight -----------------------------------------------------------------------------------

    def accepts_during_step(self, decision: Decision) -> bool:
        """What needs no payment. A dispatch is accepted while the order or a change of card is in flight, but never
        during compensation."""
        if isinstance(decision, Dispatch):
            return self.phase in ("order_replacement", "resume_dispatch", "change_card")
        return self.original.common.accepts_during_step(decision)

    async def handle_during_step(self, message: Event | Decision) -> None:
        if isinstance(message, Dispatch):
            await self.dispatch.dispatched(message)
        else:
            await self.original.common.handle_during_step(message)

    # -- inputs and timers --------------------------------------------------------------------------------------------

    def next_timer_at(self) -> datetime | None:
        if not self.record.created:
            return None
        timers = map(self.record.acts_at, (self.original.next_timer_at(), self.dispatch.next_timer_at()))
        moments = (*timers, self.renewal.next_renewal_at)
        return min((at for at in moments if at is not None), default=None)

    async def _card(self) -> Card | None:
        request = LookUpCard(payment_method=self.request.payment_method)
        found = await self.calls.inline_or_external(Payments.look_up_card, request, "look the card up")
        return found.card

    def _hold_amount(self) -> Money:
        quoted = self.request.quote.hold if self.request.quote else None
        return quoted or self.reservation.terms.offer.hold
