"""Benchmarks: the Premium claim with a good return as a DBOS workflow: the engine differs, the business is the same.

Rules, messages, database writes, gateway, warehouse and letters are the product's own. What is no good return (a
decline, a refusal, a passed deadline) ends it with an error.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from dbos import DBOS

from benchmarks.peer_journal import INBOX, SUBMITTED, Journal, Letter, NotThisStory, expected, there
from domain import holds, lifecycle, settlement
from domain.claim import Inspection
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


class GoodReturn(Journal):
    """One claim from its submission to its release."""

    async def live(self) -> str:
        """Returns the outcome."""
        await self._submit()
        while self._the_claim.state is not ClaimState.CLOSED:
            letter = await self._next()
            if letter is None:
                await self._time_has_come()
                await self._save()
            else:
                lifecycle.require(self._the_claim, letter.action)
                await self._act(letter)
                await self._save()
                if letter.action is not Action.ARRIVAL:
                    await DBOS.set_event_async(letter.action.value, self._the_claim)
        return self._the_claim.outcome or ""

    # -- the story ------------------------------------------------------------------------------------------------

    async def _submit(self) -> None:
        ask, desk = self._asked, self._desk
        card = await self._step(desk.payments.look_up_card, LookUpCard(payment_method=ask.payment_method))
        reserve = ReserveUse(
            claim_id=ask.claim_id,
            service=Service.CARE_EXPRESS,
            tier=ask.tier,
            serial_number=ask.serial_number,
            incident=ask.incident,
            at=self._now,
            accepted_terms=ask.accepted_terms,
            terms_version=ask.terms_version,
            replace_battery=ask.replace_battery,
            ship_to_country=ask.ship_to.country,
            card=card.card,
            quote=ask.quote,
        )
        self._agreed = expected(await self._step(desk.record.reserve_use, reserve), UseReserved)
        self._claim = self._agreed.claim
        what = f"{self._agreed.model_name}, {ask.incident.cause.replace('_', ' ')}"
        terms = f"Terms {ask.terms_version} accepted."
        self._note("submitted", f"Care Express {ask.tier}: {what}.", terms, ask.actor)
        await self._pay()
        wait = "for the warehouse to ship the replacement"
        self._change(state=ClaimState.AWAITING_DISPATCH, deadline=None, wait_reason=wait)
        self._mail(MailKind.SETTLEMENT, self._the_claim.fee)
        await self._save()
        await DBOS.set_event_async(SUBMITTED, self._the_claim)
        request = RequestDispatch(
            claim_id=ask.claim_id,
            model=self._the_claim.model,
            region=self._the_claim.region,
            with_battery=ask.replace_battery,
            ship_to=ask.ship_to,
            at=self._now,
        )
        answer = await self._step(desk.warehouse.request_dispatch, request)
        self._note("dispatch_requested", "The warehouse was asked to ship the replacement.", answer.reference)

    async def _pay(self) -> None:
        """Nothing ships without a certain hold and a certain fee (R-EXP-6)."""
        hold = self._asked.quote.hold if self._asked.quote else None
        authorize = AuthorizeHold(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "authorize", 0),
            at=self._now,
            amount=hold or there(self._terms.offer.hold),
            payment_method=self._asked.payment_method,
        )
        charge = ChargeCard(
            subject=self._the_claim.id,
            key=payment_key(self._the_claim.id, "fee"),
            at=self._now,
            amount=self._the_claim.fee,
            payment_method=self._asked.payment_method,
            account="service_fees",
        )
        both = await self._step(self._desk.payments.hold_and_charge, HoldAndCharge(hold=authorize, fee=charge))
        placed = expected(both.hold, HoldPlaced)
        self._hold_id = placed.payment_id
        self._change(hold=placed.hold)
        self._note("hold_authorized", f"A hold of {authorize.amount} was placed.")
        expected(both.fee, CardCharged)
        self._note("fee_charged", f"{charge.amount} was charged (service fee).")

    async def _next(self) -> Letter | None:
        """The next letter; None once the time of what comes by itself has come."""
        wake = self._alarm()
        seconds = max((wake - self._now).total_seconds(), 0) + 1
        letter: Letter | None = await DBOS.recv_async(INBOX, timeout_seconds=seconds)
        self._now = max(self._now, wake + timedelta(seconds=1) if letter is None else letter.at)
        return letter

    def _alarm(self) -> datetime:
        """A reminder, the deadline, or the hold that wants renewing."""
        reminding = self._the_claim.state is ClaimState.AWAITING_RETURN
        times: list[datetime | None] = [
            *(self._notices.values() if reminding else ()),
            self._the_claim.deadline,
            holds.renew_at(self._hold),
        ]
        return min(time for time in times if time is not None)

    async def _time_has_come(self) -> None:
        come = {kind: at for kind, at in self._notices.items() if at < self._now}
        if not come:
            raise NotThisStory(f"{self._the_claim.id} is due")
        self._notices = {kind: at for kind, at in self._notices.items() if kind not in come}
        self._note("reminder", f"Reminder: the return is due {_utc(self._returning.due_at)}.")
        self._mail(max(come, key=lambda kind: come[kind]))

    async def _act(self, letter: Letter) -> None:
        match letter.message:
            case Dispatch() as decision:
                await self._dispatched(decision)
            case ParcelArrived() as event:
                self._arrived(event)
            case Inspect() as decision:
                await self._inspected(decision)

    async def _dispatched(self, decision: Dispatch) -> None:
        serial = decision.replacement_serial_number.strip()
        ask = RecordDispatch(
            claim=self._the_claim,
            replacement_serial_number=serial,
            at=self._now,
            policy=self._terms.policy,
            window_days=self._terms.window_days,
            expected=self._terms.expected,
        )
        recorded = expected(await self._step(self._desk.record.record_dispatch, ask), DispatchRecorded)
        self._notices = {MailKind(kind): at for kind, at in recorded.reminders.items() if at > self._now}
        parcel = " ".join(part for part in (decision.carrier, decision.tracking_number) if part)
        self._note("replacement_dispatched", f"Replacement {serial} was dispatched.", parcel, decision.actor)
        due = there(recorded.returning).due_at
        self._change(
            replacement_serial_number=serial,
            dispatched_on=recorded.dispatched_on,
            returning=recorded.returning,
            state=ClaimState.AWAITING_RETURN,
            deadline=due,
            wait_reason=f"for the original until {_utc(due)}",
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
        self._note("parcel_arrived", f"The parcel arrived {_utc(event.arrived_at)}.", event.reason or "", event.actor)
        self._mail(MailKind.ARRIVED)

    async def _inspected(self, decision: Inspect) -> None:
        seen = Inspection(
            self._now, decision.serial_number.strip(), decision.genuine, decision.components, decision.notes
        )
        found = assess(
            seen,
            serial_number=self._the_claim.serial_number,
            expected=self._returning.expected,
            replacement_serial=self._the_claim.replacement_serial_number,
        )
        missing = settlement.missing_parts(self._terms.offer, found.missing)
        if found.verdict is not Verdict.GOOD or settlement.differences(missing, self._the_claim.fee.currency):
            raise NotThisStory(f"{self._the_claim.id}: {found.verdict}")
        self._change(inspection=seen, reasons=found.reasons)
        self._note("inspected", "Inspected: the right unit, complete.", seen.notes, decision.actor)
        key = payment_key(self._the_claim.id, "release", 0)
        release = ReleaseHold(subject=self._the_claim.id, key=key, at=self._now, hold_id=self._hold_id, others=True)
        released = expected(await self._step(self._desk.payments.release_hold, release), HoldPlaced)
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


def _utc(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
