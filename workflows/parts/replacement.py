"""Workflows, a part: the replacement: asked of the warehouse, called off, shipped, and entered into the lineage."""

from temporalio import workflow

from domain.kinds import ClaimState, Component, Outcome
from domain.reasons import RuleError
from messages.claims import Dispatch, ShipTo
from messages.mail import MailKind
from messages.record import DispatchRecorded, DispatchRefused, Record, RecordDispatch
from messages.warehouse import DispatchRequested, RequestDispatch, Warehouse, WithdrawDispatch
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord

_SUMMARY = "ask the warehouse to ship"


class Replacement:
    """`ship_to` is where it goes."""

    def __init__(self, record: ClaimRecord, calls: ActivityCalls, ship_to: ShipTo) -> None:
        self._record = record
        self._calls = calls
        self._ship_to = ship_to

    def await_dispatch(self) -> None:
        self._record.wait_for(ClaimState.AWAITING_DISPATCH, "for the warehouse to ship the replacement")

    async def order_inline(self, *, with_battery: bool) -> bool:
        """Ask the warehouse to ship it, inside the workflow task; whether it has answered at once."""
        answer = await self._calls.inline(Warehouse.request_dispatch, self._order(with_battery), _SUMMARY)
        return self._ordered(answer)

    async def order_inline_first(self, *, with_battery: bool) -> None:
        if not await self.order_inline(with_battery=with_battery):
            await self.order(with_battery=with_battery)

    async def order(self, *, with_battery: bool) -> None:
        """The same until the warehouse answers; asking again changes nothing there."""
        answer = await self._calls.external(Warehouse.request_dispatch, self._order(with_battery), _SUMMARY)
        self._ordered(answer)

    def _order(self, with_battery: bool) -> RequestDispatch:
        return RequestDispatch(
            claim_id=self._record.claim.id,
            model=self._record.claim.model,
            region=self._record.claim.region,
            with_battery=with_battery,
            ship_to=self._ship_to,
            at=workflow.now(),
        )

    def _ordered(self, answer: DispatchRequested | None) -> bool:
        if answer is not None:
            title = "The warehouse was asked to ship the replacement."
            self._record.note("dispatch_requested", title, answer.reference)
        return answer is not None

    async def withdraw(self) -> None:
        request = WithdrawDispatch(claim_id=self._record.claim.id, at=workflow.now())
        await self._calls.external(Warehouse.withdraw_dispatch, request, "ask the warehouse not to ship")

    async def dispatched(
        self,
        decision: Dispatch,
        *,
        window_days: int | None = None,
        expected: tuple[Component, ...] = (),
        lost: bool = False,
    ) -> DispatchRecorded:
        """It left and joins the lineage; RuleError when it cannot be this unit (R-CLM-8, R-CLM-9).

        With `window_days` the answer has the return window. `lost`: the unit that it replaces is not coming back.
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
        )
        answer = await self._join_lineage(request)
        parcel = " ".join(part for part in (decision.carrier, decision.tracking_number) if part)
        title = f"Replacement {serial} was dispatched."
        self._record.note("replacement_dispatched", title, parcel, decision.actor)
        return answer

    def close_as_replaced(self, *, bindable: bool) -> None:
        """That was all: the replacement is the customer's, and starts unbound (R-CLM-10)."""
        self._record.close(Outcome.REPLACED)
        self._record.notify(MailKind.REPLACED)
        if bindable:
            self._record.notify(MailKind.REBIND)

    async def serial_changed(self, serial_number: str) -> None:
        """A repair gave the unit another serial number, which is no replacement (R-REP-4)."""
        request = RecordDispatch(
            claim=self._record.claim,
            replacement_serial_number=serial_number,
            at=workflow.now(),
            policy=self._record.policy,
            consumes=False,
        )
        await self._join_lineage(request)

    async def _join_lineage(self, request: RecordDispatch) -> DispatchRecorded:
        summary = f"dispatch {request.replacement_serial_number}"
        answer = await self._calls.database(Record.record_dispatch, request, summary)
        if isinstance(answer, DispatchRefused):
            raise RuleError("refused", answer.rule, answer.message)
        self._record.change(
            replacement_serial_number=request.replacement_serial_number, dispatched_on=answer.dispatched_on
        )
        return answer
