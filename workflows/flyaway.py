"""Workflow of a flyaway claim: staff decide, the fee is charged, a replacement ships. No hold and no return."""

from dataclasses import dataclass, field

from temporalio import workflow

from domain.dates import utc_text
from domain.kinds import Attention, ClaimState, Outcome, ReasonCode, Service
from domain.money import Money
from domain.reasons import Reason, RuleError
from messages.claims import (
    ChangePaymentMethod,
    Decide,
    Decision,
    Dispatch,
    Event,
    ReportFound,
    SubmitFlyaway,
)
from messages.mail import MailKind
from messages.record import ReserveUse
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.fees import Fees, FeesData
from workflows.parts.message_inbox import TimeReached
from workflows.parts.replacement import Replacement, ReplacementData
from workflows.parts.reservation import Reservation, ReservationData


@dataclass
class FlyawaySnapshot:
    """`payment_method` is the card that the fee is charged to, `off_session` that its owner is not there to confirm,
    `found` that the drone was found before dispatch."""

    claim: ClaimData = field(default_factory=ClaimData)
    reservation: ReservationData = field(default_factory=ReservationData)
    fees: FeesData = field(default_factory=FeesData)
    payment_method: str = ""
    off_session: bool = False
    found: bool = False
    replacement: ReplacementData = field(default_factory=ReplacementData)


@workflow.defn
class Flyaway(ClaimWorkflow):
    """Reserve, decide, charge the flyaway fee, ship (R-FLY). A drone that is found later is still reported to it."""

    @workflow.init
    def __init__(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> None:
        restored = snapshot or FlyawaySnapshot(payment_method=request.payment_method)
        super().__init__(request, request.ship_to, restored.claim)
        self.request = request
        self.reservation = Reservation(self.record, self.calls, restored.reservation)
        self.fees = Fees(self.record, self.gateway, restored.fees)
        self.replacement = Replacement(self.record, self.calls, self.address, restored.replacement)
        self.payment_method = restored.payment_method
        self.off_session = restored.off_session
        self.found = restored.found

    def snapshot(self, claim: ClaimData) -> FlyawaySnapshot:
        return FlyawaySnapshot(
            claim,
            self.reservation.data,
            self.fees.data,
            self.payment_method,
            self.off_session,
            self.found,
            self.replacement.data,
        )

    def paid(self) -> Money | None:
        return self.fees.kept

    @workflow.run
    async def run(self, request: SubmitFlyaway, snapshot: FlyawaySnapshot | None) -> str:
        return await self.run_phases(self.submit)

    async def submit(self) -> Phase | None:
        """Check the report and reserve a flyaway use (R-FLY-1..4)."""
        request = self.request
        reserve = ReserveUse(
            claim_id=request.claim_id,
            service=Service.FLYAWAY,
            tier=None,
            serial_number=request.serial_number,
            incident=request.incident,
            at=workflow.now(),
            accepted_terms=request.accepted_terms,
            terms_version=request.terms_version,
            confirmed_unrecoverable=request.confirmed_unrecoverable,
            flight_record=request.flight_record,
            ship_to_country=request.ship_to.country,
        )
        refused = await self.reservation.reserve(reserve, "reserve a flyaway use")
        if refused is not None:
            self.refuse_submission(refused)
            return None
        self.record.wait_for(ClaimState.AWAITING_DECISION, "for staff to check the flight record")
        title = f"Flyaway reported: {self.reservation.terms.model_name}."
        details = f"Flight record {request.flight_record}."
        if (told_at := self.reservation.terms.binding_told_at) is not None:
            details += (
                f" The binding of the remote controller was told only after the loss, {utc_text(told_at)} (R-FLY-8)."
            )
        self.record.note("submitted", title, details, request.actor)
        self.record.notify(MailKind.SETTLEMENT, self.record.claim.fee)
        await self.accept()
        return self.await_decision

    async def await_decision(self) -> Phase | None:
        """Staff check the flight record and approve or reject the claim (R-FLY-3)."""
        while True:
            match await self.inbox.next(None, "people"):
                case Decide(approve=True) as decision:
                    self.record.note("approved", "The flyaway was approved.", decision.reason, decision.actor)
                    self.record.notify(MailKind.FLYAWAY_APPROVED, self.record.claim.fee)
                    self.off_session = True  # the customer reported it hours or days ago
                    return self.charge_fee
                case Decide() as decision:
                    self._reject(decision)
                    return None
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    def _reject(self, decision: Decide) -> None:
        if not decision.reason:
            raise RuleError("invalid_request", "R-FLY-3", "A rejection needs a reason.")
        self.record.note("rejected", "The flyaway was rejected.", decision.reason, decision.actor)
        self.record.change(reasons=(Reason(ReasonCode.FLYAWAY_REJECTED, "R-FLY-3", decision.reason),))
        self.record.close(Outcome.REJECTED, gives_back=True)
        self.record.notify(MailKind.FLYAWAY_REJECTED)

    async def charge_fee(self) -> Phase | None:
        """Charge the fee. Each attempt is another authorization with its own idempotency key (R-FLY-4).

        After the approval it is charged off session: a card that declines, or demands its owner's confirmation, makes
        the customer be asked by mail. The card that they then give is charged while they are there.
        """
        fee, card = self.record.claim.fee, self.payment_method
        if await self.run_step(self.fees.charge(fee, card, "flyaway_fees", "fee", off_session=self.off_session)):
            return self.order_replacement
        if self.record.claim.state is ClaimState.AWAITING_PAYMENT:
            error = RuleError("payment_declined", "R-FLY-4", f"The card declined {fee}.")
            return await self.reject_decision(error, self.await_payment)
        until = await self.record.end_of_day(self.record.policy.payment_days)
        self.record.wait_for(ClaimState.AWAITING_PAYMENT, f"for the flyaway fee until {utc_text(until)}", until)
        self.record.notify(MailKind.PAYMENT_DECLINED, fee)
        return self.await_payment

    async def await_payment(self) -> Phase | None:
        """Wait for another payment method; without one in time the claim lapses."""
        while True:
            match await self.next_before_deadline("payment due"):
                case TimeReached():
                    days = self.record.policy.payment_days
                    self.record.note("lapsed", f"The fee was not paid within {days} days; the case lapses.")
                    self.record.close(Outcome.LAPSED, gives_back=True)
                    self.record.notify(MailKind.LAPSED)
                    return None
                case ChangePaymentMethod() as decision:
                    self.payment_method, self.off_session = decision.payment_method, False
                    return self.charge_fee
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def order_replacement(self) -> Phase | None:
        await self.run_step(self.replacement.order_inline_first(with_battery=True))
        self.replacement.await_dispatch()
        return self.await_dispatch

    async def await_dispatch(self) -> Phase | None:
        """Wait until the warehouse ships, the drone is found (R-FLY-6), or the customer cancels."""
        while True:
            match await self.inbox.next(self.replacement.overdue_at, "dispatch"):
                case TimeReached():
                    self.replacement.note_overdue()
                case Dispatch() as decision:
                    await self.replacement.dispatched(decision, lost=True)
                    until = await self.record.end_of_day(self.record.policy.found_watch_days)
                    self.record.change(dispute_until=until)
                    self.replacement.close_as_replaced(bindable=True)
                    if self.found:
                        self._found_after_dispatch("customer")
                        return None
                    return self.watch_for_a_find
                case other:
                    if phase := self.in_any_state(other):
                        return phase

    async def watch_for_a_find(self) -> Phase | None:
        """R-FLY-6: a drone found after dispatch stays lost for cover, and staff collect it."""
        while (until := self.record.claim.dispute_until) is not None:
            match await self.inbox.next(until, f"a find can be reported until {until:%Y-%m-%d}"):
                case TimeReached():
                    self.record.change(dispute_until=None)
                case ReportFound() as decision:
                    self._found_after_dispatch(decision.actor)
                    return None
                case other:
                    self.in_any_state(other)
        return None

    def _found_after_dispatch(self, actor: str) -> None:
        self.record.flag(Attention.FOUND_AFTER_DISPATCH)
        self.record.note("found_after_dispatch", "The drone was found after its replacement left.", actor=actor)

    async def compensate(self) -> Phase | None:
        """Refund the fee and return the use: the claim was cancelled, or withdrawn because the drone was found."""
        ordered = self.record.claim.state is ClaimState.AWAITING_DISPATCH
        if ordered and not await self.run_step(self.replacement.withdraw()):
            return await self._left_before_the_withdrawal()
        refund = await self.run_step(self.fees.refund_all())
        self.record.close(Outcome.WITHDRAWN if self.found else Outcome.CANCELLED, gives_back=True)
        self.record.notify(MailKind.WITHDRAWN if self.found else MailKind.CANCELLED, refund)
        return None

    async def _left_before_the_withdrawal(self) -> Phase | None:
        """A cancel is rejected; a find stays known, and counts as one after the dispatch."""
        if self.found:
            return self.await_dispatch
        return await self.reject_decision(self.replacement.too_late(), self.await_dispatch)

    def in_any_state(self, message: Event | Decision | TimeReached) -> Phase | None:
        if isinstance(message, ReportFound):
            self.record.note("found", "The drone was found; the claim is withdrawn.", actor=message.actor)
            self.found = True
            return self.compensate
        return super().in_any_state(message)

    def accepts_during_step(self, decision: Decision) -> bool:
        return False

    async def handle_during_step(self, message: Event | Decision) -> None:
        """Record nothing: no unit is in transit."""
