"""Workflow part: the phases of a Premium claim after a charge: a late return, then the dispute window."""

from collections.abc import Callable

from temporalio import workflow

from domain import returns
from domain.inspection import Verdict
from domain.kinds import Attention, ClaimState, Outcome
from messages.claims import Inspect, ParcelArrived, ParcelScanned
from workflows.parts.box_inspection import BoxInspection
from workflows.parts.claim_workflow import ClaimWorkflow, Phase
from workflows.parts.common_messages import CommonMessages
from workflows.parts.message_inbox import TimeReached
from workflows.parts.return_window import ReturnWindow
from workflows.parts.settlement import Settlement

_CHARGED = (Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED)


class ChargedClaim:
    """`arrived` records an arrival and returns the phase after it; `await_inspection` is that phase."""

    def __init__(
        self,
        process: ClaimWorkflow,
        window: ReturnWindow,
        box: BoxInspection,
        settlement: Settlement,
        common: CommonMessages,
        arrived: Callable[[ParcelArrived], Phase],
        await_inspection: Phase,
    ) -> None:
        self._process = process
        self._record, self._inbox = process.record, process.inbox
        self._window = window
        self._box = box
        self._settlement = settlement
        self._common = common
        self._arrived = arrived
        self._await_inspection = await_inspection

    def refund_or_ask(self) -> Phase:
        """A good unit after a charge: refunded until its last day, later as staff decide (R-RET-10)."""
        if Attention.REFUND_DUE not in self._record.claim.attention or self._refundable():
            return self._settlement.refund_late_return
        self._record.wait_for(ClaimState.DEFAULTED, "for staff: the unit came after the last day for a refund")
        self._inbox.release_deferred()
        return self.await_late_return

    def _refundable(self) -> bool:
        arrived = self._window.returning.arrived_at
        return arrived is not None and returns.refundable(self._window.returning, arrived)

    async def _judge_late_box(self, decision: Inspect) -> Phase | None:
        """A box that came after the claim was closed: refunded when it came in time by its own moment, else staff
        decide, who know what was in it."""
        outcome, assessment = self._record.claim.outcome, await self._box.inspected(decision)
        good = assessment.verdict in (Verdict.GOOD, Verdict.PARTS_MISSING)
        if good and outcome is Outcome.DEFAULT_CHARGED and self._refundable():
            return self._settlement.refund_late_return
        return None

    async def await_late_return(self) -> Phase | None:
        """Wait for a late return, which is refunded until its last day (R-RET-10)."""
        while True:
            match await self._process.next_before_deadline("late return until"):
                case TimeReached() if self._window.delivered_in_time():
                    self._hold_back_delivered()
                case TimeReached():
                    self._record.close(Outcome.DEFAULT_CHARGED)
                    return self.watch_disputes
                case ParcelScanned() as event:
                    await self._window.scanned(event)
                    if await self._charged_early():
                        return self._settlement.undo_default
                case ParcelArrived() as event if returns.refundable(self._window.returning, event.arrived_at):
                    return self._arrived(event)
                case ParcelArrived() as event:
                    self._window.late_parcel(event)
                    if workflow.patched("late-parcel-inspected"):
                        self._record.wait_for(ClaimState.INSPECTING, "for the inspection")
                        return self._await_inspection
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase

    async def watch_disputes(self) -> Phase | None:
        """Wait while a charge can be waived, 30 days (R-AUD-1), an amount owed is unpaid (R-RET-9), or a parcel that
        came late waits for a decision (R-RET-10)."""
        while True:
            until, owed = self._record.claim.dispute_until, self._record.claim.amount_owed
            charged = self._record.claim.outcome in _CHARGED
            disputed = charged and (until is not None or Attention.REFUND_DUE in self._record.claim.attention)
            if not disputed and not owed:  # what is owed stays payable, whatever ended the claim
                break
            summary = f"dispute window ends {until:%Y-%m-%d}" if until else "payment of what is owed"
            match await self._inbox.next(until, summary):
                case TimeReached():
                    self._record.change(dispute_until=None)
                case Inspect() as decision:
                    if phase := await self._judge_late_box(decision):
                        return phase
                case other:
                    if phase := self._common.in_any_state(other):
                        return phase
        return None

    async def _charged_early(self) -> bool:
        if not self._window.may_wait_longer or not workflow.patched("early-default-undone"):
            return False
        return await self._settlement.charged_early()

    def _hold_back_delivered(self) -> None:
        """Nothing is closed by a machine while the carrier says that we have the parcel: staff decide."""
        self._window.wait_for_warehouse()
        self._record.flag(Attention.DEFAULT_HELD_BACK)
