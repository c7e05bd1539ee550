"""Workflows: the workbench that online repair and maintenance share: a unit comes in, is quoted for, and goes back."""

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow

from domain import settlement
from domain.claim import Inspection
from domain.inspection import SerialMatch, compare_serials
from domain.kinds import Attention, ClaimState, Outcome
from messages.claims import (
    CancelClaim,
    ChooseParts,
    ChooseRepair,
    ClaimRefused,
    Complete,
    Dispatch,
    Inspect,
    ParcelArrived,
    ParcelScanned,
    QuoteRepair,
    ShipTo,
)
from messages.jobs import Jobs, OpenJob
from messages.mail import MailKind
from workflows.desk import Letter
from workflows.shipping import utc
from workflows.ways_out import WaysOut


class Bench(WaysOut):
    """One unit on the bench, from its label to the bench and out again."""

    def __init__(self, job: OpenJob, return_address: ShipTo, actor: str) -> None:
        super().__init__(return_address)
        self._job = job
        self._submitter = actor

    async def _story(self) -> None:
        if not await self._open():
            return
        await self._live()

    async def _open(self) -> bool:
        job = self._job.model_copy(update={"at": workflow.now()})
        answer = await self._recorded(Jobs.open_job, job, "open the case")
        if isinstance(answer, ClaimRefused):
            self._submission = answer
            return False
        self._opened = answer
        self._begin(answer)
        what = job.service.replace("_", " ")
        self._note("submitted", f"{what.capitalize()}: {answer.model_name}.", actor=self._submitter)
        window = await self._item_window(answer.expected)
        self._change(
            returning=window,
            state=ClaimState.AWAITING_ITEM,
            deadline=window.due_at,
            wait_reason=f"for the unit until {window.due_text}",
        )
        self._mail(MailKind.REPAIR_LABEL)
        await self._answer_submission()
        return True

    # -- the next thing that can happen ---------------------------------------------------------------------------

    async def _time_has_come(self) -> None:
        if self._deadline_has_passed():
            await self._deadline_passed()
        elif self._the_claim.state is ClaimState.INSPECTING:
            self._inspection_overdue()
        else:
            kind = self._latest_notice()
            self._note("reminder", "Reminder: a way out of the repair quote is to be chosen.")
            self._mail(kind)

    def _alarm(self) -> tuple[datetime | None, str]:
        claim = self._the_claim
        if claim.state is ClaimState.INSPECTING:
            return self._overdue_at, "inspection overdue"
        if claim.state is ClaimState.AWAITING_CHOICE and (notice := self._next_notice()):
            return notice
        if claim.deadline is None:
            return None, "people"
        return claim.deadline, f"{claim.state.replace('_', ' ')} until {claim.deadline:%Y-%m-%d}"

    async def _deadline_passed(self) -> None:
        match self._the_claim.state:
            case ClaimState.AWAITING_ITEM:
                self._note("lapsed", "The unit did not arrive in time; the case lapses.")
                self._close(Outcome.LAPSED)
                self._mail(MailKind.LAPSED)
            case ClaimState.AWAITING_CHOICE:
                self._note("quote_unpaid", "Nothing was chosen and paid in time; the unit goes back unrepaired.")
                await self._send_back_at_once()
            case ClaimState.AWAITING_PARTS:
                self._note("parts_lapsed", "The parts were neither sent nor paid; the unit goes back unrepaired.")
                await self._send_back_at_once()
            case _:
                raise AssertionError(f"no deadline in {self._the_claim.state}")

    async def _send_back_at_once(self) -> None:
        """R-REP-2: returned to the registered address and closed."""
        refund = await self._refund_everything_paid()
        await self._request_return()
        self._close(Outcome.RETURNED_UNREPAIRED, gives_back=self._reserved)
        self._mail(MailKind.RETURNED_UNREPAIRED, refund)

    # -- what letters do ------------------------------------------------------------------------------------------

    async def _act(self, letter: Letter) -> None:
        state = self._the_claim.state
        match letter.message:
            case ParcelArrived() as event if state in (ClaimState.AWAITING_ITEM, ClaimState.AWAITING_PARTS):
                self._arrived(event)
            case ParcelScanned() as event if state in (ClaimState.AWAITING_ITEM, ClaimState.AWAITING_PARTS):
                self._change(returning=replace(self._returning, scanned_at=event.scanned_at))
                self._note("return_scanned", "The carrier has the customer's parcel.", event.carrier, event.actor)
                if state is ClaimState.AWAITING_ITEM and event.scanned_at <= self._returning.due_at:
                    self._change(deadline=self._returning.carried_until)
            case Inspect() as decision:
                await self._inspected(decision)
            case QuoteRepair() as decision:
                await self._quote(decision)
            case ChooseRepair() as decision:
                await self._choose(decision)
            case ChooseParts() as decision:
                await self._parts(decision)
            case Dispatch() as decision:
                await self._dispatched(decision)
            case Complete() as decision:
                await self._completed(decision)
            case CancelClaim() as decision:
                self._note("cancel_asked", "The claim was cancelled.", decision.reason, decision.actor)
                await self._undo()
            case _:
                self._unexpected(letter)

    def _arrived(self, event: ParcelArrived) -> None:
        self._change(returning=replace(self._returning, arrived_at=event.arrived_at), deadline=None)
        self._note("parcel_arrived", f"The parcel arrived {utc(event.arrived_at)}.", event.reason or "", event.actor)
        self._mail(MailKind.ARRIVED)
        self._take_in()

    def _take_in(self) -> None:
        """Where an arrived unit goes first: to the inspector, unless the story knows better."""
        self._change(state=ClaimState.INSPECTING, wait_reason="for the inspection and the quote")
        self._overdue_at = workflow.now() + timedelta(days=self._policy.inspection_days)

    async def _inspected(self, decision: Inspect) -> None:
        """What is in the house; a replacement will want every covered component (R-CMP-1)."""
        before = self._the_claim.inspection
        seen = Inspection(
            at=workflow.now(),
            serial_number=decision.serial_number.strip() or (before.serial_number if before else ""),
            genuine=decision.genuine,
            components=tuple(sorted({*decision.components, *(before.components if before else ())})),
            notes=decision.notes,
            photos=decision.photos,
        )
        lacking = [part for part in self._returning.expected if part not in seen.components]
        self._unflag(Attention.INSPECTION_OVERDUE, Attention.SERIAL_UNCLEAR, Attention.FOREIGN_SERIAL)
        self._change(inspection=seen, missing=settlement.missing_parts(self._terms.offer, lacking))
        match compare_serials(self._the_claim.serial_number, seen.serial_number):
            case SerialMatch.UNCLEAR:
                self._flag(Attention.SERIAL_UNCLEAR)
            case SerialMatch.DIFFERENT:
                self._flag(Attention.FOREIGN_SERIAL)
        self._note("inspected", "Inspected.", seen.notes, decision.actor)
        if self._the_claim.repair_quote is not None:
            await self._replace_when_complete()
