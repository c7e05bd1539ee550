"""Workflow part: the gateway requests for a claim's hold. A key has the operation and the ordinal of the hold."""

from typing import Literal

from temporalio import workflow

from domain.hold import DepositHold, EndableHold, LiveHold
from domain.money import Money
from messages.ids import payment_key
from messages.payments import (
    AuthorizeHold,
    CaptureAccount,
    CaptureHold,
    KeepDeposit,
    LookAtHold,
    RefundPayment,
    ReleaseHold,
)
from workflows.parts.claim_record import ClaimRecord

Purpose = Literal["capture", "deposit"]


class HoldRequests:
    """Creates the messages; it sends none."""

    def __init__(self, record: ClaimRecord) -> None:
        self._record = record

    def authorize(self, ordinal: int, amount: Money, payment_method: str, *, off_session: bool) -> AuthorizeHold:
        return AuthorizeHold(
            subject=self._subject,
            key=payment_key(self._subject, "authorize", ordinal),
            at=workflow.now(),
            amount=amount,
            payment_method=payment_method,
            ordinal=ordinal,
            off_session=off_session,
        )

    def read(self, held: EndableHold, number: int) -> LookAtHold:
        return LookAtHold(
            subject=self._subject,
            key=payment_key(self._subject, "look", number),
            at=workflow.now(),
            hold_id=held.payment_id,
        )

    def capture(self, live: LiveHold, amount: Money, account: CaptureAccount, purpose: Purpose) -> CaptureHold:
        return CaptureHold(
            subject=self._subject,
            key=payment_key(self._subject, purpose, live.ordinal),
            at=workflow.now(),
            hold_id=live.payment_id,
            amount=amount,
            account=account,
        )

    def release(self, held: EndableHold, *, others: bool) -> ReleaseHold:
        """`others`: every other live hold of the claim is released too."""
        return ReleaseHold(
            subject=self._subject,
            key=payment_key(self._subject, "release", held.ordinal),
            at=workflow.now(),
            hold_id=held.payment_id,
            others=others,
        )

    def keep_deposit(self, amount: Money, account: CaptureAccount) -> KeepDeposit:
        return KeepDeposit(
            subject=self._subject,
            key=payment_key(self._subject, "keep-deposit"),
            at=workflow.now(),
            amount=amount,
            account=account,
        )

    def refund_deposit(self, deposit: DepositHold, amount: Money) -> RefundPayment:
        return RefundPayment(
            subject=self._subject,
            key=payment_key(self._subject, "refund-deposit"),
            at=workflow.now(),
            payment_id=deposit.payment_id,
            amount=amount,
            account="deposits",
        )

    @property
    def _subject(self) -> str:
        return self._record.claim.id
