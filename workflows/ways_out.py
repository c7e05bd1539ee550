"""Workflows: the ways out of a repair quote: warranty, replacement, paid repair, or back as it came (R-REP-1)."""

from dataclasses import replace
from datetime import datetime

from temporalio import workflow

from domain import repair, settlement
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import ClaimState, Outcome, PartsChoice, RepairChoice
from domain.money import Money
from domain.reasons import RuleError
from domain.repair import RepairQuote
from messages.claims import ChooseParts, ChooseRepair, Complete, Dispatch, QuoteRepair, ShipTo
from messages.jobs import (
    AskReplacementFee,
    ComputeMornings,
    JobOpened,
    Jobs,
    RequestReturn,
    ReserveForRepair,
    Workshop,
)
from messages.mail import MailKind
from messages.record import RecordDispatch
from workflows.shipping import Shipping, utc
from workflows.till import FeeAccount

_BACK = {
    RepairChoice.WARRANTY_REPAIR: Outcome.REPAIRED,
    RepairChoice.PAID_REPAIR: Outcome.REPAIRED,
    RepairChoice.RETURN: Outcome.RETURNED_UNREPAIRED,
}
_GOODBYE = {
    Outcome.REPAIRED: MailKind.REPAIRED,
    Outcome.RETURNED_UNREPAIRED: MailKind.RETURNED_UNREPAIRED,
    Outcome.SERVICED: MailKind.SERVICED,
}


class WaysOut(Shipping):
    """What happens to a unit once it has been quoted for. `_goes_back_as` is the outcome once it was shipped back."""

    def __init__(self, return_address: ShipTo) -> None:
        super().__init__()
        self._return_address = return_address
        self._opened: JobOpened | None = None
        self._goes_back_as = Outcome.REPAIRED
        self._payment_method: str | None = None
        self._reserved = False
        self._tries = 0
        self._parts_until: datetime | None = None

    @property
    def _terms(self) -> JobOpened:
        assert self._opened is not None, "nothing is opened yet"
        return self._opened

    async def _quote(self, decision: QuoteRepair) -> None:
        """All ways out are shown together (R-REP-1); 30 days to choose and pay (R-REP-2)."""
        if decision.amount.currency != self._the_claim.fee.currency:
            message = f"The quote must be in {self._the_claim.fee.currency}."
            raise RuleError("invalid_request", "R-REP-1", message)
        if decision.warranty:
            repair.require_warranty(self._terms.warranty_until, self._the_claim.opened_at)
        ask = AskReplacementFee(claim_id=self._the_claim.id, term_id=self._terms.term_id)
        fee = (await self._recorded(Jobs.ask_replacement_fee, ask, "what a replacement would cost")).fee
        until = await self._deadline(self._policy.repair_payment_days)
        quote = RepairQuote(
            findings=decision.findings,
            amount=decision.amount,
            warranty=decision.warranty,
            replacement_fee=fee,
            quoted_at=workflow.now(),
            pay_until=until,
        )
        mornings = ComputeMornings(
            at=workflow.now(), days=tuple(repair.REMINDER_DAYS.values()), time_zone=self._time_zone
        )
        times = (await self._recorded(Jobs.compute_mornings, mornings, "when to remind")).mornings
        self._notices = {MailKind(kind): at for kind, at in zip(repair.REMINDER_DAYS, times, strict=True)}
        self._change(
            repair_quote=quote,
            state=ClaimState.AWAITING_CHOICE,
            deadline=until,
            wait_reason=f"for the customer's choice until {utc(until)}",
        )
        self._note("repair_quoted", f"Quoted: {decision.amount}.", decision.findings, decision.actor)
        self._mail(MailKind.REPAIR_QUOTE)

    async def _choose(self, decision: ChooseRepair) -> None:
        quote = self._the_claim.repair_quote
        assert quote is not None, "a choice without a quote"
        cost = repair.price(quote, decision.choice)
        if cost and not decision.payment_method:
            raise RuleError("invalid_request", "R-REP-2", f"{cost} is to be paid: payment_method is missing.")
        if decision.choice is RepairChoice.REPLACEMENT:
            await self._reserve(quote)
        if cost:
            account: FeeAccount = "service_fees" if decision.choice is RepairChoice.REPLACEMENT else "repair_fees"
            await self._pay(cost, decision.payment_method or "", account)
        self._notices = {}
        self._change(fee=cost, deadline=None)
        name = decision.choice.replace("_", " ")
        self._note("repair_chosen", f"The customer chose: {name}.", actor=decision.actor)
        if decision.choice is RepairChoice.REPLACEMENT:
            await self._replace_when_complete()
            return
        if self._reserved:
            self._gives_back = True  # a replacement was tried first and its card declined
        self._goes_back_as = _BACK[decision.choice]
        what = "to be shipped back" if decision.choice is RepairChoice.RETURN else "for the repair"
        self._change(state=ClaimState.IN_SERVICE, wait_reason=what)
        if decision.choice is RepairChoice.RETURN:
            await self._request_return()

    async def _reserve(self, quote: RepairQuote) -> None:
        """R-REP-3: only a replacement draws a use, out of the term the case was opened in (R-REN-4)."""
        ask = ReserveForRepair(claim_id=self._the_claim.id, term_id=self._terms.term_id, at=workflow.now())
        answer = await self._recorded(Jobs.reserve_for_repair, ask, "reserve a use")
        if answer.fee is None:
            self._change(repair_quote=replace(quote, replacement_fee=None))
            await self._save()
            raise RuleError("action_not_allowed", "R-CLM-5", "No replacement of the plan is left for this case.")
        self._reserved = True

    async def _pay(self, amount: Money, payment_method: str, account: FeeAccount) -> None:
        self._payment_method = payment_method
        self._tries += 1
        declined = await self._charge(amount, payment_method, account, "repair", self._tries - 1)
        if declined is not None:
            await self._save()
            raise RuleError("payment_declined", "R-REP-2", f"The card declined {amount}. Another one may be tried.")

    # -- a replacement out of a repair -------------------------------------------------------------------------------

    async def _replace_when_complete(self) -> None:
        """R-REP-3 through R-CMP-1: the replacement waits for every covered component or its price."""
        if settlement.differences(self._the_claim.missing, self._the_claim.fee.currency):
            if self._parts_until is None:
                self._parts_until = await self._deadline(self._policy.parts_days)
            until = self._parts_until
            self._change(
                state=ClaimState.AWAITING_PARTS,
                deadline=until,
                wait_reason=f"for the missing parts or their price until {utc(until)}",
            )
            self._mail(MailKind.INSPECTED_PARTS)
            return
        self._await_dispatch()
        await self._request_dispatch(self._return_address, with_battery=True)

    async def _parts(self, decision: ChooseParts) -> None:
        if decision.choice is PartsChoice.SEND:
            self._note("parts_promised", "The customer sends the missing parts.", actor=decision.actor)
            return
        amount = settlement.differences(self._the_claim.missing, self._the_claim.fee.currency)
        await self._pay(amount, self._payment_method or "", "parts_charges")
        self._change(missing=())
        await self._replace_when_complete()

    async def _dispatched(self, decision: Dispatch) -> None:
        await self._record_dispatch(decision)
        self._close(Outcome.REPLACED)
        self._mail(MailKind.REPLACED)
        if self._terms.bindable:
            self._mail(MailKind.REBIND)

    # -- back to the customer ----------------------------------------------------------------------------------------

    async def _completed(self, decision: Complete) -> None:
        serial = (decision.repaired_serial_number or "").strip()
        if serial and compare_serials(self._the_claim.serial_number, serial) is not SerialMatch.SAME:
            # R-REP-4: a board swap is a new serial number, not a replacement.
            ask = RecordDispatch(
                claim=self._the_claim,
                replacement_serial_number=serial,
                at=workflow.now(),
                policy=self._policy,
                consumes=False,
            )
            await self._join_lineage(ask)
            self._note("serial_changed", f"The repair changed the serial number to {serial}.", actor=decision.actor)
        self._note("shipped_back", "The unit was shipped back.", decision.tracking_number or "", decision.actor)
        self._close(self._goes_back_as, gives_back=self._gives_back)
        self._mail(_GOODBYE[self._goes_back_as])

    async def _request_return(self) -> None:
        ask = RequestReturn(claim_id=self._the_claim.id, ship_to=self._return_address, at=workflow.now())
        answer = await self._effect(Workshop.request_return, ask, "ask the workshop to ship the unit back")
        self._note("return_requested", "The workshop was asked to ship the unit back.", answer.reference)

    async def _undo(self) -> None:
        """Everything paid is given back; a unit in the house goes home."""
        if self._the_claim.state is ClaimState.AWAITING_DISPATCH:
            await self._withdraw_dispatch()
        refund = await self._refund_everything_paid()
        if self._the_claim.returning and self._the_claim.returning.arrived_at:
            await self._request_return()
        self._close(Outcome.CANCELLED, gives_back=self._reserved)
        self._mail(MailKind.CANCELLED, refund)
