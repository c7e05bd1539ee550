"""Workflow part: the gateway requests for a claim's hold. A key has the operation and the ordinal of the hold."""

from typing import Literal, cast

from temporalio import workflow

from domain.hold import CapturedElsewhere, DepositHold, EndableHold, LiveHold
from domain.money import Money
from messages.ids import payment_key
from messages.payments import (
    Account,
    AuthorizeHold,
    CaptureAccount,
    CaptureHold,
    ComparePayments,
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

    def read(self, held: EndableHold | CapturedElsewhere, number: int) -> LookAtHold:
        return LookAtHold(
            subject=self._subject,
            key=payment_key(self._subject, "look", number),
            at=workflow.now(),
            hold_id=held.payment_id,
        )

    def capture(
        self, live: LiveHold, amount: Money, account: CaptureAccount, purpose: Purpose, *, refusals: int = 0
    ) -> CaptureHold:
        return CaptureHold(
            subject=self._subject,
            key=self._key(purpose, live.ordinal, refusals),
            at=workflow.now(),
            hold_id=live.payment_id,
            amount=amount,
            account=account,
        )

    def release(self, held: EndableHold, *, others: bool, refusals: int = 0) -> ReleaseHold:
        """`others`: every other live hold of the claim is released too."""
        return ReleaseHold(
            subject=self._subject,
            key=self._key("release", held.ordinal, refusals),
            at=workflow.now(),
            hold_id=held.payment_id,
            others=others,
        )

    def keep_deposit(self, deposit: DepositHold, amount: Money, account: CaptureAccount) -> KeepDeposit:
        return KeepDeposit(
            subject=self._subject,
            key=payment_key(self._subject, "keep-deposit", _ordinal(deposit)),
            at=workflow.now(),
            amount=amount,
            account=account,
        )

    def refund_deposit(self, deposit: DepositHold, amount: Money) -> RefundPayment:
        return RefundPayment(
            subject=self._subject,
            key=payment_key(self._subject, "refund-deposit", _ordinal(deposit)),
            at=workflow.now(),
            payment_id=deposit.payment_id,
            amount=amount,
            account="deposits",
        )

    def keep_captured(self, found: CapturedElsewhere, amount: Money, account: CaptureAccount) -> KeepDeposit:
        return KeepDeposit(
            subject=self._subject,
            key=payment_key(self._subject, "keep-captured", found.ordinal),
            at=workflow.now(),
            amount=amount,
            account=account,
            source=cast(Account, found.account),
            hold_id=found.payment_id,
        )

    def refund_captured(self, found: CapturedElsewhere, amount: Money) -> RefundPayment:
        return RefundPayment(
            subject=self._subject,
            key=payment_key(self._subject, "refund-captured", found.ordinal),
            at=workflow.now(),
            payment_id=found.payment_id,
            amount=amount,
            account=cast(Account, found.account),
        )

    def compare(self) -> ComparePayments:
        return ComparePayments(
            subject=self._subject,
            key=payment_key(self._subject, "compare"),
            at=workflow.now(),
            currency=self._record.claim.fee.currency,
        )

    def _key(self, purpose: str, ordinal: int, refusals: int) -> str:
        """The key of the first attempt on this hold, or of the next one after a refusal: a refusal stays its key's."""
        first = payment_key(self._subject, purpose, ordinal)
        return payment_key(first, str(refusals)) if refusals else first

    @property
    def _subject(self) -> str:
        return self._record.claim.id


def _ordinal(deposit: DepositHold) -> int | None:
    return deposit.ordinal if deposit.numbered else None
