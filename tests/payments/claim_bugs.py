"""Bugs of whole claims, planted into their parts: each is a way in which a process has really lost or taken money."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow

from domain.claim import Hold
from domain.hold import CapturedHold, DepositHold, EndableHold, LiveHold
from domain.inspection import Assessment
from domain.kinds import HoldState
from domain.money import Money
from messages.ids import payment_key
from messages.payments import CaptureAccount, ChargeCard, PaymentDeclined, PaymentRefused, Payments, ReleaseHold
from tests.planting import planted, swap
from workflows.parts.charges import Charges
from workflows.parts.claim_workflow import Phase
from workflows.parts.hold_requests import HoldRequests
from workflows.premium import CareExpressPremium

AuthorizationFailure = PaymentDeclined | PaymentRefused | None


def charges_of(process: CareExpressPremium) -> Charges:
    return process.original._charges  # a test may look


@planted
class ReleasesFirst(CareExpressPremium):
    def plant(self) -> None:
        async def first_released(payment_method: str, *, off_session: bool) -> AuthorizationFailure:
            if isinstance(self.hold.state, LiveHold):
                request = HoldRequests(self.record).release(self.hold.state, others=False)
                await self.gateway.send(Payments.release_hold, request, "release first")
            result: AuthorizationFailure = await real(payment_method, off_session=off_session)
            return result

        real = swap(self.hold, "replace", first_released)


@planted
class NeverRenews(CareExpressPremium):
    def plant(self) -> None:
        swap(self.renewal, "_schedule", lambda: None)


@planted
class CapturesTheFirstHold(CareExpressPremium):
    def plant(self) -> None:
        async def first_kept(payment_method: str, *, off_session: bool) -> AuthorizationFailure:
            first = self.hold.state
            result: AuthorizationFailure = await real(payment_method, off_session=off_session)
            if isinstance(first, LiveHold) and isinstance(self.hold.state, LiveHold):
                self.hold.data.state = replace(self.hold.state, ordinal=first.ordinal, payment_id=first.payment_id)
            return result

        real = swap(self.hold, "replace", first_kept)


@planted
class ReleasesTheCurrentHoldOnly(CareExpressPremium):
    def plant(self) -> None:
        async def old_forgotten() -> None:
            self.hold.data.superseded = None

        def alone(held: EndableHold, *, others: bool, refusals: int = 0) -> ReleaseHold:
            return HoldRequests(self.record).release(held, others=False)

        swap(self.hold, "release_superseded", old_forgotten)
        swap(self.hold._requests, "release", alone)


@planted
class ChargesOnEveryDefault(CareExpressPremium):
    def plant(self) -> None:
        async def twice(amount: Money, account: CaptureAccount, payment_method: str, *, agreed: bool) -> bool | None:
            taken: bool | None = await real(amount, account, payment_method, agreed=agreed)
            await charges_of(self)._charge_saved_card(amount, account, payment_method)
            return taken

        real = swap(charges_of(self), "collect", twice)


@planted
class ChargesTheCardBesideTheHold(CareExpressPremium):
    def plant(self) -> None:
        async def beside(amount: Money, account: CaptureAccount, payment_method: str, *, agreed: bool) -> bool | None:
            return await charges_of(self)._charge_saved_card(amount, account, payment_method)

        swap(charges_of(self), "collect", beside)


@planted
class ForgetsToRefundTheFee(CareExpressPremium):
    def plant(self) -> None:
        async def nothing() -> Money | None:
            return None

        swap(self.fees, "refund_all", nothing)


@planted
class RefundsTheFeeOfAGoodReturn(CareExpressPremium):
    def plant(self) -> None:
        async def refunded_too() -> Phase | None:
            await self.fees.refund_all()
            phase: Phase | None = await real()
            return phase

        real = swap(self.original.settlement, "release_hold", refunded_too)


@planted
class ForgetsTheHoldOfAGoodReturn(CareExpressPremium):
    def plant(self) -> None:
        async def nothing() -> Money:
            return self.record.claim.fee.zero()

        swap(self.hold, "release", nothing)


@planted
class ForgetsTheHoldOfAnUndoneReplacement(ForgetsTheHoldOfAGoodReturn):
    """The customer keeps the original, and the hold stays."""


@planted
class KeepsTheDepositOfAGoodReturn(CareExpressPremium):
    def plant(self) -> None:
        async def nothing(deposit: DepositHold, amount: Money) -> CapturedHold:
            nothing = amount.zero()
            return CapturedHold(
                deposit.ordinal, deposit.payment_id, deposit.amount, amount, nothing, deposit.expires_at
            )

        swap(self.hold._deposits, "refund", nothing)


@planted
class ChargesTheDeviceForAWrongPart(CareExpressPremium):
    """Judges a later box as a whole."""

    def plant(self) -> None:
        def as_a_whole(*box: Any) -> Assessment:
            whole: Assessment = self.original._box._assess_whole_box(*box)
            real(*box)
            return whole

        real = swap(self.original._box, "_assess", as_a_whole)


@planted
class KeepsALateReturnsMoney(CareExpressPremium):
    def plant(self) -> None:
        async def nothing(amount: Money, purpose: str) -> Money:
            return amount

        swap(charges_of(self), "refund", nothing)


@planted
class RefundsEveryDefault(CareExpressPremium):
    """Gives the default back as soon as it was charged."""

    def plant(self) -> None:
        async def given_back() -> Phase | None:
            phase: Phase | None = await real()
            await charges_of(self).refund(charges_of(self).net_amount, "late-return")
            return phase

        real = swap(self.original.settlement, "charge_default", given_back)


@planted
class BelievesTheWebhook(CareExpressPremium):
    def plant(self) -> None:
        def believed(payment_id: str) -> bool:
            hold = self.record.claim.hold
            assert isinstance(hold, Hold)
            self.record.change(hold=replace(hold, state=HoldState.RELEASED))
            return True

        swap(self.renewal, "payment_changed", believed)


@planted
class ShipsBeforeTheFee(CareExpressPremium):
    def plant(self) -> None:
        async def shipped_first(*request: Any) -> Any:
            await self.replacement.order(with_battery=False)
            return await real(*request)

        real = swap(self.hold, "place", shipped_first)


@planted
class ForgetsToCallTheWarehouseOff(CareExpressPremium):
    def plant(self) -> None:
        async def nothing() -> bool:
            return True

        swap(self.replacement, "withdraw", nothing)


@planted
class ShipsWithoutAHold(CareExpressPremium):
    def plant(self) -> None:
        swap(self.renewal, "require_secured", lambda: None)
        swap(self.renewal, "_check_security", lambda: None)


@planted
class ShipsAgainWithoutAHold(ShipsWithoutAHold):
    """What came back leaves once more, and its hold has ended."""


@planted
class RenewsEveryDay(CareExpressPremium):
    def plant(self) -> None:
        def tomorrow() -> None:
            self.renewal.data.renew_at = workflow.now() + timedelta(days=1)

        swap(self.renewal, "_schedule", tomorrow)


@planted
class TriesAgainAndAgain(CareExpressPremium):
    def plant(self) -> None:
        async def again(hold: Hold) -> None:
            if await self.renewal._replace(self.renewal.payment_method, off_session=True) is not None:
                self.renewal.data.renew_at = workflow.now() + timedelta(hours=1)

        swap(self.renewal, "_renew_in_time", again)


@planted
class ChargesAgainUnderAFreshKey(CareExpressPremium):
    """A random key: no longer claim, purpose and ordinal."""

    def plant(self) -> None:
        async def charged_again(*, with_battery: bool) -> bool:
            ordered: bool = await real(with_battery=with_battery)
            request = ChargeCard(
                subject=self.record.claim.id,
                key=payment_key(str(workflow.uuid4()), "fee"),
                at=workflow.now(),
                amount=self.record.claim.fee,
                payment_method=self.renewal.payment_method,
                account="service_fees",
            )
            await self.gateway.send(Payments.charge_card, request, "charge again")
            return ordered

        real = swap(self.replacement, "order_inline", charged_again)


@planted
class ChargesBesideWhatSomebodyCaptured(CareExpressPremium):
    """The money that somebody else took is not taken for the claim's."""

    def plant(self) -> None:
        async def nothing(amount: Money, account: CaptureAccount) -> None:
            return None

        swap(self.hold, "collect", nothing)
        swap(charges_of(self), "_staff_must_decide", lambda _: False)


@planted
class ForgetsWhatSomebodyCaptured(CareExpressPremium):
    """A good return of it is told as released, and nothing is refunded."""

    def plant(self) -> None:
        async def nothing() -> None:
            return None

        swap(self.hold, "_refund_captured", nothing)
