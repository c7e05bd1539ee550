"""Workflows, a part: a hold on the customer's card: placed, captured, taken as a deposit, released.

Every method that moves money holds the gateway's step. A step that is cut off by a new run is made again by it under
the same keys, so the state changes when the last answer is there.
"""

from dataclasses import dataclass, field
from typing import assert_never

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
    ChargeCard,
    HeldAndCharged,
    HoldAndCharge,
    HoldPlaced,
    PaymentDeclined,
    PaymentRefunded,
    PaymentRefused,
    Payments,
    TakeAccount,
)
from workflows.parts.claim_record import ClaimRecord
from workflows.parts.gateway_requests import GatewayRequests
from workflows.parts.hold_requests import HoldRequests, Purpose


@dataclass(frozen=True)
class Taken:
    """Money taken beside the fees. `left` is what of it has not been given back."""

    payment_id: str
    left: Money
    account: TakeAccount


@dataclass
class CardHoldData:
    """`authorizations` counts those that were answered; `superseded` is what a renewal still has to release."""

    state: CardHoldState = field(default_factory=NoHold)
    authorizations: int = 0
    looks: int = 0
    superseded: LiveHold | None = None


class CardHold:
    """At most one current hold or deposit. What is held, taken or given back is said in the claim's timeline."""

    def __init__(self, record: ClaimRecord, gateway: GatewayRequests, data: CardHoldData | None = None) -> None:
        self._record = record
        self._gateway = gateway
        self._requests = HoldRequests(record)
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

    # -- placing and replacing, by who holds the gateway's step ------------------------------------------------------

    async def place(self, amount: Money, payment_method: str, fee: ChargeCard | None) -> HeldAndCharged:
        """The first hold and, once it stands, the fee, in one activity: the customer is present (R-EXP-6)."""
        async with self._gateway.step:
            request = HoldAndCharge(
                hold=self._requests.authorize(self._data.authorizations, amount, payment_method, off_session=False),
                fee=fee,
            )
            summary = f"hold {amount}, charge {fee.amount if fee else amount.zero()}"
            answer = await self._gateway.send(Payments.hold_and_charge, request, summary)
            if isinstance(answer, PaymentRefused):
                answer = HeldAndCharged(hold=answer)
            self._authorized(request.hold, answer.hold)
        return answer

    async def replace(self, payment_method: str, *, off_session: bool) -> PaymentDeclined | PaymentRefused | None:
        """Authorize a new hold first and release the old one then (R-RET-7); after a decline the old one stays."""
        old = self.state
        request = self._requests.authorize(
            self._data.authorizations, self.amount, payment_method, off_session=off_session
        )
        answer = await self._gateway.send(Payments.authorize_hold, request, f"hold {request.amount}")
        self._authorized(request, answer)
        if not isinstance(answer, HoldPlaced):
            return answer
        if isinstance(old, LiveHold):
            self._data.superseded = old
            await self._record.save()  # from here on the new one is the claim's, whatever becomes of the old one
            await self.release_superseded()
        return None

    async def release_superseded(self) -> None:
        old = self._data.superseded
        assert old is not None, "no hold was superseded"
        request = self._requests.release(old, others=False)
        answer = await self._gateway.send(Payments.release_hold, request, f"release the old {old.amount}")
        self._data.superseded = None
        match answer:
            case HoldPlaced():
                self._record.note("old_hold_released", "The hold was renewed; the old one is released.")
            case PaymentRefused() if answer.state in holds.NOTHING_HELD:
                self._record.note("old_hold_ended", f"The hold was renewed; the old one is {answer.state}.")
            case PaymentRefused():
                self._gateway.report_refusal("release the old hold", answer)
            case _:
                assert_never(answer)

    def _authorized(self, request: AuthorizeHold, answer: HoldPlaced | PaymentDeclined | PaymentRefused) -> None:
        self._data.authorizations = request.ordinal + 1
        match answer:
            case HoldPlaced():
                hold = answer.hold
                self._become(LiveHold(request.ordinal, answer.payment_id, hold.amount, hold.expires_at))
                self._record.note("hold_authorized", f"A hold of {request.amount} was placed.")
            case PaymentDeclined():
                self._record.note("hold_declined", f"The card declined a hold of {request.amount}.", answer.code)
            case PaymentRefused():
                self._gateway.report_refusal(f"hold {request.amount}", answer)
            case _:
                assert_never(answer)

    # -- what the gateway says of it ---------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Read the hold from the gateway. What it says is the truth, and an expiry is booked by it."""
        if not isinstance(self.state, LiveHold | UnknownHold):
            return
        self._data.looks += 1
        request = self._requests.look(self.state, self._data.looks)
        before, answer = self.state, await self._gateway.send(Payments.look_at_hold, request, "look at the hold")
        match answer:
            case HoldPlaced():
                self._become(holds.as_reported(before, answer.hold))
                self._report_end(before)
            case PaymentRefused():
                self._record.note("hold_unknown", "The gateway does not know the hold.", answer.state)
            case _:
                assert_never(answer)

    def _report_end(self, before: CardHoldState) -> None:
        match self.state:
            case LapsedHold() as ended if ended != before:
                self._record.note("hold_ended", f"The gateway reports the hold as {ended.ended_as}.")
            case CapturedElsewhere() as taken:
                self._record.note(
                    "hold_captured_elsewhere", f"{taken.captured} of the hold was captured, and not by this claim."
                )
                self._gateway.report_refusal("leave the hold to this claim", PaymentRefused(state="captured"))
            case _:
                pass

    # -- taking it ---------------------------------------------------------------------------------------------------

    async def collect(self, amount: Money, account: TakeAccount) -> Taken | None:
        """Take `amount` out of the hold or the deposit; None when neither is there any more."""
        async with self._gateway.step:
            match self.state:
                case DepositHold() as deposit:
                    return await self._keep(deposit, amount, account)
                case LiveHold() as live:
                    if not await self._capture(live, amount, account, "capture"):
                        return None
                    self._record.note("hold_captured", f"{amount} of the hold was charged.")
                    return Taken(live.payment_id, amount, account)
                case NoHold() | CapturedHold() | CapturedElsewhere() | LapsedHold() | UnknownHold():
                    return None
                case other:
                    assert_never(other)

    async def take_deposit(self) -> bool:
        """Capture the whole hold before it is lost, to be given back when the unit comes (decision 13)."""
        live = self.state
        if not isinstance(live, LiveHold) or not await self._capture(live, live.amount, "deposits", "deposit"):
            return False
        self._become(DepositHold(live.ordinal, live.payment_id, live.amount, live.expires_at))
        self._record.note("deposit_taken", f"The hold could not be renewed; {live.amount} was taken as a deposit.")
        return True

    async def _capture(self, live: LiveHold, amount: Money, account: TakeAccount, purpose: Purpose) -> bool:
        request = self._requests.capture(live, amount, account, purpose)
        answer = await self._gateway.send(Payments.capture_hold, request, f"capture {amount}")
        match answer:
            case HoldPlaced():
                self._become(holds.captured(live, amount))
                return True
            case PaymentRefused():
                self._refused(live, f"capture {amount}", answer)
                return False
            case _:
                assert_never(answer)

    async def _keep(self, deposit: DepositHold, amount: Money, account: TakeAccount) -> Taken:
        """`amount` of the deposit is ours now; the rest goes back."""
        request = self._requests.keep_deposit(amount, account)
        answer = await self._gateway.send(Payments.keep_deposit, request, f"keep {amount} of the deposit")
        if isinstance(answer, PaymentRefused):
            self._gateway.report_refusal(f"keep {amount} of the deposit", answer)
        else:
            self._record.note("deposit_kept", f"{amount} of the deposit was kept.")
        await self._refund_deposit(deposit, deposit.amount - amount)
        return Taken(deposit.payment_id, amount, account)

    # -- letting it go -----------------------------------------------------------------------------------------------

    async def release(self) -> Money:
        """Let it go, whatever it has become meanwhile. What was given back: a deposit that was taken for the hold."""
        nothing = self._record.claim.fee.zero()
        async with self._gateway.step:
            match self.state:
                case DepositHold() as deposit:
                    return await self._refund_deposit(deposit, deposit.amount)
                case LiveHold() | UnknownHold() as held:
                    request = self._requests.release(held, others=True)
                    answer = await self._gateway.send(Payments.release_hold, request, f"release {held.amount}")
                    match answer:
                        case HoldPlaced():
                            self._become(holds.lapsed(held, HoldState.RELEASED))
                            self._record.note("hold_released", f"The hold of {held.amount} was released.")
                        case PaymentRefused():
                            self._refused(held, f"release the hold of {held.amount}", answer)
                        case _:
                            assert_never(answer)
                    self._data.superseded = None  # released with all the others
                    return nothing
                case NoHold() | CapturedHold() | CapturedElsewhere() | LapsedHold():
                    return nothing
                case other:
                    assert_never(other)

    def note_refund(self, payment_id: str, in_all: Money) -> None:
        """`in_all` has been given back of the payment so far, which may be this hold's capture."""
        if isinstance(self.state, CapturedHold) and self.state.payment_id == payment_id:
            self._become(holds.refunded(self.state, in_all))

    async def _refund_deposit(self, deposit: DepositHold, amount: Money) -> Money:
        """Give back `amount` of the deposit, of which nothing is left as a deposit then; what was given back."""
        taken = CapturedHold(
            deposit.ordinal, deposit.payment_id, deposit.amount, deposit.amount, amount.zero(), deposit.expires_at
        )
        if not amount:
            self._become(taken)
            return amount
        request = self._requests.refund_deposit(deposit, amount)
        answer = await self._gateway.send(Payments.refund_payment, request, f"refund {amount} (deposit)")
        match answer:
            case PaymentRefunded():
                self._become(holds.refunded(taken, answer.refunded))
                self._record.note("deposit_refunded", f"{amount} of the deposit was refunded.")
                return amount
            case PaymentRefused():
                self._become(taken)
                self._gateway.report_refusal(f"give {amount} back", answer)
                return amount.zero()
            case _:
                assert_never(answer)

    def _refused(self, held: EndableHold, what: str, refusal: PaymentRefused) -> None:
        self._become(holds.after_refusal(held, refusal.state))
        if isinstance(self.state, UnknownHold):
            self._gateway.report_refusal(what, refusal)
        else:
            self._record.note("hold_ended", f"The gateway reports the hold as {refusal.state}.")

    def _become(self, state: CardHoldState) -> None:
        self._data.state = state
        self._record.change(hold=holds.summary(state))
