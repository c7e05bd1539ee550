"""Workflows: a drone that flew away: staff decide, the fee is paid, a replacement ships. No hold, nothing to return."""

from datetime import datetime

from temporalio import workflow

from domain.kinds import Attention, ClaimState, Outcome, ReasonCode, Service
from domain.reasons import Reason, RuleError
from messages.claims import (
    CancelClaim,
    ChangePaymentMethod,
    ClaimRefused,
    Decide,
    Dispatch,
    ReportFound,
    SubmitFlyaway,
)
from messages.mail import MailKind
from messages.record import (
    Record,
    ReserveUse,
)
from workflows.desk import Letter
from workflows.shipping import Shipping, utc


@workflow.defn
class Flyaway(Shipping):
    """Reserve, decide, charge the flyaway fee, ship (R-FLY). Afterwards a found drone is still reported here."""

    @workflow.init
    def __init__(self, ask: SubmitFlyaway) -> None:
        super().__init__()
        self._asked = ask
        self._payment_method = ask.payment_method
        self._tries = 0

    @workflow.run
    async def run(self, ask: SubmitFlyaway) -> str:
        return await self._tell(self._story())

    async def _story(self) -> None:
        if not await self._submit():
            return
        await self._live()
        await self._watch_for_a_find()

    def _alarm(self) -> tuple[datetime | None, str]:
        deadline = self._the_claim.deadline
        return deadline, f"payment due {deadline:%Y-%m-%d}" if deadline else "people"

    async def _time_has_come(self) -> None:
        self._note("lapsed", f"The fee was not paid within {self._policy.payment_days} days; the case lapses.")
        self._close(Outcome.LAPSED, gives_back=True)
        self._mail(MailKind.LAPSED)

    async def _submit(self) -> bool:
        ask = self._asked
        answer = await self._recorded(
            Record.reserve_use,
            ReserveUse(
                claim_id=ask.claim_id,
                service=Service.FLYAWAY,
                tier=None,
                serial_number=ask.serial_number,
                incident=ask.incident,
                at=workflow.now(),
                accepted_terms=ask.accepted_terms,
                terms_version=ask.terms_version,
                confirmed_unrecoverable=ask.confirmed_unrecoverable,
                flight_record=ask.flight_record,
                ship_to_country=ask.ship_to.country,
            ),
            "reserve a flyaway use",
        )
        if isinstance(answer, ClaimRefused):
            self._submission = answer
            return False
        self._begin(answer)
        self._change(state=ClaimState.AWAITING_DECISION, wait_reason="for staff to check the flight record")
        self._note(
            "submitted", f"Flyaway reported: {answer.model_name}.", f"Flight record {ask.flight_record}.", ask.actor
        )
        self._mail(MailKind.SETTLEMENT, self._the_claim.fee)
        await self._answer_submission()
        return True

    async def _act(self, letter: Letter) -> None:
        match letter.message:
            case Decide(approve=True) as decision:
                self._note("approved", "The flyaway was approved.", decision.reason, decision.actor)
                self._mail(MailKind.FLYAWAY_APPROVED, self._the_claim.fee)
                if not await self._pay():
                    until = await self._deadline(self._policy.payment_days)
                    self._change(
                        state=ClaimState.AWAITING_PAYMENT,
                        deadline=until,
                        wait_reason=f"for the flyaway fee until {utc(until)}",
                    )
                    self._mail(MailKind.PAYMENT_DECLINED, self._the_claim.fee)
            case Decide() as decision:
                if not decision.reason:
                    raise RuleError("invalid_request", "R-FLY-3", "A rejection needs a reason.")
                self._note("rejected", "The flyaway was rejected.", decision.reason, decision.actor)
                self._change(reasons=(Reason(ReasonCode.FLYAWAY_REJECTED, "R-FLY-3", decision.reason),))
                self._close(Outcome.REJECTED, gives_back=True)
                self._mail(MailKind.FLYAWAY_REJECTED)
            case ChangePaymentMethod() as decision:
                self._payment_method = decision.payment_method
                if not await self._pay():
                    await self._save()
                    raise RuleError("payment_declined", "R-FLY-4", f"The card declined {self._the_claim.fee}.")
            case Dispatch() as decision:
                await self._dispatched(decision)
            case ReportFound() as decision:
                await self._found(decision)
            case CancelClaim() as decision:
                self._note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                await self._undo()
            case _:
                self._unexpected(letter)

    async def _pay(self) -> bool:
        """Charge the fee; each card that is tried is a new question, each with its own key."""
        self._tries += 1
        fee = self._the_claim.fee
        declined = await self._charge(fee, self._payment_method, "flyaway_fees", "fee", self._tries - 1)
        if declined is not None:
            return False
        self._await_dispatch()
        await self._request_dispatch(self._asked.ship_to, with_battery=True)
        return True

    async def _dispatched(self, decision: Dispatch) -> None:
        await self._record_dispatch(decision, lost=True)
        self._change(dispute_until=await self._deadline(self._policy.found_watch_days))
        self._close(Outcome.REPLACED)
        self._mail(MailKind.REPLACED)
        self._mail(MailKind.REBIND)

    async def _found(self, decision: ReportFound) -> None:
        """R-FLY-6: before dispatch the claim is withdrawn; afterwards the old unit stays lost and staff fetch it."""
        if self._the_claim.state is ClaimState.CLOSED:
            self._flag(Attention.FOUND_AFTER_DISPATCH)
            self._note("found_after_dispatch", "The drone was found after its replacement left.", actor=decision.actor)
            return
        self._note("found", "The drone was found; the claim is withdrawn.", actor=decision.actor)
        await self._withdraw(Outcome.WITHDRAWN, MailKind.WITHDRAWN)

    async def _undo(self) -> None:
        await self._withdraw(Outcome.CANCELLED, MailKind.CANCELLED)

    async def _withdraw(self, outcome: Outcome, kind: MailKind) -> None:
        if self._the_claim.state is ClaimState.AWAITING_DISPATCH:
            await self._withdraw_dispatch()
        refund = await self._refund_everything_paid()
        self._close(outcome, gives_back=True)
        self._mail(kind, refund)

    async def _watch_for_a_find(self) -> None:
        while self._the_claim.outcome is Outcome.REPLACED and self._the_claim.dispute_until is not None:
            until = self._the_claim.dispute_until
            letter = await self._next(until, f"a find can be reported until {until:%Y-%m-%d}")
            if letter is not None:
                await self._handle(letter)
                if Attention.FOUND_AFTER_DISPATCH in self._the_claim.attention:
                    return
            else:
                self._change(dispute_until=None)
                await self._save()
