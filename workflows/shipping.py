"""Workflows: what every claim with a unit on the move needs: ship, do not ship, join the lineage, count the days."""

from datetime import datetime

from temporalio import workflow

from domain.claim import Return
from domain.kinds import Attention, ClaimState, Component
from domain.reasons import RuleError
from messages.claims import Dispatch, ShipTo
from messages.mail import MailKind
from messages.record import (
    ComputeDeadline,
    ComputeWindow,
    DispatchRecorded,
    DispatchRefused,
    Record,
    RecordDispatch,
)
from messages.warehouse import RequestDispatch, Warehouse, WithdrawDispatch
from workflows.till import Till


class Shipping(Till):
    """Parcels out and in. `_notices` are the mails still to come, `_overdue_at` when an inspection is late."""

    def __init__(self) -> None:
        super().__init__()
        self._notices: dict[MailKind, datetime] = {}
        self._overdue_at: datetime | None = None

    @property
    def _returning(self) -> Return:
        returning = self._the_claim.returning
        assert returning is not None, "no unit is expected"
        return returning

    def _await_dispatch(self) -> None:
        self._change(
            state=ClaimState.AWAITING_DISPATCH, deadline=None, wait_reason="for the warehouse to ship the replacement"
        )

    async def _request_dispatch(self, ship_to: ShipTo, *, with_battery: bool) -> None:
        ask = RequestDispatch(
            claim_id=self._the_claim.id,
            model=self._the_claim.model,
            region=self._the_claim.region,
            with_battery=with_battery,
            ship_to=ship_to,
            at=workflow.now(),
        )
        summary = "ask the warehouse to ship"
        answer = await self._at_once(Warehouse.request_dispatch, ask, summary)
        if answer is None:
            answer = await self._effect(Warehouse.request_dispatch, ask, summary)
        self._note("dispatch_requested", "The warehouse was asked to ship the replacement.", answer.reference)

    async def _withdraw_dispatch(self) -> None:
        ask = WithdrawDispatch(claim_id=self._the_claim.id, at=workflow.now())
        await self._effect(Warehouse.withdraw_dispatch, ask, "ask the warehouse not to ship")

    async def _record_dispatch(
        self,
        decision: Dispatch,
        *,
        window_days: int | None = None,
        expected: tuple[Component, ...] = (),
        lost: bool = False,
    ) -> DispatchRecorded:
        """The replacement joins the lineage; RuleError when it cannot be this unit (R-CLM-8, R-CLM-9)."""
        serial = decision.replacement_serial_number.strip()
        ask = RecordDispatch(
            claim=self._the_claim,
            replacement_serial_number=serial,
            at=workflow.now(),
            policy=self._policy,
            window_days=window_days,
            expected=expected,
            lost=lost,
        )
        answer = await self._join_lineage(ask)
        parcel = " ".join(part for part in (decision.carrier, decision.tracking_number) if part)
        self._note("replacement_dispatched", f"Replacement {serial} was dispatched.", parcel, decision.actor)
        return answer

    async def _join_lineage(self, ask: RecordDispatch) -> DispatchRecorded:
        answer = await self._recorded(Record.record_dispatch, ask, f"dispatch {ask.replacement_serial_number}")
        if isinstance(answer, DispatchRefused):
            raise RuleError("refused", answer.rule, answer.message)
        self._change(replacement_serial_number=ask.replacement_serial_number, dispatched_on=answer.dispatched_on)
        return answer

    async def _item_window(self, expected: tuple[Component, ...]) -> Return:
        """Until when the customer's unit is expected in the house, counted from today (R-EXP-2)."""
        ask = ComputeWindow(
            started_at=workflow.now(),
            days=self._policy.standard_item_days,
            extended=0,
            time_zone=self._time_zone,
            expected=expected,
            policy=self._policy,
        )
        return (await self._recorded(Record.compute_window, ask, "until when the unit is expected")).returning

    async def _deadline(self, days: int, after: datetime | None = None, not_before: datetime | None = None) -> datetime:
        ask = ComputeDeadline(at=after or workflow.now(), days=days, time_zone=self._time_zone, not_before=not_before)
        return await self._recorded(Record.compute_deadline, ask, f"{days} days on")

    def _inspection_overdue(self) -> None:
        self._overdue_at = None
        self._flag(Attention.INSPECTION_OVERDUE)
        self._note("inspection_overdue", f"Not inspected within {self._policy.inspection_days} days of arrival.")

    def _next_notice(self) -> tuple[datetime, str] | None:
        """When the next mail is to go out by itself, and the words for its timer."""
        if not self._notices:
            return None
        kind, at = min(self._notices.items(), key=lambda notice: notice[1])
        return at, f"mail: {kind.replace('_', ' ')}"

    def _latest_notice(self) -> MailKind:
        """The latest mail whose time has come; what an outage has overtaken is not sent any more."""
        come = {kind: at for kind, at in self._notices.items() if at < workflow.now()}
        self._notices = {kind: at for kind, at in self._notices.items() if kind not in come}
        return max(come, key=lambda kind: come[kind])


def utc(instant: datetime) -> str:
    """For titles and waits. Zones are for mails and pages: their data may differ between the hosts of a replay."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
