"""Workflow part: the phases shared by online repair and maintenance: a unit arrives, is quoted, is shipped back."""

from temporalio import workflow

from domain import settlement
from domain.kinds import ClaimState, Outcome, PartsChoice, RepairChoice
from domain.money import Money
from domain.reasons import RuleError
from messages.claims import (
    ChooseParts,
    ChooseRepair,
    ClaimRefused,
    Complete,
    Decide,
    Decision,
    Dispatch,
    Event,
    Inspect,
    ParcelArrived,
    ParcelDelivered,
    ParcelScanned,
    QuoteRepair,
    StopRepair,
    WithdrawQuote,
)
from messages.jobs import Jobs, OpenJob
from messages.mail import MailKind
from workflows.parts.claim_workflow import ClaimData, ClaimWorkflow, Phase
from workflows.parts.fees import FeeAccount, Fees
from workflows.parts.job_inspection import JobInspection
from workflows.parts.message_inbox import TimeReached
from workflows.parts.reminders import Reminders
from workflows.parts.repair_completion import RepairCompletion
from workflows.parts.repair_options import RepairOptions
from workflows.parts.replacement import Replacement
from workflows.parts.return_window import ReturnWindow
from workflows.parts.service_job_snapshot import ServiceJobSnapshot
from workflows.parts.unit_return import UnitReturn


class ServiceJob:
    """`inspects_first`: an arrived unit is inspected and quoted; else it is serviced at once."""

    def __init__(
        self,
        process: ClaimWorkflow,
        job: OpenJob,
        actor: str,
        restored: ServiceJobSnapshot,
        *,
        inspects_first: bool,
    ) -> None:
        self._process = process
        self._record, self._inbox, self._calls = process.record, process.inbox, process.calls
        self._job = job
        self._actor = actor
        self._inspects_first = inspects_first
        self._reminders = Reminders(restored.reminders)
        self._options = RepairOptions(self._record, self._calls, self._reminders, restored.options)
        self._fees = Fees(self._record, process.gateway, restored.fees)
        self._window = ReturnWindow(self._record, self._calls, self._reminders, restored.window)
        self._replacement = Replacement(self._record, self._calls, process.address, restored.replacement)
        self._inspection = JobInspection(self._record, self._options, self._window)
        self.unit_return = UnitReturn(process, "workshop")
        self._completion = RepairCompletion(self._record, self._options, self._replacement, self.unit_return)

    def snapshot(self, claim: ClaimData) -> ServiceJobSnapshot:
        return ServiceJobSnapshot(
            claim,
            self._options.data,
            self._fees.data,
            self._reminders.data,
            self._window.data,
            self._replacement.data,
        )

    @property
    def paid(self) -> Money | None:
        """What was charged and not refunded; None when nothing was ever charged."""
        return self._fees.kept

    # -- until the unit arrives --------------------------------------------------------------------------------------

    async def submit(self) -> Phase | None:
        """Check the application, create the claim and send the label."""
        job = self._job.model_copy(update={"at": workflow.now()})
        result = await self._calls.database(Jobs.open_job, job, "open the case")
        if isinstance(result, ClaimRefused):
            self._process.refuse_submission(result)
            return None
        self._options.opened(result)
        if job.maintenance_code is not None:
            self._options.set_return_outcome(Outcome.SERVICED)
        self._record.create(result)
        service = job.service.replace("_", " ").capitalize()
        self._record.note("submitted", f"{service}: {result.model_name}.", actor=self._actor)
        window = await self._window.expect_item(result.expected)
        self._record.wait_for(ClaimState.AWAITING_ITEM, f"for the unit until {window.due_text}", window.due_at)
        self._record.notify(MailKind.REPAIR_LABEL)
        await self._process.accept()
        return self.await_item

    async def await_item(self) -> Phase | None:
        """Wait for the unit; without it in time the case lapses."""
        while True:
            match await self._process.next_before_deadline("unit expected by"):
                case TimeReached() if self._window.delivered_in_time():
                    self._window.wait_for_warehouse()
                case TimeReached():
                    self._record.note("lapsed", "The unit did not arrive in time; the case lapses.")
                    self._record.close(Outcome.LAPSED)
                    self._record.notify(MailKind.LAPSED)
                    return None
                case ParcelScanned() | ParcelDelivered() as event:
                    await self._window.carried(event)
                    self._window.wait_in_transit()
                case ParcelArrived() as event:
                    return self._arrived(event)
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    def _arrived(self, event: ParcelArrived) -> Phase:
        self._window.arrived(event, "for the inspection and the quote")
        if self._inspects_first or self._record.claim.repair_quote is not None:
            return self.await_inspection
        self._record.wait_for(ClaimState.IN_SERVICE, "for the maintenance")
        return self.await_completion

    # -- the quote and its options -------------------------------------------------------------------------------------

    async def await_inspection(self) -> Phase | None:
        """Wait for the workshop's inspection and quote; when they are overdue the claim is flagged."""
        while True:
            match await self._inbox.next(self._window.overdue_at, "inspection overdue"):
                case TimeReached():
                    self._window.inspection_overdue()
                case Inspect() as decision:
                    self._inspection.inspected(decision)
                    if self._record.claim.repair_quote is not None:
                        return await self._replace_when_complete()
                case QuoteRepair() | Decide() as decision:
                    if await self._options.quoted(decision):
                        return self.await_choice
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    async def await_choice(self) -> Phase | None:
        """Wait for the choice and its payment; without them in thirty days the unit goes back unrepaired (R-REP-2)."""
        while True:
            deadline, notice = self._record.claim.deadline, self._reminders.next_at
            until = min((at for at in (deadline, notice) if at is not None), default=None)
            summary = self._reminders.summary if until == notice and notice else f"choice due {deadline:%Y-%m-%d}"
            match await self._inbox.next(until, summary, deadline):
                case TimeReached() if self._window.deadline_passed:
                    self._record.note("quote_unpaid", "Nothing was chosen and paid in time; the unit goes back.")
                    return self.send_back
                case TimeReached():
                    self._options.remind()
                case ChooseRepair() as decision:
                    await self._options.choose(decision)
                    return self.pay_choice if self._options.cost else await self._chosen()
                case QuoteRepair() as decision:
                    if not await self._options.quoted(decision):
                        return self._back_to_the_workshop()
                case WithdrawQuote() as decision:
                    self._options.withdraw(decision)
                    return self._back_to_the_workshop()
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    def _back_to_the_workshop(self) -> Phase:
        """Nothing is offered to the customer: the workshop makes a new quote (R-REP-5)."""
        if self._inspects_first:
            self._window.wait_for_inspection(self._options.wait_reason)
            return self.await_inspection
        self._record.wait_for(ClaimState.IN_SERVICE, self._options.wait_reason)
        return self.await_completion

    async def pay_choice(self) -> Phase | None:
        cost, card = self._options.cost, self._options.payment_method
        replaces = self._options.chosen is RepairChoice.REPLACEMENT
        account: FeeAccount = "service_fees" if replaces else "repair_fees"
        if await self._process.run_step(self._fees.charge(cost, card, account, "repair", off_session=False)):
            return await self._chosen()
        error = RuleError("payment_declined", "R-REP-2", f"The card declined {cost}. Another one may be tried.")
        return await self._process.reject_decision(error, self.await_choice)

    async def _chosen(self) -> Phase | None:
        self._options.paid()
        if self._options.chosen is RepairChoice.REPLACEMENT:
            return await self._replace_when_complete()
        return self.request_return if self._options.chosen is RepairChoice.RETURN else self.await_completion

    async def _replace_when_complete(self) -> Phase:
        return self.await_parts if await self._options.await_missing_parts() else self.order_replacement

    async def await_parts(self) -> Phase | None:
        """Wait for the missing components or their price before a replacement (R-CMP-1)."""
        while True:
            match await self._process.next_before_deadline("parts due"):
                case TimeReached() if self._window.delivered_in_time():
                    self._window.wait_for_warehouse()
                case TimeReached():
                    self._record.note("parts_lapsed", "The parts were neither sent nor paid; the unit goes back.")
                    return self.send_back
                case ParcelScanned() | ParcelDelivered() as event:
                    await self._window.carried(event)
                case ParcelArrived() as event:
                    return self._arrived(event)
                case ChooseParts(choice=PartsChoice.SEND) as decision:
                    self._window.parts_promised(decision)
                case ChooseParts():
                    return self.pay_for_parts
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    async def pay_for_parts(self) -> Phase | None:
        amount = settlement.differences(self._record.claim.missing, self._record.claim.fee.currency)
        card = self._options.payment_method
        if await self._process.run_step(self._fees.charge(amount, card, "parts_charges", "repair", off_session=False)):
            self._record.change(missing=())
            return self.order_replacement
        error = RuleError("payment_declined", "R-REP-2", f"The card declined {amount}. Another one may be tried.")
        return await self._process.reject_decision(error, self.await_parts)

    # -- completion --------------------------------------------------------------------------------------------------

    async def order_replacement(self) -> Phase | None:
        await self._process.run_step(self._replacement.order_inline_first(with_battery=True))
        self._replacement.await_dispatch()
        return self.await_dispatch

    async def await_dispatch(self) -> Phase | None:
        while True:
            match await self._inbox.next(self._replacement.overdue_at, "dispatch"):
                case TimeReached():
                    self._replacement.note_overdue()
                case Dispatch() as decision:
                    await self._replacement.dispatched(decision)
                    self._replacement.close_as_replaced(bindable=self._options.terms.bindable)
                    return None
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    async def await_completion(self) -> Phase | None:
        """Wait until the unit is shipped back. Issues found in maintenance lead to a quote (R-MNT-2)."""
        while True:
            match await self._inbox.next(None, "people"):
                case Complete() as decision:
                    await self._completion.completed(decision)
                    return None
                case QuoteRepair() | Decide() as decision:
                    if await self._options.quoted(decision):
                        return self.await_choice
                case StopRepair() as decision:
                    self._record.note("repair_stopped", "Staff stopped the work.", decision.reason, decision.actor)
                    return self.send_back if self._record.claim.repair_quote else self.compensate
                case other:
                    if phase := self._process.in_any_state(other):
                        return phase

    async def request_return(self) -> Phase | None:
        await self._process.run_step(self.unit_return.request())
        return self.await_completion

    async def send_back(self) -> Phase | None:
        """R-REP-2, R-REP-7: return the unit to the registered address and close the claim."""
        refund = await self._process.run_step(self._fees.refund_all())
        await self._process.run_step(self.unit_return.request())
        self._record.close(Outcome.RETURNED_UNREPAIRED, gives_back=self._options.reserved)
        self._record.notify(MailKind.RETURNED_UNREPAIRED, refund)
        return self.unit_return.phase_after_closing()

    async def compensate(self) -> Phase | None:
        """Refund all fees; a unit that has arrived is shipped back."""
        ordered = self._record.claim.state is ClaimState.AWAITING_DISPATCH
        if ordered and not await self._process.run_step(self._replacement.withdraw()):
            return await self._process.reject_decision(self._replacement.too_late(), self.await_dispatch)
        refund = await self._process.run_step(self._fees.refund_all())
        if self.unit_return.is_here:
            await self._process.run_step(self.unit_return.request())
        self._record.close(Outcome.CANCELLED, gives_back=self._options.reserved)
        self._record.notify(MailKind.CANCELLED, refund)
        return self.unit_return.phase_after_closing()

    # -- what several phases share -----------------------------------------------------------------------------------

    def accepts_during_step(self, decision: Decision) -> bool:
        return self._window.accepts_during_step(decision)

    async def handle_during_step(self, message: Event | Decision) -> None:
        self._window.handle_during_step(message)
