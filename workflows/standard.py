"""Workflows: Care Express Standard: the customer sends the unit in first; the replacement ships when it has passed."""

from datetime import datetime

from temporalio import workflow

from domain import returns
from domain.inspection import Verdict
from domain.kinds import ClaimState, Outcome, PartsChoice
from domain.reasons import RuleError
from domain.settlement import differences
from messages.claims import (
    CancelClaim,
    ChooseParts,
    Dispatch,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    SubmitCareExpress,
)
from messages.mail import MailKind
from workflows.desk import Letter
from workflows.exchange import Exchange
from workflows.shipping import utc

_RETURNABLE = (ClaimState.AWAITING_ITEM, ClaimState.AWAITING_CURE, ClaimState.AWAITING_PARTS)


@workflow.defn
class CareExpressStandard(Exchange):
    """Reserve, charge the fee, await the unit, inspect, ship. Nothing in time: fee and use go back (R-EXP-2)."""

    @workflow.init
    def __init__(self, ask: SubmitCareExpress) -> None:
        super().__init__(ask)
        self._parts_tries = 0

    @workflow.run
    async def run(self, ask: SubmitCareExpress) -> str:
        return await self._tell(self._story())

    async def _story(self) -> None:
        if not await self._submit():
            return
        await self._live()

    async def _submit(self) -> bool:
        if not await self._agree(card=None):
            return False
        declined = await self._charge(self._the_claim.fee, self._asked.payment_method, "service_fees", "fee")
        if declined is not None:
            self._close(Outcome.PAYMENT_DECLINED, gives_back=True)
            self._mail(MailKind.PAYMENT_DECLINED)
            await self._answer_submission()
            return False
        window = await self._item_window(self._terms.expected)
        self._change(
            returning=window,
            state=ClaimState.AWAITING_ITEM,
            deadline=window.due_at,
            wait_reason=f"for the damaged unit until {utc(window.due_at)}",
        )
        self._mail(MailKind.SETTLEMENT, self._the_claim.fee)
        await self._answer_submission()
        return True

    async def _time_has_come(self) -> None:
        if self._the_claim.deadline is not None:
            await self._lapse()
        else:
            self._inspection_overdue()

    def _alarm(self) -> tuple[datetime | None, str]:
        claim = self._the_claim
        if claim.state is ClaimState.INSPECTING:
            return self._overdue_at, "inspection overdue"
        return claim.deadline, f"unit expected by {claim.deadline:%Y-%m-%d}" if claim.deadline else "dispatch"

    async def _lapse(self) -> None:
        self._note("lapsed", "The right unit did not arrive in time; the case lapses.")
        refund = await self._refund_everything_paid()
        self._close(Outcome.LAPSED, gives_back=True)
        self._mail(MailKind.LAPSED, refund)

    async def _act(self, letter: Letter) -> None:
        state = self._the_claim.state
        match letter.message:
            case ParcelArrived() if state is ClaimState.INSPECTING:
                self._keep(letter)
            case ParcelArrived() as event if state in _RETURNABLE:
                self._arrived(event)
            case ParcelScanned() as event if state in _RETURNABLE:
                await self._scanned(event)
                if state is ClaimState.AWAITING_ITEM:
                    self._change(deadline=returns.waits_until(self._returning))
            case Inspect() as decision:
                await self._judge_box(decision)
            case ChooseParts() as decision:
                await self._parts(decision)
            case Dispatch() as decision:
                await self._record_dispatch(decision, expected=self._terms.expected)
                self._close(Outcome.REPLACED)
                self._mail(MailKind.REPLACED)
                if self._terms.bindable:
                    self._mail(MailKind.REBIND)
            case CancelClaim() as decision:
                self._note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                await self._undo()
            case _:
                self._unexpected(letter)

    async def _judge_box(self, decision: Inspect) -> None:
        match (await self._inspected(decision)).verdict:
            case Verdict.UNCLEAR:
                return
            case Verdict.GOOD:
                await self._ship()
            case Verdict.MISMATCH:
                if not await self._await_cure(
                    ClaimState.AWAITING_CURE, self._policy.cure_days, MailKind.INSPECTED_MISMATCH
                ):
                    await self._lapse()
            case Verdict.PARTS_MISSING:
                if not await self._await_cure(
                    ClaimState.AWAITING_PARTS, self._policy.parts_days, MailKind.INSPECTED_PARTS
                ):
                    await self._lapse()

    async def _parts(self, decision: ChooseParts) -> None:
        """Send them or pay the difference; only then is the replacement provided (R-CMP-1)."""
        if decision.choice is PartsChoice.SEND:
            self._note("parts_promised", "The customer sends the missing parts.", actor=decision.actor)
            return
        amount = differences(self._the_claim.missing, self._the_claim.fee.currency)
        self._parts_tries += 1
        declined = await self._charge(
            amount, self._asked.payment_method, "parts_charges", "parts", self._parts_tries - 1
        )
        if declined is not None:
            await self._save()
            message = f"The card declined {amount}. Send the parts, or try again."
            raise RuleError("payment_declined", "R-CMP-1", message)
        self._change(missing=())
        await self._ship()

    async def _ship(self) -> None:
        self._await_dispatch()
        await self._request_dispatch(self._asked.ship_to, with_battery=self._asked.replace_battery)

    async def _undo(self) -> None:
        if self._the_claim.state is ClaimState.AWAITING_DISPATCH:
            await self._withdraw_dispatch()
        returning = self._the_claim.returning
        if returning is not None and returning.arrived_at is not None:
            self._note("unit_goes_back", "The unit that was sent in goes back to the customer.")
        refund = await self._refund_everything_paid()
        self._close(Outcome.CANCELLED, gives_back=True)
        self._mail(MailKind.CANCELLED, refund)
