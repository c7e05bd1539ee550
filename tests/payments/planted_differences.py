"""Differences between gateway, ledger, claims and attempts: a function plants each."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from domain.claim import Hold
from domain.kinds import HoldState
from domain.reconciliation import AttemptFindingCode, Code, FindingCode
from domain.reconciliation_rules import WorkflowStatus
from store.tables.ledger import LedgerEntryRow
from store.tables.webhook_events import WebhookState
from store.webhook_events import ReceivedEvent, WebhookEvents
from store.writes.ledger import (
    book_charge,
    book_deposit_kept,
    book_hold_captured,
    book_hold_ended,
    book_refund,
    post,
)
from tests.payments.reconciliation_harness import FEE, HOLD, ReconciliationHarness
from tests.payments.requests import a_release
from tests.store.programme import NOW as OPENED

Plant = Callable[[ReconciliationHarness], Awaitable[None]]


async def terminated(harness: ReconciliationHarness) -> None:
    await harness.in_force("clm_x")
    harness.workflow_states.states["clm_x"] = WorkflowStatus.TERMINATED


async def without_a_claim(harness: ReconciliationHarness) -> None:
    await harness.hold("clm_x")
    harness.workflow_states.states["clm_x"] = WorkflowStatus.NOT_FOUND


async def hold_not_booked(harness: ReconciliationHarness) -> None:
    await harness.gateway.authorize(
        HOLD, "pm_card_visa", subject="clm_x", key="clm_x:authorize:0", at=OPENED, sent_at=OPENED
    )


async def ended_at_the_gateway(harness: ReconciliationHarness) -> None:
    placed = await harness.hold("clm_x")
    await harness.gateway.release(placed.payment_id, key="by hand", at=OPENED)


async def hold_in_the_ledger_alone(harness: ReconciliationHarness) -> None:
    await harness.book(post, "clm_x", "clm_x:authorize:0", OPENED, {"holds_open": HOLD, "holds_placed": -HOLD})


async def ended_in_the_ledger_alone(harness: ReconciliationHarness) -> None:
    await harness.hold("clm_x")
    await harness.book(book_hold_ended, "clm_x", "by hand", OPENED, HOLD)


async def captured_by_hand(harness: ReconciliationHarness) -> None:
    placed = await harness.hold("clm_x")
    await harness.gateway.capture(placed.payment_id, HOLD, key="by hand", at=OPENED)
    await harness.book(book_hold_ended, "clm_x", "by hand", OPENED, HOLD)


async def captured_less_than_booked(harness: ReconciliationHarness) -> None:
    placed = await harness.hold("clm_x")
    await harness.gateway.capture(placed.payment_id, FEE, key="clm_x:capture", at=OPENED)
    await harness.book(book_hold_captured, "clm_x", "clm_x:capture", OPENED, HOLD, HOLD, "default_charges")


async def charge_in_the_ledger_alone(harness: ReconciliationHarness) -> None:
    await harness.book(book_charge, "pln_x", "pln_x:price", OPENED, FEE, "plan_sales")


async def refunded_by_hand(harness: ReconciliationHarness) -> None:
    await harness.charge("pln_x")
    (charge,) = await harness.gateway.find("pln_x", at=OPENED)
    await harness.gateway.refund(charge.id, FEE, key="by hand", at=OPENED)


async def refund_in_the_ledger_alone(harness: ReconciliationHarness) -> None:
    await harness.charge("pln_x")
    await harness.book(book_refund, "pln_x", "pln_x:refund-plan", OPENED, FEE, "plan_sales")


async def charge_not_booked(harness: ReconciliationHarness) -> None:
    await harness.gateway.charge(FEE, "pm_card_visa", subject="pln_x", key="pln_x:price", at=OPENED, sent_at=OPENED)


async def claim_behind(harness: ReconciliationHarness) -> None:
    placed = await harness.in_force("clm_x")
    await harness.payments.release_hold(a_release(placed.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED))


async def claim_ahead(harness: ReconciliationHarness) -> None:
    placed = await harness.in_force("clm_x")
    await harness.set_claim("clm_x", replace(placed.hold, state=HoldState.RELEASED))


async def claim_without_any_payment(harness: ReconciliationHarness) -> None:
    nothing = HOLD.zero()
    await harness.claim("clm_x", Hold(HOLD, HoldState.AUTHORIZED, nothing, nothing, None))


async def unnoticed(harness: ReconciliationHarness) -> None:
    await harness.in_force("clm_x")


async def uncovered(harness: ReconciliationHarness) -> None:
    placed = await harness.in_force("clm_x")
    await harness.payments.release_hold(a_release(placed.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED))
    await harness.set_claim("clm_x", replace(placed.hold, state=HoldState.RELEASED))


async def two_live_holds(harness: ReconciliationHarness) -> None:
    await harness.in_force("clm_x")
    await harness.hold("clm_x", 1)


async def half_an_entry(harness: ReconciliationHarness) -> None:
    await harness.attempt("pln_x", "half", "refund", {"result": "refused", "state": "captured"})
    async with harness.database.transaction() as session:
        session.add(
            LedgerEntryRow(at=OPENED, subject="pln_x", account="plan_sales", amount=5, currency="USD", key="half")
        )


async def parked_webhook(harness: ReconciliationHarness) -> None:
    event = ReceivedEvent("stripe", "evt_1", "payment_intent.canceled", "clm_x", "pay_x")
    await WebhookEvents(harness.database).record(event, WebhookState.PARKED, OPENED)


async def without_a_result(harness: ReconciliationHarness) -> None:
    await harness.attempt("pln_x", "pln_x:price")


async def release_without_a_result(harness: ReconciliationHarness) -> None:
    """The claim is in order, but for the release of a hold that got no response."""
    placed = await harness.in_force("clm_x")
    await harness.attempt("clm_x", "clm_x:release:0", "release", acts_on=placed.payment_id)


async def booked_without_attempt(harness: ReconciliationHarness) -> None:
    """A fee refunded outside the programme, and booked by hand as well: gateway and ledger agree."""
    await harness.charge("pln_x")
    (charge,) = await harness.gateway.find("pln_x", at=OPENED)
    await harness.gateway.refund(charge.id, FEE, key="by hand", at=OPENED)
    async with harness.database.transaction() as session:
        await book_refund(session, "pln_x", "by hand", OPENED, FEE, "service_fees")


async def booked_for_another_claim(harness: ReconciliationHarness) -> None:
    """The key has an attempt, but it is another subject's."""
    await harness.attempt("pln_y", "pln_x:deposit", "keep_deposit", {"result": "refused", "state": "unknown"})
    async with harness.database.transaction() as session:
        await book_deposit_kept(session, "pln_x", "pln_x:deposit", OPENED, FEE, "parts_charges")


async def ended_without_ever_being_placed(harness: ReconciliationHarness) -> None:
    """The key before `:expired` is a charge's, which no hold comes from."""
    await harness.attempt("pln_x", "pln_x:0", "charge", {"result": "declined", "code": "x", "retryable": False})
    async with harness.database.transaction() as session:
        for key, hold in (("pln_x:0", HOLD), ("pln_x:0:expired", -HOLD)):
            await book_hold_ended(session, "pln_x", key, OPENED, hold)


async def successful_and_not_booked(harness: ReconciliationHarness) -> None:
    await harness.attempt("pln_x", "pln_x:keep", "keep_deposit", {"result": "kept"})


async def release_not_booked(harness: ReconciliationHarness) -> None:
    """A hold that was placed and ended; the ledger has both, the end under a key that no release books under."""
    placed = await harness.hold("clm_x")
    await harness.gateway.release(placed.payment_id, key="clm_x:release:0", at=OPENED)
    released = placed.model_copy(update={"hold": replace(placed.hold, state=HoldState.RELEASED)})
    await harness.attempt(
        "clm_x", "clm_x:release:0", "release", released.model_dump(mode="json"), acts_on=placed.payment_id
    )
    await harness.book(book_hold_ended, "clm_x", "another key", OPENED, HOLD)


DIFFERENCES: list[tuple[Plant, Code, int]] = [
    (terminated, FindingCode.HOLD_WITHOUT_WORKFLOW, 2),
    (without_a_claim, FindingCode.HOLD_WITHOUT_WORKFLOW, 2),
    (hold_not_booked, FindingCode.HOLD_NOT_IN_LEDGER, 2),
    (ended_in_the_ledger_alone, FindingCode.HOLD_NOT_IN_LEDGER, 2),
    (ended_at_the_gateway, FindingCode.LEDGER_HOLD_NOT_AT_GATEWAY, 2),
    (hold_in_the_ledger_alone, FindingCode.LEDGER_HOLD_NOT_AT_GATEWAY, 2),
    (captured_by_hand, FindingCode.CAPTURED_DIFFERS, 2),
    (captured_less_than_booked, FindingCode.CAPTURED_DIFFERS, 2),
    (charge_in_the_ledger_alone, FindingCode.CAPTURED_DIFFERS, 2),
    (refunded_by_hand, FindingCode.REFUNDED_DIFFERS, 2),
    (refund_in_the_ledger_alone, FindingCode.REFUNDED_DIFFERS, 2),
    (charge_not_booked, FindingCode.CHARGE_NOT_IN_LEDGER, 2),
    (claim_behind, FindingCode.CLAIM_DISAGREES, 2),
    (claim_ahead, FindingCode.CLAIM_DISAGREES, 2),
    (claim_without_any_payment, FindingCode.CLAIM_DISAGREES, 2),
    (unnoticed, FindingCode.HOLD_EXPIRED_UNNOTICED, 8),
    (uncovered, FindingCode.EXPIRED_WHILE_CLAIM_OPEN, 2),
    (two_live_holds, FindingCode.TWO_LIVE_HOLDS, 2),
    (half_an_entry, FindingCode.LEDGER_UNBALANCED, 2),
    (parked_webhook, FindingCode.PARKED_WEBHOOK, 2),
    (without_a_result, AttemptFindingCode.ATTEMPT_UNANSWERED, 2),
    (release_without_a_result, AttemptFindingCode.ATTEMPT_UNANSWERED, 2),
    (booked_without_attempt, AttemptFindingCode.LEDGER_WITHOUT_ATTEMPT, 2),
    (booked_for_another_claim, AttemptFindingCode.LEDGER_WITHOUT_ATTEMPT, 2),
    (ended_without_ever_being_placed, AttemptFindingCode.LEDGER_WITHOUT_ATTEMPT, 2),
    (successful_and_not_booked, AttemptFindingCode.ATTEMPT_NOT_BOOKED, 2),
    (release_not_booked, AttemptFindingCode.ATTEMPT_NOT_BOOKED, 2),
]
"""Function, code, and the days after opening on which the reconciliation runs."""
