"""Workflow part: a hold on the customer's card: placed, captured, captured as a deposit, released.

Every method that moves money holds the lock `GatewayRequests.step`. When the workflow continues as new during a step,
the next run repeats it under the same idempotency keys, so the state changes only after the last response.
"""

from typing import assert_never

from temporalio import workflow

from domain import hold as holds
from domain.hold import (
    CapturedElsewhere,
    CapturedHold,
    CardHoldState,
    DepositHold,
    EndableHold,
    LapsedHold,
    LiveHold,
    NoHold,
    UnknownHold,
)
from domain.kinds import HoldState
from domain.money import Money
from messages.payments import (
    AuthorizeHold,
    CaptureAccount,
    CapturedPart,
    ChargeCard,
    HeldAndCharged,
    HoldAndCharge,
    HoldPlaced,
    PaymentDeclined,
    PaymentRefused,
    Payments,
)
from workflows.parts.captured_elsewhere import CapturedElsewhereSteps, Divided, note_end, taken_over
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.deposit import DepositSteps
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_data import CapturedPayment, CardHoldData, division_of
from workflows.parts.hold_requests import HoldRequests, Purpose


class CardHold:
    """At most one current hold or deposit. Each change is written to the claim's timeline."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests, data: CardHoldData | None = None) -> None:
        self._record = record
        self._gateway = gateway
        self._requests = HoldRequests(record)
        self._deposits = DepositSteps(record, gateway)
        self._elsewhere = CapturedElsewhereSteps(record, gateway)
        self._data = data or CardHoldData()

    @property
    def data(self) -> CardHoldData:
        return self._data

    @property
    def state(self) -> CardHoldState:
        return self._data.state

    @property
    def superseded(self) -> LiveHold | None:
        return self._data.superseded

    @property
    def amount(self) -> Money:
        assert not isinstance(self.state, NoHold), "no hold was placed"
        return self.state.amount

    # -- authorization; `replace` and `release_superseded` need the lock --------------------------------------------

    async def place(self, amount: Money, payment_method: str, fee: ChargeCard | None) -> HeldAndCharged:
        """Place the first hold and then charge the fee, in one activity: the customer is present (R-EXP-6)."""
        async with self._gateway.step:
            request = HoldAndCharge(
                hold=self._requests.authorize(self._data.authorizations, amount, payment_method, off_session=False),
                fee=fee,
            )
            summary = f"hold {amount}, charge {fee.amount if fee else amount.zero()}"
            response = await self._gateway.send(Payments.hold_and_charge, request, summary)
            if isinstance(response, PaymentRefused):
                response = HeldAndCharged(hold=response)
            self._authorized(request.hold, response.hold)
        return response

    async def replace(self, payment_method: str, *, off_session: bool) -> PaymentDeclined | PaymentRefused | None:
        """Authorize a new hold, then release the old one (R-RET-7); after a decline the old one stays."""
        old = self.state
        request = self._requests.authorize(
            self._data.authorizations, self.amount, payment_method, off_session=off_session
        )
        response = await self._gateway.send(Payments.authorize_hold, request, f"hold {request.amount}")
        self._authorized(request, response)
        if not isinstance(response, HoldPlaced):
            return response
        if isinstance(old, LiveHold):
            self._data.superseded = old
            await self._record.save()  # the new hold is current before the old one is released
            await self.release_superseded()
        return None

    async def release_superseded(self) -> None:
        old = self._data.superseded
        assert old is not None, "no hold was superseded"
        request = self._requests.release(old, others=False)
        response = await self._gateway.send(Payments.release_hold, request, f"release the old {old.amount}")
        self._data.superseded = None
        match response:
            case HoldPlaced():
                self._record.note("old_hold_released", "The hold was renewed; the old one is released.")
            case PaymentRefused() if response.state in holds.NOTHING_HELD:
                self._record.note("old_hold_ended", f"The hold was renewed; the old one is {response.state}.")
            case PaymentRefused() if response.hold is not None and isinstance(self.state, LiveHold):
                # The money was taken before the renewal: it is the claim's security, and the new hold is released.
                self._data.superseded = self.state
                self._refused(old, "release the old hold", response)
                await self.release_superseded()
            case PaymentRefused():
                self._gateway.report_refusal("release the old hold", response)
            case _:
                assert_never(response)

    def _authorized(self, request: AuthorizeHold, response: HoldPlaced | PaymentDeclined | PaymentRefused) -> None:
        self._data.authorizations = request.ordinal + 1
        match response:
            case HoldPlaced():
                hold = response.hold
                self._set_state(LiveHold(request.ordinal, response.payment_id, hold.amount, hold.expires_at))
                self._record.note("hold_authorized", f"A hold of {request.amount} was placed.")
            case PaymentDeclined():
                self._record.note("hold_declined", f"The card declined a hold of {request.amount}.", response.code)
            case PaymentRefused():
                self._gateway.report_refusal(f"hold {request.amount}", response)
            case _:
                assert_never(response)

    # -- reading it from the gateway ----------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read the hold from the gateway, whose state is authoritative; the activity books an expiry."""
        if not isinstance(self.state, LiveHold | UnknownHold | CapturedElsewhere):
            return
        self._data.looks += 1
        request = self._requests.read(self.state, self._data.looks)
        before, response = self.state, await self._gateway.send(Payments.look_at_hold, request, "look at the hold")
        match response:
            case HoldPlaced():
                self._set_state(holds.as_reported(before, response.hold, response.account))
                note_end(self._record, before, self.state)
            case PaymentRefused():
                self._record.note("hold_unknown", "The gateway does not know the hold.", response.state)
            case _:
                assert_never(response)

    # -- capture ------------------------------------------------------------------------------------------------------

    async def collect(self, amount: Money, account: CaptureAccount) -> CapturedPayment | None:
        """Capture `amount` of the hold or keep it of the deposit; None when there is neither."""
        async with self._gateway.step:
            match self.state:
                case DepositHold() as deposit:
                    self._set_state(await self._deposits.keep(deposit, amount, account))
                    return CapturedPayment(deposit.payment_id, amount, account)
                case LiveHold() as live:
                    if not await self._capture(live, amount, account, "capture"):
                        if self._data.superseded is not None:
                            await self.release_superseded()
                        return await self._keep_captured(amount, account)
                    self._record.note("hold_captured", f"{amount} of the hold was charged.")
                    return CapturedPayment(live.payment_id, amount, account)
                case CapturedElsewhere():
                    return await self._keep_captured(amount, account)
                case NoHold() | CapturedHold() | LapsedHold() | UnknownHold():
                    return None
                case other:
                    assert_never(other)

    async def capture_deposit(self) -> bool:
        """Capture the whole hold before it expires, to be refunded when the unit arrives (decision 13)."""
        live = self.state
        if not isinstance(live, LiveHold) or not await self._capture(live, live.amount, "deposits", "deposit"):
            return False
        numbered = workflow.patched("deposit-keys-name-the-hold")
        self._set_state(DepositHold(live.ordinal, live.payment_id, live.amount, live.expires_at, numbered=numbered))
        self._record.note("deposit_taken", f"The hold could not be renewed; {live.amount} was taken as a deposit.")
        return True

    async def _capture(self, live: LiveHold, amount: Money, account: CaptureAccount, purpose: Purpose) -> bool:
        request = self._requests.capture(live, amount, account, purpose, refusals=self._data.refusals)
        response = await self._gateway.send(Payments.capture_hold, request, f"capture {amount}")
        match response:
            case HoldPlaced():
                self._set_state(holds.captured(live, amount))
                return True
            case PaymentRefused():
                self._refused(live, f"capture {amount}", response)
                return False
            case _:
                assert_never(response)

    # -- release ------------------------------------------------------------------------------------------------------

    async def release(self) -> Money:
        """Release the hold, or refund the deposit that replaced it. Returns the amount refunded."""
        nothing = self._record.claim.fee.zero()
        async with self._gateway.step:
            match self.state:
                case DepositHold() as deposit:
                    ended = await self._deposits.refund(deposit, deposit.amount)
                    self._set_state(ended)
                    return ended.refunded
                case LiveHold() | UnknownHold() as held:
                    request = self._requests.release(held, others=True, refusals=self._data.refusals)
                    response = await self._gateway.send(Payments.release_hold, request, f"release {held.amount}")
                    match response:
                        case HoldPlaced():
                            self._set_state(holds.lapsed(held, HoldState.RELEASED))
                            self._record.note("hold_released", f"The hold of {held.amount} was released.")
                            self._take_over(response.others)
                        case PaymentRefused():
                            self._refused(held, f"release the hold of {held.amount}", response)
                            await self.search_captured()
                        case _:
                            assert_never(response)
                    self._data.superseded = None  # released with all the others
                    return await self._refund_captured() or nothing
                case CapturedElsewhere():
                    return await self._refund_captured() or nothing
                case NoHold() | CapturedHold() | LapsedHold():
                    return nothing
                case other:
                    assert_never(other)

    def note_refund(self, payment_id: str, total: Money) -> None:
        """`total` of the payment has been refunded so far; the payment may be this hold's capture."""
        if isinstance(self.state, CapturedHold) and self.state.payment_id == payment_id:
            self._set_state(holds.refunded(self.state, total))

    # -- captured by somebody else ------------------------------------------------------------------------------------

    async def _keep_captured(self, amount: Money, account: CaptureAccount) -> CapturedPayment | None:
        """Keep `amount`, or what is there, of a hold that somebody else captured; None when there is nothing."""
        divided = await self._divide(amount, account)
        return None if divided is None else CapturedPayment(divided.hold.payment_id, divided.kept, account)

    async def _refund_captured(self) -> Money | None:
        """Refund what somebody else captured. The account is of no meaning: nothing is kept."""
        divided = await self._divide(self._record.claim.fee.zero(), "default_charges")
        return None if divided is None else divided.refunded

    async def _divide(self, kept: Money, account: CaptureAccount) -> Divided | None:
        found = self.state
        if (
            not isinstance(found, CapturedElsewhere)
            or not found.kept
            or not workflow.patched("captured-elsewhere-decides")
        ):
            return None
        self._data.division = self._data.division or division_of(found.kept, kept)
        divided = await self._elsewhere.divide(found, self._data.division, account)
        self._data.division = None
        self._set_state(divided.hold)
        return divided

    def _take_over(self, captured: tuple[CapturedPart, ...]) -> None:
        """A hold of this claim was captured that the claim did not know: from here on it is the claim's hold."""
        if captured:
            before = self.state
            self._set_state(taken_over(captured[0]))
            note_end(self._record, before, self.state)

    async def search_captured(self) -> None:
        """When the hold is unknown: whether one of this claim's holds was captured. Needs the lock."""
        if isinstance(self.state, UnknownHold) and workflow.patched("search-what-was-captured"):
            self._take_over(await self._elsewhere.search())

    def _refused(self, held: EndableHold, what: str, refusal: PaymentRefused) -> None:
        self._data.refusals += 1
        if refusal.others:
            # Another hold was captured: that is the claim's security, and this one is still to be released.
            self._data.superseded = held if isinstance(held, LiveHold) else None
            self._take_over(refusal.others)
            return
        self._set_state(holds.after_refusal(held, refusal.state, refusal.hold, refusal.account))
        match self.state:
            case UnknownHold():
                self._gateway.report_refusal(what, refusal)
            case CapturedElsewhere():
                note_end(self._record, held, self.state)
            case _:
                self._record.note("hold_ended", f"The gateway reports the hold as {refusal.state}.")

    def _set_state(self, state: CardHoldState) -> None:
        self._data.state = state
        self._record.change(hold=holds.summary(state))
