"""Workflow part: a repair quote and its options: warranty, replacement, paid repair, or return unrepaired (R-REP-1).

Until an option is chosen a quote may be revised or withdrawn; a large one goes out when a second person approves it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from temporalio import workflow

from domain import repair, settlement
from domain.dates import utc_text
from domain.kinds import Attention, ClaimState, Outcome, RepairChoice
from domain.money import Money
from domain.reasons import RuleError
from domain.repair import RepairQuote
from messages.claims import ChooseRepair, Decide, QuoteRepair, WithdrawQuote
from messages.jobs import ComputeMornings, GetReplacementFee, JobOpened, Jobs, ReserveForRepair
from messages.mail import MailKind
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.reminders import Reminders

_RETURN_OUTCOMES = {
    RepairChoice.WARRANTY_REPAIR: Outcome.REPAIRED,
    RepairChoice.PAID_REPAIR: Outcome.REPAIRED,
    RepairChoice.RETURN: Outcome.RETURNED_UNREPAIRED,
}


@dataclass
class RepairOptionsData:
    """`goes_back_as` is the outcome when the unit has been shipped back; `reserved`: a use is reserved.

    `versions` counts the quotes, but not one of release 0.2.0; `unapproved` is the one that waits for a second person.
    """

    opened: JobOpened | None = None
    choice: ChooseRepair | None = None
    reserved: bool = False
    goes_back_as: Outcome = Outcome.REPAIRED
    parts_until: datetime | None = None
    versions: int = 0
    unapproved: QuoteRepair | None = None


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

    @property
    def wait_reason(self) -> str:
        """What the claim waits for while no quote is open."""
        return "for a second person to approve the quote" if self._data.unapproved else "for a new quote"

    def remind(self) -> None:
        """Send the latest reminder that is due."""
        latest = self._reminders.take_latest()
        if latest is not None:
            self._record.note("reminder", "Reminder: one option of the repair quote is to be chosen.")
            self._record.notify(latest)

    async def quoted(self, decision: QuoteRepair | Decide) -> bool:
        """A quote, or a second person's decision about one. Returns whether a version of it went to the customer."""
        return await (self._quoted(decision) if isinstance(decision, QuoteRepair) else self._decided(decision))

    async def _quoted(self, decision: QuoteRepair) -> bool:
        """A new version of the quote replaces the one before (R-REP-5); a large one waits for a second person."""
        if decision.amount.currency != self._record.claim.fee.currency:
            message = f"The quote must be in {self._record.claim.fee.currency}."
            raise RuleError("invalid_request", "R-REP-1", message)
        if decision.warranty:
            repair.require_warranty(self.terms.warranty_until, self._record.claim.opened_at)
        value, percent = self.terms.offer.product_value, self._record.policy.second_person_percent
        large = repair.needs_second_person(decision.amount, value, percent)
        if large and workflow.patched("repair-quote-second-person"):
            self._ask_second_person(decision)
            return False
        self._next_version()
        await self._offer(decision)
        return True

    async def _decided(self, decision: Decide) -> bool:
        """A second person approves the large quote or drops it (R-REP-6)."""
        unapproved = self._data.unapproved
        assert unapproved is not None, "no quote waits for a second person"
        if decision.approve:
            repair.require_second_person(unapproved.by, decision.by)
            self._record.note("repair_quote_approved", "A second person approved it.", decision.reason, decision.actor)
            await self._offer(unapproved)
        else:
            if not decision.reason:
                raise RuleError("invalid_request", "R-REP-6", "A rejection needs a reason.")
            self._record.note("repair_quote_dropped", "The quote was dropped.", decision.reason, decision.actor)
        self._forget_unapproved()
        if not decision.approve:
            self._record.change(wait_reason=self.wait_reason)
        return decision.approve

    def withdraw(self, decision: WithdrawQuote) -> None:
        """Withdraw the quote; nothing was chosen yet. The customer is told (R-REP-5)."""
        self._withdraw("The quote was withdrawn.", decision.reason, decision.actor)

    def _withdraw(self, title: str, reason: str, actor: str) -> None:
        self._data.versions = self._last_version
        self._reminders.clear()
        self._record.change(repair_quote=None, deadline=None)
        self._record.note("repair_quote_withdrawn", title, reason, actor)
        self._record.notify(MailKind.REPAIR_QUOTE_WITHDRAWN)

    def _ask_second_person(self, decision: QuoteRepair) -> None:
        if self._record.claim.repair_quote is not None:
            self._withdraw("The quote was withdrawn, to be replaced by a larger one.", "", decision.actor)
        self._next_version()
        self._data.unapproved = decision
        self._record.flag(Attention.QUOTE_UNAPPROVED)
        self._record.change(wait_reason=self.wait_reason)
        title = f"Quote {self._data.versions}, {decision.amount}, waits for a second person (R-REP-6)."
        self._record.note("repair_quote_unapproved", title, decision.findings, decision.actor)

    def _forget_unapproved(self) -> None:
        self._data.unapproved = None
        self._record.unflag(Attention.QUOTE_UNAPPROVED)

    def _next_version(self) -> None:
        self._data.versions = self._last_version + 1
        self._forget_unapproved()

    @property
    def _last_version(self) -> int:
        quote = self._record.claim.repair_quote
        return max(self._data.versions, quote.version if quote else 0)

    async def _offer(self, decision: QuoteRepair) -> None:
        """Send the quote with all options (R-REP-1); the customer has 30 days to choose and pay (R-REP-2)."""
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
            version=self._data.versions,
        )
        await self._set_reminders()
        self._record.change(repair_quote=quote)
        self._record.wait_for(ClaimState.AWAITING_CHOICE, f"for the customer's choice until {utc_text(until)}", until)
        again = f" (version {quote.version}, which replaces every earlier one)" if quote.version > 1 else ""
        self._record.note("repair_quoted", f"Quoted: {decision.amount}{again}.", decision.findings, decision.actor)
        self._record.notify(MailKind.REPAIR_QUOTE)

    async def choose(self, decision: ChooseRepair) -> None:
        """Record the choice; RuleError when it is not available, or costs something and has no card.

        Only a replacement reserves a use, of the term in which the case was opened (R-REP-3, R-REN-4).
        """
        repair.require_version(self._quote, decision.choice, decision.quote_version)
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
        chosen = replace(self._quote, chosen=self.chosen)
        self._record.change(fee=self.cost, deadline=None, repair_quote=chosen)
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
            ClaimState.AWAITING_PARTS, f"for the missing parts or their price until {utc_text(until)}", until
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
