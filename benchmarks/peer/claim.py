"""Benchmarks: the Premium claim with a good return as a DBOS workflow.

Rules, messages, database writes, gateway, warehouse and mails are the product's own. Anything but a good return (a
decline, a rejection, a passed deadline) ends it with an error.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from dbos import DBOS

from benchmarks.peer.claim_record import (
    INBOX,
    SUBMITTED,
    ClaimMessage,
    ClaimRecord,
    UnexpectedResult,
    expect_type,
    required,
)
from domain import holds, lifecycle, settlement
from domain.claim import Inspection
from domain.dates import utc_text
from domain.inspection import Verdict, assess
from domain.kinds import Action, ClaimState, Outcome, Service
from messages.claims import Dispatch, Inspect, ParcelArrived
from messages.ids import payment_key
from messages.mail import MailKind
from messages.payments import (
    AuthorizeHold,
    CardCharged,
    ChargeCard,
    HoldAndCharge,
    HoldPlaced,
    LookUpCard,
    ReleaseHold,
)
from messages.record import DispatchRecorded, RecordDispatch, ReserveUse, UseReserved
from messages.warehouse import RequestDispatch


class GoodReturn(ClaimRecord):
    """One claim from its submission to its release."""

    async def run(self) -> str:
        """Returns the outcome."""
        await self._submit()
        while self._current_claim.state is not ClaimState.CLOSED:
            message = await self._next()
            if message is None:
                await self._timer_fired()
                await self._save()
            else:
                lifecycle.require(self._current_claim, message.action)
                await self._act(message)
                await self._save()
                if message.action is not Action.ARRIVAL:
                    await DBOS.set_event_async(message.action.value, self._current_claim)
        return self._current_claim.outcome or ""

    async def _submit(self) -> None:
        submission, activities = self._submission, self._activities
        card = await self._step(activities.payments.look_up_card, LookUpCard(payment_method=submission.payment_method))
        reserve = ReserveUse(
            claim_id=submission.claim_id,
            service=Service.CARE_EXPRESS,
            tier=submission.tier,
            serial_number=submission.serial_number,
            incident=submission.incident,
            at=self._now,
            accepted_terms=submission.accepted_terms,
            terms_version=submission.terms_version,
            replace_battery=submission.replace_battery,
            ship_to_country=submission.ship_to.country,
            card=card.card,
            quote=submission.quote,
        )
        self._reserved = expect_type(await self._step(activities.record.reserve_use, reserve), UseReserved)
        self._claim = self._reserved.claim
        what = f"{self._reserved.model_name}, {submission.incident.cause.replace('_', ' ')}"
        terms = f"Terms {submission.terms_version} accepted."
        self._note("submitted", f"Care Express {submission.tier}: {what}.", terms, submission.actor)
        await self._pay()
        wait = "for the warehouse to ship the replacement"
        self._change(state=ClaimState.AWAITING_DISPATCH, deadline=None, wait_reason=wait)
        self._mail(MailKind.SETTLEMENT, self._current_claim.fee)
        await self._save()
        await DBOS.set_event_async(SUBMITTED, self._current_claim)
        request = RequestDispatch(
            claim_id=submission.claim_id,
            model=self._current_claim.model,
            region=self._current_claim.region,
            with_battery=submission.replace_battery,
            ship_to=submission.ship_to,
            at=self._now,
        )
        response = await self._step(activities.warehouse.request_dispatch, request)
        self._note("dispatch_requested", "The warehouse was asked to ship the replacement.", response.reference)

    async def _pay(self) -> None:
        """Nothing is dispatched without a hold and a paid fee (R-EXP-6)."""
        hold = self._submission.quote.hold if self._submission.quote else None
        authorize = AuthorizeHold(
            subject=self._current_claim.id,
            key=payment_key(self._current_claim.id, "authorize", 0),
            at=self._now,
            amount=hold or required(self._terms.offer.hold),
            payment_method=self._submission.payment_method,
        )
        charge = ChargeCard(
            subject=self._current_claim.id,
            key=payment_key(self._current_claim.id, "fee"),
            at=self._now,
            amount=self._current_claim.fee,
            payment_method=self._submission.payment_method,
            account="service_fees",
        )
        both = await self._step(self._activities.payments.hold_and_charge, HoldAndCharge(hold=authorize, fee=charge))
        placed = expect_type(both.hold, HoldPlaced)
        self._hold_id = placed.payment_id
        self._change(hold=placed.hold)
        self._note("hold_authorized", f"A hold of {authorize.amount} was placed.")
        expect_type(both.fee, CardCharged)
        self._note("fee_charged", f"{charge.amount} was charged (service fee).")

    async def _next(self) -> ClaimMessage | None:
        """The next message; None when the next timer has fired."""
        wake = self._next_timer()
        seconds = max((wake - self._now).total_seconds(), 0) + 1
        message: ClaimMessage | None = await DBOS.recv_async(INBOX, timeout_seconds=seconds)
        self._now = max(self._now, wake + timedelta(seconds=1) if message is None else message.at)
        return message

    def _next_timer(self) -> datetime:
        """Of a reminder, the deadline, or the renewal of the hold."""
        reminding = self._current_claim.state is ClaimState.AWAITING_RETURN
        times: list[datetime | None] = [
            *(self._reminders.values() if reminding else ()),
            self._current_claim.deadline,
            holds.renew_at(self._hold),
        ]
        return min(time for time in times if time is not None)

    async def _timer_fired(self) -> None:
        come = {kind: at for kind, at in self._reminders.items() if at < self._now}
        if not come:
            raise UnexpectedResult(f"{self._current_claim.id} is due")
        self._reminders = {kind: at for kind, at in self._reminders.items() if kind not in come}
        self._note("reminder", f"Reminder: the return is due {utc_text(self._returning.due_at)}.")
        self._mail(max(come, key=lambda kind: come[kind]))

    async def _act(self, message: ClaimMessage) -> None:
        match message.content:
            case Dispatch() as decision:
                await self._dispatched(decision)
            case ParcelArrived() as event:
                self._arrived(event)
            case Inspect() as decision:
                await self._inspected(decision)

    async def _dispatched(self, decision: Dispatch) -> None:
        serial = decision.replacement_serial_number.strip()
        record = RecordDispatch(
            claim=self._current_claim,
            replacement_serial_number=serial,
            at=self._now,
            policy=self._terms.policy,
            window_days=self._terms.window_days,
            expected=self._terms.expected,
        )
        recorded = expect_type(await self._step(self._activities.record.record_dispatch, record), DispatchRecorded)
        self._reminders = {MailKind(kind): at for kind, at in recorded.reminders.items() if at > self._now}
        parcel = " ".join(part for part in (decision.carrier, decision.tracking_number) if part)
        self._note("replacement_dispatched", f"Replacement {serial} was dispatched.", parcel, decision.actor)
        due = required(recorded.returning).due_at
        self._change(
            replacement_serial_number=serial,
            dispatched_on=recorded.dispatched_on,
            returning=recorded.returning,
            state=ClaimState.AWAITING_RETURN,
            deadline=due,
            wait_reason=f"for the original until {utc_text(due)}",
        )
        self._mail(MailKind.SHIPPED)
        if self._terms.bindable:
            self._mail(MailKind.REBIND)

    def _arrived(self, event: ParcelArrived) -> None:
        self._change(
            returning=replace(self._returning, arrived_at=event.arrived_at),
            state=ClaimState.INSPECTING,
            deadline=self._now + timedelta(days=self._terms.policy.inspection_days),
            wait_reason="for the inspection",
        )
        self._note(
            "parcel_arrived", f"The parcel arrived {utc_text(event.arrived_at)}.", event.reason or "", event.actor
        )
        self._mail(MailKind.ARRIVED)

    async def _inspected(self, decision: Inspect) -> None:
        seen = Inspection(
            self._now, decision.serial_number.strip(), decision.genuine, decision.components, decision.notes
        )
        found = assess(
            seen,
            serial_number=self._current_claim.serial_number,
            expected=self._returning.expected,
            replacement_serial=self._current_claim.replacement_serial_number,
        )
        missing = settlement.missing_parts(self._terms.offer, found.missing)
        if found.verdict is not Verdict.GOOD or settlement.differences(missing, self._current_claim.fee.currency):
            raise UnexpectedResult(f"{self._current_claim.id}: {found.verdict}")
        self._change(inspection=seen, reasons=found.reasons)
        self._note("inspected", "Inspected: the right unit, complete.", seen.notes, decision.actor)
        key = payment_key(self._current_claim.id, "release", 0)
        release = ReleaseHold(subject=self._current_claim.id, key=key, at=self._now, hold_id=self._hold_id, others=True)
        released = expect_type(await self._step(self._activities.payments.release_hold, release), HoldPlaced)
        self._note("hold_released", f"The hold of {self._hold.amount} was released.")
        self._change(
            hold=released.hold,
            state=ClaimState.CLOSED,
            outcome=Outcome.HOLD_RELEASED,
            closed_at=self._now,
            deadline=None,
            wait_reason="",
        )
        self._note("closed", "Closed: hold released.")
        self._mail(MailKind.RELEASED, self._hold.amount)
