"""Workflow part: the options of a repair quote: warranty, replacement, paid repair, or return unrepaired (R-REP-1)."""

from dataclasses import dataclass, replace
from datetime import datetime

from temporalio import workflow

from domain import repair, settlement
from domain.kinds import ClaimState, Outcome, RepairChoice
from domain.money import Money
from domain.reasons import RuleError
from domain.repair import RepairQuote
from messages.claims import ChooseRepair, QuoteRepair
from messages.jobs import ComputeMornings, GetReplacementFee, JobOpened, Jobs, ReserveForRepair
from messages.mail import MailKind
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord, utc
from workflows.parts.reminders import Reminders

_RETURN_OUTCOMES = {
    RepairChoice.WARRANTY_REPAIR: Outcome.REPAIRED,
    RepairChoice.PAID_REPAIR: Outcome.REPAIRED,
    RepairChoice.RETURN: Outcome.RETURNED_UNREPAIRED,
}


@dataclass
class RepairOptionsData:
    """`goes_back_as` is the outcome when the unit has been shipped back; `reserved`: a use is reserved."""

    opened: JobOpened | None = None
    choice: ChooseRepair | None = None
    reserved: bool = False
    goes_back_as: Outcome = Outcome.REPAIRED
    parts_until: datetime | None = None


class RepairOptions:
    """The quote, the customer's choice, and its price. It moves no money."""

    def __init__(
        self,
        record: ClaimRecord,
        calls: ActivityCalls,
        reminders: Reminders,
        data: RepairOptionsData | None = None,
    ) -> None:
        self._record = record
        self._calls = calls
        self._reminders = reminders
        self._data = data or RepairOptionsData()

    @property
    def data(self) -> RepairOptionsData:
        return self._data

    @property
    def terms(self) -> JobOpened:
        assert self._data.opened is not None, "the job is not opened yet"
        return self._data.opened

    @property
    def reserved(self) -> bool:
        return self._data.reserved

    @property
    def return_outcome(self) -> Outcome:
        return self._data.goes_back_as

    @property
    def payment_method(self) -> str:
        """The card of the choice; a choice that costs something has one."""
        return (self._data.choice.payment_method if self._data.choice else None) or ""

    def opened(self, terms: JobOpened) -> None:
        self._data.opened = terms

    def set_return_outcome(self, outcome: Outcome) -> None:
        self._data.goes_back_as = outcome

    async def quote(self, decision: QuoteRepair) -> None:
        """Record the quote with all options (R-REP-1); the customer has 30 days to choose and pay (R-REP-2)."""
        if decision.amount.currency != self._record.claim.fee.currency:
            message = f"The quote must be in {self._record.claim.fee.currency}."
            raise RuleError("invalid_request", "R-REP-1", message)
        if decision.warranty:
            repair.require_warranty(self.terms.warranty_until, self._record.claim.opened_at)
        request = GetReplacementFee(claim_id=self._record.claim.id, term_id=self.terms.term_id)
        fee = (await self._calls.database(Jobs.ask_replacement_fee, request, "what a replacement would cost")).fee
        until = await self._record.end_of_day(self._record.policy.repair_payment_days)
        quote = RepairQuote(
            findings=decision.findings,
            amount=decision.amount,
            warranty=decision.warranty,
            replacement_fee=fee,
            quoted_at=workflow.now(),
            pay_until=until,
        )
        await self._set_reminders()
        self._record.change(repair_quote=quote)
        self._record.wait_for(ClaimState.AWAITING_CHOICE, f"for the customer's choice until {utc(until)}", until)
        self._record.note("repair_quoted", f"Quoted: {decision.amount}.", decision.findings, decision.actor)
        self._record.notify(MailKind.REPAIR_QUOTE)

    async def choose(self, decision: ChooseRepair) -> None:
        """Record the choice; RuleError when it is not available, or costs something and has no card.

        Only a replacement reserves a use, of the term in which the case was opened (R-REP-3, R-REN-4).
        """
        self._data.choice = decision
        cost = self.cost
        if cost and not decision.payment_method:
            raise RuleError("invalid_request", "R-REP-2", f"{cost} is to be paid: payment_method is missing.")
        if decision.choice is not RepairChoice.REPLACEMENT:
            return
        request = ReserveForRepair(claim_id=self._record.claim.id, term_id=self.terms.term_id, at=workflow.now())
        result = await self._calls.database(Jobs.reserve_for_repair, request, "reserve a use")
        if result.fee is None:
            self._record.change(repair_quote=replace(self._quote, replacement_fee=None))
            raise RuleError("action_not_allowed", "R-CLM-5", "No replacement of the plan is left for this case.")
        self._data.reserved = True

    @property
    def chosen(self) -> RepairChoice:
        assert self._data.choice is not None, "nothing is chosen yet"
        return self._data.choice.choice

    @property
    def cost(self) -> Money:
        """The price of the choice."""
        return repair.price(self._quote, self.chosen)

    def paid(self) -> None:
        """Carry out the choice: its price is paid, or it costs nothing."""
        actor = self._data.choice.actor if self._data.choice else "customer"
        self._reminders.clear()
        self._record.change(fee=self.cost, deadline=None)
        self._record.note("repair_chosen", f"The customer chose: {self.chosen.replace('_', ' ')}.", actor=actor)
        if self.chosen is RepairChoice.REPLACEMENT:
            return
        if self._data.reserved:
            self._record.return_use()  # a replacement was tried first and its card declined
        self._data.goes_back_as = _RETURN_OUTCOMES[self.chosen]
        what = "to be shipped back" if self.chosen is RepairChoice.RETURN else "for the repair"
        self._record.wait_for(ClaimState.IN_SERVICE, what)

    async def await_missing_parts(self) -> bool:
        """Whether the replacement must wait for missing components or their price (R-REP-3, R-CMP-1)."""
        if not settlement.differences(self._record.claim.missing, self._record.claim.fee.currency):
            return False
        if self._data.parts_until is None:
            self._data.parts_until = await self._record.end_of_day(self._record.policy.parts_days)
        until = self._data.parts_until
        self._record.wait_for(
            ClaimState.AWAITING_PARTS, f"for the missing parts or their price until {utc(until)}", until
        )
        self._record.notify(MailKind.INSPECTED_PARTS)
        return True

    async def _set_reminders(self) -> None:
        request = ComputeMornings(
            at=workflow.now(), days=tuple(repair.REMINDER_DAYS.values()), time_zone=self._record.time_zone
        )
        times = (await self._calls.database(Jobs.compute_mornings, request, "when to remind")).mornings
        self._reminders.set(dict(zip(repair.REMINDER_DAYS, times, strict=True)))

    @property
    def _quote(self) -> RepairQuote:
        quote = self._record.claim.repair_quote
        assert quote is not None, "nothing is quoted yet"
        return quote
