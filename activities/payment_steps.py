"""Activities: the steps that payment requests have in common: what is written down of one, what becomes of holds.

Knows no activity and no transaction of its own.
"""

import hashlib
import json
from collections.abc import Awaitable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from activities.gateway import Declined, Gateway, Payment, Refused, Sender
from domain.claim import Hold
from domain.kinds import HoldState
from domain.money import Money
from messages.payments import HoldPlaced, PaymentDeclined, PaymentRefused, PaymentRequest, ReleaseHold
from store.writes.ledger import book_hold_ended
from store.writes.payment_attempts import AnswerJson, Attempt, Purpose


@dataclass(frozen=True, slots=True)
class Ended:
    """What was asked about one hold: `hold` as the gateway has it now, `done` whether it did as asked, and every hold
    of the subject that was found to have ended, which is booked once each."""

    hold: Payment | PaymentRefused
    done: bool
    ended: tuple[Payment, ...]


def attempt_of(purpose: Purpose, request: PaymentRequest, acts_on: str = "", amount: Money | None = None) -> Attempt:
    """The request as it is written down. Its fingerprint leaves out `at`, which differs when it is repeated, and what
    stands at its default, so that a field added later makes no other request of it."""
    content = request.model_dump(mode="json", exclude={"at"}, exclude_defaults=True)
    digest = hashlib.sha256(json.dumps([purpose, content], sort_keys=True).encode()).hexdigest()
    return Attempt(request.key, request.subject, purpose, acts_on, amount, digest)


async def or_no(taken: Awaitable[Payment]) -> Payment | PaymentDeclined | PaymentRefused:
    """A hold or a charge, the card's no, or the gateway's."""
    try:
        return await taken
    except Declined as no:
        return PaymentDeclined(code=no.code, retryable=no.retryable)
    except Refused as no:
        return PaymentRefused(state=no.state)


async def refetch(gateway: Gateway, request: PaymentRequest, payment_id: str) -> Ended:
    """The payment as the gateway has it now."""
    try:
        payment = await gateway.get(payment_id, at=request.at)
    except Refused as unknown:
        return Ended(PaymentRefused(state=unknown.state), False, ())
    return Ended(payment, False, (payment,))


async def release(sender: Sender, request: ReleaseHold) -> Ended:
    """Release the hold."""
    try:
        hold = await sender.gateway.release(request.hold_id, key=request.key, at=request.at)
    except Refused:
        return await refetch(sender.gateway, request, request.hold_id)
    return Ended(hold, True, (hold,))


async def release_others(sender: Sender, request: PaymentRequest, hold_id: str) -> tuple[Payment, ...]:
    """Release every other live hold of the subject, each an attempt of its own under `{reference}:release`; those of
    its holds that had ended before."""
    ended = []
    for payment in await sender.gateway.find(request.subject, at=request.at):
        if payment.kind != "hold" or payment.id == hold_id:
            continue
        if payment.status != "authorized":
            ended.append(payment)
            continue
        other = ReleaseHold(
            subject=request.subject, key=f"{payment.reference}:release", at=request.at, hold_id=payment.id
        )

        async def settle(session: AsyncSession, answer: Ended, request: ReleaseHold = other) -> AnswerJson:
            await book_ends(request, session, answer)
            return what_became(answer).model_dump(mode="json")

        await sender.send(
            attempt_of("release", other, acts_on=payment.id),
            lambda within, _, request=other: release(within, request),  # type: ignore[misc]  # the default is bound
            settle,
        )
    return tuple(ended)


async def book_ends(request: PaymentRequest, session: AsyncSession, answer: Ended) -> None:
    """That these holds are over, once each, however often and by whom it is found out."""
    for hold in answer.ended:
        if hold.kind == "hold" and hold.status in ("released", "expired"):
            key = f"{hold.reference}:{hold.status}"
            await book_hold_ended(session, request.subject, key, request.at, hold.amount)


def what_became(answer: Ended) -> HoldPlaced | PaymentRefused:
    """The result of a request about one hold."""
    if isinstance(answer.hold, PaymentRefused):
        return answer.hold
    return placed(answer.hold) if answer.done else PaymentRefused(state=answer.hold.status)


def placed(hold: Payment) -> HoldPlaced:
    """The hold as the gateway has it."""
    return HoldPlaced(
        payment_id=hold.id,
        hold=Hold(
            amount=hold.amount,
            state=HoldState(hold.status),
            captured=hold.captured,
            refunded=hold.refunded,
            expires_at=hold.capture_before,
        ),
    )
