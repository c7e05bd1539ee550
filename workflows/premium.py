"""Workflows: Care Express Premium: the replacement ships at once against a hold, the original comes back in time."""

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
    ParcelArrived,
    ParcelScanned,
    SubmitCareExpress,
)
from messages.mail import MailKind
from messages.payments import LookUpCard, Payments
from workflows.parts.card_hold import CardHold, CardHoldData
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.fees import Fees, FeesData
from workflows.parts.hold_renewal import HoldRenewal, HoldRenewalData
from workflows.parts.original_return import OriginalReturn, OriginalReturnData
from workflows.parts.replacement import Replacement
from workflows.parts.reservation import Reservation, ReservationData, care_express

_CHARGED = (Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED)


@dataclass
class PremiumSnapshot:
    claim: ClaimData = field(default_factory=ClaimData)
    reservation: ReservationData = field(default_factory=ReservationData)
    hold: CardHoldData = field(default_factory=CardHoldData)
    renewal: HoldRenewalData = field(default_factory=HoldRenewalData)
    fees: FeesData = field(default_factory=FeesData)
    original: OriginalReturnData = field(default_factory=OriginalReturnData)


@workflow.defn
class CareExpressPremium(ClaimWorkflow):
    """Reserve, hold, charge the fee, ship, await the return, inspect, settle. Returns the outcome."""

    @workflow.init
    def __init__(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> None:
        kept = snapshot or PremiumSnapshot()
        super().__init__(request, kept.claim)
        self.request = request
        self.reservation = Reservation(self.record, self.calls, kept.reservation)
        self.hold = CardHold(self.record, self.gateway, kept.hold)
        self.renewal = HoldRenewal(self.record, self.gateway, self.hold, kept.renewal)
        self.fees = Fees(self.record, self.gateway, kept.fees)
        self.replacement = Replacement(self.record, self.calls, request.ship_to)
        self.original = OriginalReturn(
            self,
            self.reservation,
            self.hold,
            self.renewal,
            self.fees,
            self.replacement,
            self.await_dispatch,
            kept.original,
        )

    @property
    def phases(self) -> tuple[object, ...]:
        return (self, self.original, self.original.settlement)

    def snapshot(self, claim: ClaimData) -> PremiumSnapshot:
        return PremiumSnapshot(
            claim,
            self.reservation.data,
            self.hold.data,
            self.renewal.data,
            self.fees.data,
            self.original.data,
        )

    @workflow.run
    async def run(self, request: SubmitCareExpress, snapshot: PremiumSnapshot | None) -> str:
        if not isinstance(self.hold.state, NoHold):
            self.inbox.background(self.renewal.keep_alive())
        return await self.run_phases(self.submit)

    # -- until it ships ----------------------------------------------------------------------------------------------

    async def submit(self) -> Phase | None:
        """Judge the application and reserve a use (R-CLM-6)."""
        request = care_express(self.request, await self.during(self._card()))
        refused = await self.reservation.reserve(request, "reserve a use")
        if refused is not None:
            self.refuse_submission(refused)
            return None
        self.reservation.note_care_express(self.request)
        return self.secure

    async def secure(self) -> Phase | None:
        """Nothing ships without a certain hold and a certain fee; if either fails the other is undone (R-EXP-6)."""
        fee, card = self.record.claim.fee, self.request.payment_method
        charge = self.fees.request(fee, card, "service_fees", "fee", numbered=False) if fee else None
        answer = await self.during(self.hold.place(self._hold_amount(), card, charge))
        paid = charge is None or (answer.fee is not None and self.fees.answered(charge, answer.fee))
        if not isinstance(self.hold.state, LiveHold) or not paid:
            return self.turn_down
        self.renewal.started(card)
        self.inbox.background(self.renewal.keep_alive())
        self.replacement.await_dispatch()
        self.record.notify(MailKind.SETTLEMENT, fee)
        ordered = await self.replacement.order_inline(with_battery=self.request.replace_battery)
        await self.accept()
        return self.await_dispatch if ordered else self.order_replacement

    async def turn_down(self) -> Phase | None:
        """The card said no: nothing is held, nothing is paid, the use goes back."""
        await self.during(self.hold.release())
        self.record.close(Outcome.PAYMENT_DECLINED, gives_back=True)
        self.record.notify(MailKind.PAYMENT_DECLINED)
        await self.accept()
        return None

    async def order_replacement(self) -> Phase | None:
        await self.during(self.replacement.order(with_battery=self.request.replace_battery))
        return self.original.waiting()

    async def await_dispatch(self) -> Phase | None:
        """The warehouse ships, or the customer cancels (R-EXP-9). A parcel that comes first is kept for its time."""
        while True:
            match await self.inbox.next(None, "dispatch"):
                case Dispatch() as decision:
                    await self._dispatched(decision)
                    return self.original.await_return
                case ParcelArrived() | ParcelScanned():
                    self.inbox.defer()
                case other:
                    if phase := self.original.common.in_any_state(other):
                        return phase

    async def _dispatched(self, decision: Dispatch) -> None:
        terms = self.reservation.terms
        recorded = await self.replacement.dispatched(decision, window_days=terms.window_days, expected=terms.expected)
        self.original.opened(recorded)
        self.record.notify(MailKind.SHIPPED)
        if terms.bindable:
            self.record.notify(MailKind.REBIND)

    async def undo(self) -> Phase | None:
        return await self.original.settlement.undo()

    # -- while a step is in flight -----------------------------------------------------------------------------------

    def takes_meanwhile(self, decision: Decision) -> bool:
        """What needs no money; a replacement ships while its order or another card is answered, never in an undo."""
        if isinstance(decision, Dispatch):
            return self.phase in ("order_replacement", "change_card")
        return self.original.common.takes_meanwhile(decision)

    async def meanwhile(self, message: Event | Decision) -> None:
        if isinstance(message, Dispatch):
            await self._dispatched(message)
        else:
            await self.original.common.meanwhile(message)

    # -- what it is asked for ----------------------------------------------------------------------------------------

    def wakes_at(self) -> datetime | None:
        if not self.record.begun:
            return None
        moments = (self.original.wakes_at(), self.renewal.next_renewal_at)
        return min((at for at in moments if at is not None), default=None)

    async def _card(self) -> Card | None:
        request = LookUpCard(payment_method=self.request.payment_method)
        found = await self.calls.inline_or_external(Payments.look_up_card, request, "look the card up")
        return found.card

    def _hold_amount(self) -> Money:
        quoted = self.request.quote.hold if self.request.quote else None
        return quoted or self.reservation.terms.offer.hold
