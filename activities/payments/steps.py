"""Activities: steps that payment requests share: the attempt recorded for one, the end of holds, its result.

Has no activity and no transaction of its own.
"""

import hashlib
import json
from collections.abc import Awaitable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.as_reported import captured_part, hold_as_read
from activities.payments.gateway import INVALID_REQUEST, Declined, Gateway, GatewayRefused, Payment
from activities.payments.ledgered_gateway import LedgeredGateway
from domain.money import Money
from messages.payments import (
    Account,
    CapturedPart,
    ChargeCard,
    HoldPlaced,
    PaymentDeclined,
    PaymentRefused,
    PaymentRequest,
    ReleaseHold,
)
from store.writes.payment_attempts import Attempt, Purpose, ResponseJson


@dataclass(frozen=True, slots=True)
class HoldResponse:
    """The response to a request about one hold: `hold` as the gateway has it now, `done` whether the request took
    effect, and `ended`, every hold of the subject that was found to have ended, each to be booked once."""

    hold: Payment | PaymentRefused
    done: bool
    ended: tuple[Payment, ...]


def attempt_of(purpose: Purpose, request: PaymentRequest, acts_on: str = "", amount: Money | None = None) -> Attempt:
    """The request as it is recorded. Its fingerprint leaves out `at`, which differs in a retry, and fields at their
    default, so that a field added later does not change the fingerprint of an old request. Release 0.2.0 charged
    flyaway fees on session: a claim of that release that is reset asks for the same fee, under the same key, off it."""
    left_out = {"at"}
    if isinstance(request, ChargeCard) and request.account == "flyaway_fees":
        left_out.add("off_session")
    content = request.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
    digest = hashlib.sha256(json.dumps([purpose, content], sort_keys=True).encode()).hexdigest()
    return Attempt(request.key, request.subject, purpose, acts_on, amount, digest)


async def payment_or_refusal(payment: Awaitable[Payment]) -> Payment | PaymentDeclined | PaymentRefused:
    """A hold or a charge, the issuer's decline, or the gateway's refusal."""
    try:
        return await payment
    except Declined as declined:
        return PaymentDeclined(code=declined.code, retryable=declined.retryable)
    except GatewayRefused as refused:
        return PaymentRefused(state=refused.state)


async def refused(gateway: Gateway, request: PaymentRequest, payment_id: str, refusal: GatewayRefused) -> HoldResponse:
    """What a refusal means: a mistake of ours, or else the payment as the gateway has it now."""
    if refusal.state == INVALID_REQUEST:
        return HoldResponse(PaymentRefused(state=refusal.state), False, ())
    return await refetch(gateway, request, payment_id)


async def refetch(gateway: Gateway, request: PaymentRequest, payment_id: str) -> HoldResponse:
    """The payment as the gateway has it now."""
    try:
        payment = await gateway.get(payment_id, at=request.at)
    except GatewayRefused as unknown:
        return HoldResponse(PaymentRefused(state=unknown.state), False, ())
    return HoldResponse(payment, False, (payment,))


async def release(ledgered: LedgeredGateway, request: ReleaseHold) -> HoldResponse:
    """Release the hold."""
    try:
        hold = await ledgered.gateway.release(request.hold_id, key=request.key, at=request.at)
    except GatewayRefused as refusal:
        return await refused(ledgered.gateway, request, request.hold_id, refusal)
    return HoldResponse(hold, True, (hold,))


async def others_captured(ledgered: LedgeredGateway, request: PaymentRequest, hold_id: str) -> tuple[Payment, ...]:
    """Every other hold of the subject of which something was captured and not refunded."""
    found = await ledgered.gateway.find(request.subject, at=request.at)
    return tuple(
        each for each in found if each.kind == "hold" and each.id != hold_id and each.captured != each.refunded
    )


async def release_others(ledgered: LedgeredGateway, request: PaymentRequest, hold_id: str) -> tuple[Payment, ...]:
    """Release every other live hold of the subject, each as an attempt under `{reference}:release`.

    Returns those of its holds that had ended before.
    """
    ended = []
    for payment in await ledgered.gateway.find(request.subject, at=request.at):
        if payment.kind != "hold" or payment.id == hold_id:
            continue
        if payment.status != "authorized":
            ended.append(payment)
            continue
        other = ReleaseHold(
            subject=request.subject, key=f"{payment.reference}:release", at=request.at, hold_id=payment.id
        )

        async def settle(session: AsyncSession, response: HoldResponse, request: ReleaseHold = other) -> ResponseJson:
            return (await book_ended_holds(request, session, response)).model_dump(mode="json")

        await ledgered.send(
            attempt_of("release", other, acts_on=payment.id),
            lambda within, _, request=other: release(within, request),  # type: ignore[misc]  # the default is bound
            settle,
        )
    return tuple(ended)


async def book_ended_holds(
    request: PaymentRequest, session: AsyncSession, response: HoldResponse
) -> HoldPlaced | PaymentRefused:
    """Book the end of these holds, once each, however often it is found; also a capture by somebody else.

    Returns the result of the request, with the account of the hold's capture when that is among them.
    """
    accounts: dict[str, Account | None] = {}
    others: list[CapturedPart] = []
    for ended in response.ended:
        if ended.kind != "hold":
            continue
        part = await captured_part(session, request.subject, request.at, ended)
        accounts[ended.id] = part.account if part is not None else None
        if part is not None and (isinstance(response.hold, PaymentRefused) or ended.id != response.hold.id):
            others.append(part)
    hold = response.hold
    if isinstance(hold, PaymentRefused):
        return hold.model_copy(update={"others": tuple(others)})
    account = accounts.get(hold.id)
    if response.done:
        return hold_placed(hold, account, tuple(others))
    read = hold_as_read(hold) if hold.status == "captured" else None
    return PaymentRefused(state=hold.status, hold=read, account=account, others=tuple(others))


def hold_placed(hold: Payment, account: Account | None = None, others: tuple[CapturedPart, ...] = ()) -> HoldPlaced:
    """The hold as the gateway has it."""
    return HoldPlaced(payment_id=hold.id, hold=hold_as_read(hold), account=account, others=others)
