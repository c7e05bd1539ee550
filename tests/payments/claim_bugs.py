"""Bugs of whole claims, planted: each is a way in which a process has really lost or taken money."""

from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow

from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money
from domain.reasons import Reason
from messages.claims import ShipTo, SubmitCareExpress
from messages.ids import payment_key
from messages.payments import PaymentDeclined, Payments, ReleaseHold, TakeAccount
from workflows.premium import CareExpressPremium


def planted(bug: type[CareExpressPremium]) -> type[CareExpressPremium]:
    """The bug as a process under the real one's name. Temporal wants both methods on the class itself."""

    def begin(self: CareExpressPremium, ask: SubmitCareExpress) -> None:
        CareExpressPremium.__init__(self, ask)

    async def run(self: CareExpressPremium, ask: SubmitCareExpress) -> str:
        return await CareExpressPremium.run(self, ask)

    begin.__name__, run.__name__ = "__init__", "run"
    begin.__qualname__, run.__qualname__ = f"{bug.__qualname__}.__init__", f"{bug.__qualname__}.run"
    for method in (begin, run):
        del method.__annotations__["self"]  # by a type Temporal takes the first argument for the message
    setattr(bug, "__init__", workflow.init(begin))  # noqa: B010
    setattr(bug, "run", workflow.run(run))  # noqa: B010
    return workflow.defn(name="CareExpressPremium")(bug)


@planted
class ReleasesFirst(CareExpressPremium):
    async def _replace_hold(self, amount: Money, payment_method: str, *, off_session: bool) -> PaymentDeclined | None:
        assert self._hold_id is not None
        await self._effect(Payments.release_hold, self._release(self._hold_id, self._hold_no), "release first")
        return await self._place_hold(amount, payment_method, off_session=off_session)


@planted
class NeverRenews(CareExpressPremium):
    def _wants_looking_after(self) -> datetime | None:
        return None


@planted
class CapturesTheFirstHold(CareExpressPremium):
    async def _replace_hold(self, amount: Money, payment_method: str, *, off_session: bool) -> PaymentDeclined | None:
        first, number = self._hold_id, self._hold_no
        declined = await self._place_hold(amount, payment_method, off_session=off_session)
        self._hold_id, self._hold_no = first, number
        return declined


@planted
class ReleasesTheCurrentHoldOnly(CareExpressPremium):
    async def _replace_hold(self, amount: Money, payment_method: str, *, off_session: bool) -> PaymentDeclined | None:
        return await self._place_hold(amount, payment_method, off_session=off_session)

    def _release(self, hold_id: str, ordinal: int, *, others: bool = False) -> ReleaseHold:
        return super()._release(hold_id, ordinal)


@planted
class ChargesOnEveryDefault(CareExpressPremium):
    async def _default(self, reasons: tuple[Reason, ...] | None, *, approved: bool = False) -> None:
        await super()._default(reasons, approved=approved)
        await self._collect_off_session(self._hold.amount, "default_charges", self._payment_method)


@planted
class ChargesTheCardBesideTheHold(CareExpressPremium):
    async def _collect_from_security(self, amount: Money, account: TakeAccount) -> bool:
        await self._collect_off_session(amount, account, self._payment_method)
        return True


@planted
class ForgetsToRefundTheFee(CareExpressPremium):
    async def _refund_everything_paid(self) -> Money | None:
        return None


@planted
class RefundsTheFeeOfAGoodReturn(CareExpressPremium):
    async def _received_in_order(self) -> None:
        await self._refund_everything_paid()
        await super()._received_in_order()


@planted
class ForgetsTheHoldOfAGoodReturn(CareExpressPremium):
    async def _release_hold(self) -> None:
        pass


@planted
class KeepsTheDepositOfAGoodReturn(CareExpressPremium):
    async def _refund_deposit(self, amount: Money) -> None:
        pass


@planted
class KeepsALateReturnsMoney(CareExpressPremium):
    async def _give_back(self, amount: Money, purpose: str) -> None:
        pass


@planted
class RefundsEveryDefault(CareExpressPremium):
    """Gives the default back as soon as it was charged."""

    async def _default(self, reasons: tuple[Reason, ...] | None, *, approved: bool = False) -> None:
        await super()._default(reasons, approved=approved)
        await self._give_back(self._taken_in_all(), "late-return")


@planted
class BelievesTheWebhook(CareExpressPremium):
    async def _hear_of_payment(self, payment_id: str) -> None:
        hold = self._the_claim.hold
        assert isinstance(hold, Hold)
        self._change(hold=replace(hold, state=HoldState.RELEASED))


@planted
class ShipsBeforeTheFee(CareExpressPremium):
    async def _hold_and_charge(self, amount: Money, fee: Money) -> PaymentDeclined | None:
        await self._request_dispatch(self._asked.ship_to, with_battery=False)
        return await super()._hold_and_charge(amount, fee)


@planted
class ForgetsToCallTheWarehouseOff(CareExpressPremium):
    async def _withdraw_dispatch(self) -> None:
        pass


@planted
class RenewsEveryDay(CareExpressPremium):
    def _look_after_it(self) -> None:
        self._renew_at = workflow.now() + timedelta(days=1)


@planted
class TriesAgainAndAgain(CareExpressPremium):
    async def _renew_in_time(self, hold: Hold) -> None:
        if await self._renew_hold(self._payment_method, off_session=True) is not None:
            self._renew_at = workflow.now() + timedelta(hours=1)


@planted
class ChargesAgainUnderAFreshKey(CareExpressPremium):
    """A random key: no longer claim, purpose and ordinal."""

    async def _request_dispatch(self, ship_to: ShipTo, *, with_battery: bool) -> None:
        await super()._request_dispatch(ship_to, with_battery=with_battery)
        await self._charge(
            self._the_claim.fee, self._payment_method, "service_fees", payment_key(str(workflow.uuid4()), "fee")
        )
