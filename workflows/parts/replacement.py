"""Workflow part: the replacement: requested of the warehouse, withdrawn, dispatched, added to the lineage."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

from domain import lifecycle
from domain.claim import Parcel
from domain.kinds import Attention, ClaimState, Component, Outcome
from domain.reasons import RuleError
from messages.claims import Dispatch
from messages.mail import MailKind
from messages.record import DispatchRecorded, DispatchRefused, Record, RecordDispatch, UndoDispatch
from messages.warehouse import DispatchRequested, RequestDispatch, Warehouse, WithdrawDispatch
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.delivery_address import DeliveryAddress

_SUMMARY = "ask the warehouse to ship"


@dataclass
class ReplacementData:
    """`overdue_at` is when the dispatch becomes overdue, None when it is not awaited or was flagged already. `resends`
    counts how often the unit came back and was to be shipped again."""

    overdue_at: datetime | None = None
    resends: int = 0


class Replacement:
    """`address` is the address it is shipped to."""

    def __init__(
        self, record: ClaimRecord, calls: ActivityCalls, address: DeliveryAddress, data: ReplacementData | None = None
    ) -> None:
        self._record = record
        self._calls = calls
        self._address = address
        self._data = data or ReplacementData()

    @property
    def data(self) -> ReplacementData:
        return self._data

    @property
    def overdue_at(self) -> datetime | None:
        """When the dispatch becomes overdue; None when it is not awaited or was flagged already."""
        return self._data.overdue_at

    @property
    def ships_again(self) -> bool:
        """Whether what is shipped is the unit that came back (R-EXP-10)."""
        return self._data.resends > 0

    def ship_again(self) -> None:
        """The unit has come back and is to be shipped once more."""
        self._data.resends += 1
        self.await_dispatch()

    def await_dispatch(self) -> None:
        flagged, days = Attention.DISPATCH_OVERDUE in self._record.claim.attention, self._record.dispatch_days
        if self.ships_again:
            days = self._record.policy.dispatch_days  # also in a claim that release 0.2.0 made
        if self._data.overdue_at is None and not flagged and days is not None:
            self._data.overdue_at = workflow.now() + timedelta(days=days)
        what = "report the dispatch" if self._record.claim.leaving else f"ship the replacement{self._again}"
        self._record.wait_for(ClaimState.AWAITING_DISPATCH, f"for the warehouse to {what}")

    def note_overdue(self) -> None:
        """Flag the claim and tell the customer, who may leave, when the dispatch is overdue now."""
        if self._data.overdue_at is None or workflow.now() <= self._data.overdue_at:
            return
        self._data.overdue_at = None
        self._record.flag(Attention.DISPATCH_OVERDUE)
        days = self._record.policy.dispatch_days
        self._record.note("dispatch_overdue", f"The replacement has not left{self._again} within {days} days.")
        self._record.notify(MailKind.DISPATCH_DELAYED)

    @property
    def _again(self) -> str:
        return " again" if self.ships_again else ""

    def _no_longer_awaited(self) -> None:
        self._data.overdue_at = None
        self._record.unflag(Attention.DISPATCH_OVERDUE)

    async def order_inline(self, *, with_battery: bool) -> bool:
        """Request the dispatch in one inline attempt. Returns whether the warehouse responded."""
        result = await self._calls.inline(Warehouse.request_dispatch, self._order(with_battery), _SUMMARY)
        return self._ordered(result)

    async def order_inline_first(self, *, with_battery: bool) -> None:
        if not await self.order_inline(with_battery=with_battery):
            await self.order(with_battery=with_battery)

    async def order(self, *, with_battery: bool) -> None:
        """Request the dispatch, retried until the warehouse responds; a repeated request changes nothing there."""
        result = await self._calls.external(Warehouse.request_dispatch, self._order(with_battery), _SUMMARY)
        self._ordered(result)

    def _order(self, with_battery: bool) -> RequestDispatch:
        claim = self._record.claim
        if self.ships_again:  # the unit goes out as it came back
            with_battery = claim.inspection is not None and Component.BATTERY in claim.inspection.components
        return RequestDispatch(
            claim_id=claim.id,
            model=claim.model,
            region=claim.region,
            with_battery=with_battery,
            ship_to=self._address.current,
            at=workflow.now(),
            number=self._data.resends,
            serial_number=claim.replacement_serial_number if self.ships_again else None,
        )

    def _ordered(self, result: DispatchRequested | None) -> bool:
        if result is not None:
            title = f"The warehouse was asked to ship the replacement{self._again}."
            self._record.note("dispatch_requested", title, result.reference)
        return result is not None

    async def withdraw(self) -> bool:
        """Ask the warehouse not to ship. False: it is too late, and the claim goes on as one whose dispatch will be
        reported (R-EXP-9, edge case 27)."""
        request = WithdrawDispatch(claim_id=self._record.claim.id, at=workflow.now())
        left = await self._calls.external(Warehouse.withdraw_dispatch, request, "ask the warehouse not to ship")
        if left is None:
            self._no_longer_awaited()
            return True
        self._record.note("withdrawal_too_late", "The warehouse can no longer stop the replacement.")
        self._record.change(leaving=True)
        self.await_dispatch()
        return False

    def too_late(self) -> RuleError:
        """The rejection of a cancel that came too late for the warehouse."""
        return RuleError("action_not_allowed", *lifecycle.TOO_LATE)

    async def dispatched(
        self,
        decision: Dispatch,
        *,
        window_days: int | None = None,
        expected: tuple[Component, ...] = (),
        lost: bool = False,
    ) -> DispatchRecorded:
        """Record the dispatch and add the unit to the lineage; RuleError for a wrong unit (R-CLM-8, R-CLM-9).

        With `window_days` the result has the return window. `lost`: the unit that it replaces will not be returned.
        """
        serial = decision.replacement_serial_number.strip()
        request = RecordDispatch(
            claim=self._record.claim,
            replacement_serial_number=serial,
            at=workflow.now(),
            policy=self._record.policy,
            window_days=window_days,
            expected=expected,
            lost=lost,
            serial_number_confirmed=decision.serial_number_confirmed,
            number=self._data.resends,
        )
        result = await self._join_lineage(request)
        self._no_longer_awaited()
        self._record.change(shipment=Parcel(decision.carrier, decision.tracking_number))
        parcel = " ".join(part for part in (decision.carrier, decision.tracking_number) if part)
        title = f"Replacement {serial} was dispatched{self._again}."
        self._record.note("replacement_dispatched", title, parcel, decision.actor)
        return result

    async def undo(self) -> RuleError | None:
        """Take the replacement out of the lineage again, once; the reason when that is not possible (R-EXP-10)."""
        request = UndoDispatch(claim=self._record.claim, at=workflow.now())
        serial = self._record.claim.replacement_serial_number
        refused = await self._calls.database(Record.undo_dispatch, request, f"undo the dispatch of {serial}")
        if refused is not None:
            return RuleError("refused", refused.rule, refused.message)
        if not self._record.claim.replacement_undone:
            self._record.change(replacement_undone=True)
            original = self._record.claim.serial_number
            title = f"The replacement {serial} was undone: {original} is the current unit again."
            self._record.note("replacement_undone", title)
        return None

    def close_as_replaced(self, *, bindable: bool) -> None:
        """Close the claim: the replacement is the customer's, and starts unbound (R-CLM-10)."""
        self._record.close(Outcome.REPLACED)
        self._record.notify(MailKind.REPLACED)
        if bindable:
            self._record.notify(MailKind.REBIND)

    async def serial_changed(self, serial_number: str, *, confirmed: bool) -> None:
        """Record a repair that changed the serial number, which is no replacement (R-REP-4)."""
        request = RecordDispatch(
            claim=self._record.claim,
            replacement_serial_number=serial_number,
            at=workflow.now(),
            policy=self._record.policy,
            consumes=False,
            serial_number_confirmed=confirmed,
        )
        await self._join_lineage(request)

    async def _join_lineage(self, request: RecordDispatch) -> DispatchRecorded:
        summary = f"dispatch {request.replacement_serial_number}"
        result = await self._calls.database(Record.record_dispatch, request, summary)
        if isinstance(result, DispatchRefused):
            raise RuleError("refused", result.rule, result.message)
        self._record.change(
            replacement_serial_number=request.replacement_serial_number,
            dispatched_on=result.dispatched_on,
            leaving=False,
        )
        return result
