"""The reconciliation's activities on both engines: every planted difference is found, and nothing is changed by it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from activities.reconciliation import CONCURRENCY
from benchmarks.counters import count_statements
from domain.kinds import Attention, ClaimState, HoldState
from domain.reconciliation import CODES, Code, FindingCode
from domain.reconciliation_rules import RESPONSE_OVERDUE_AFTER, WorkflowStatus
from messages.payments import PaymentDeclined, PaymentRefused
from store.database import Database
from store.reads.reconciliation import last_counts, last_report, report
from store.tables.ledger import LedgerEntryRow
from store.tables.reconciliation import SeenPaymentRow
from store.tables.simulated_gateway import GatewayPaymentRow
from store.writes.ledger import (
    book_charge,
)
from tests.payments.planted_differences import (
    DIFFERENCES,
    Plant,
    parked_webhook,
    terminated,
    uncovered,
    without_a_result,
)
from tests.payments.reconciliation_harness import AT, FEE, HOLD, ReconciliationHarness
from tests.payments.requests import a_capture, a_charge, a_comparison, a_look, a_refund, a_release
from tests.store.programme import NOW as OPENED


async def everything(database: Database) -> tuple[list[object], list[object]]:
    """Every row of gateway and ledger."""
    async with database.snapshot() as session:
        payments = await session.exec(select(GatewayPaymentRow).order_by(GatewayPaymentRow.id))
        lines = await session.exec(select(LedgerEntryRow).order_by(text("id")))
        return [row.model_dump() for row in payments], [row.model_dump() for row in lines]


async def test_what_somebody_else_did_is_found_until_it_is_booked(harness: ReconciliationHarness) -> None:
    """A capture and refunds by hand: differences before the claim has looked, none afterwards."""
    placed = await harness.in_force("clm_hand")
    at, subject = OPENED + timedelta(hours=1), "clm_hand"
    await harness.gateway.capture(placed.payment_id, HOLD, key="by-hand", at=at)
    await harness.gateway.refund(placed.payment_id, FEE, key="by-hand-back", at=at)
    found = await harness.reconcile("rec_before")
    assert {FindingCode.CAPTURED_DIFFERS, FindingCode.REFUNDED_DIFFERS} <= set(found.by_code)
    await harness.payments.compare_payments(a_comparison(subject=subject, at=at))
    captured = replace(placed.hold, state=HoldState.CAPTURED, captured=HOLD, refunded=FEE)
    await harness.set_claim(subject, captured)
    assert (await harness.reconcile("rec_after")).by_code == {}


async def test_nothing_is_found_where_all_agree(harness: ReconciliationHarness) -> None:
    """Invariant 14: a hold in force, a good return, a default with a late return, a renewal, a plan."""
    await harness.in_force("clm_open")
    returned = await harness.in_force("clm_returned")
    await harness.payments.release_hold(
        a_release(returned.payment_id, subject="clm_returned", key="clm_returned:release:0", at=OPENED)
    )
    await harness.set_claim("clm_returned", replace(returned.hold, state=HoldState.RELEASED), state=ClaimState.CLOSED)
    taken = await harness.in_force("clm_taken")
    await harness.payments.capture_hold(
        a_capture(taken.payment_id, subject="clm_taken", key="clm_taken:capture", at=OPENED)
    )
    await harness.payments.refund_payment(
        a_refund(taken.payment_id, subject="clm_taken", key="clm_taken:refund-late:0", at=OPENED)
    )
    captured = replace(taken.hold, state=HoldState.CAPTURED, captured=HOLD, refunded=HOLD)
    await harness.set_claim("clm_taken", captured, state=ClaimState.DEFAULTED)
    await harness.in_force("clm_renewed")
    await harness.hold("clm_renewed", 1)
    (first, _) = [each for each in await harness.gateway.find("clm_renewed", at=OPENED) if each.kind == "hold"]
    await harness.payments.release_hold(
        a_release(first.id, subject="clm_renewed", key="clm_renewed:release:0", at=OPENED)
    )
    await harness.charge("pln_a")
    done = await harness.reconcile()
    assert (await harness.report()).findings == ()
    assert (done.payments_checked, done.holds_live, done.findings, done.by_code) == (10, 2, 0, {})
    assert sorted(harness.workflow_states.read) == ["clm_open", "clm_renewed"], "read only where a hold is live"


@pytest.mark.parametrize(
    ("plant", "code", "after"),
    DIFFERENCES,
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_each_planted_difference_is_found_alone_and_left_alone(
    harness: ReconciliationHarness, plant: Plant, code: Code, after: int
) -> None:
    """Never fixed silently: gateway and ledger are as they were, and the next run finds it again."""
    await plant(harness)
    before = await everything(harness.database)
    for name in ("rec_1", "rec_2"):
        done = await harness.reconcile(name, at=OPENED + timedelta(days=after))
        found = (await harness.report(name)).findings
        assert [finding.code for finding in found] == [code], found
        assert {finding.subject for finding in found} <= {"clm_x", "pln_x"}
        assert done.by_code == {code: 1}
    assert await everything(harness.database) == before


async def test_a_parked_webhook_is_reported_for_a_week(harness: ReconciliationHarness) -> None:
    await parked_webhook(harness)
    for days, found in ((7, 1), (8, 0)):
        done = await harness.reconcile(f"rec_{days}", at=OPENED + timedelta(days=days))
        assert done.findings == found


async def test_an_attempt_may_lack_its_result_for_a_day(harness: ReconciliationHarness) -> None:
    await without_a_result(harness)
    for name, at, found in (
        ("rec_1", OPENED + RESPONSE_OVERDUE_AFTER - timedelta(seconds=1), 0),
        ("rec_2", OPENED + RESPONSE_OVERDUE_AFTER, 1),
    ):
        assert (await harness.reconcile(name, at=at)).findings == found


async def test_attempts_that_moved_nothing_need_no_ledger_line(harness: ReconciliationHarness) -> None:
    """A decline, a refused capture and a look."""
    placed = await harness.in_force("clm_x")
    declined = a_charge(subject="clm_x", key="clm_x:parts", at=OPENED, payment_method="pm_card_chargeDeclined")
    assert isinstance(await harness.payments.charge_card(declined), PaymentDeclined)
    too_much = a_capture(placed.payment_id, subject="clm_x", key="clm_x:capture", at=OPENED, amount=HOLD + FEE)
    assert isinstance(await harness.payments.capture_hold(too_much), PaymentRefused)
    assert (await harness.reconcile()).findings == 0


async def test_holds_that_ended_by_themselves_or_beside_another_are_explained(harness: ReconciliationHarness) -> None:
    """Their ends are booked under the keys they were placed under."""
    (first, second) = [await harness.hold("clm_x", number) for number in range(2)]
    over = OPENED + timedelta(days=7)
    await harness.payments.release_hold(
        a_release(first.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED, others=True)
    )
    third = await harness.hold("clm_x", 2)
    await harness.payments.look_at_hold(a_look(third.payment_id, subject="clm_x", key="clm_x:look", at=over))
    async with harness.database.snapshot() as session:
        keys = set(await session.exec(select(LedgerEntryRow.key).where(LedgerEntryRow.subject == "clm_x")))
    assert {f"clm_x:authorize:{end}" for end in ("0:released", "1:released", "2:expired")} <= keys
    assert second.payment_id
    assert (await harness.reconcile(at=over)).findings == 0


async def test_a_recorded_reason_covers_a_claim_without_a_hold(harness: ReconciliationHarness) -> None:
    """Invariant 8."""
    await uncovered(harness)
    claim = await harness.programme.queries.claim("clm_x")
    assert claim is not None
    await harness.programme.save(replace(claim, attention=(Attention.HOLD_AT_RISK,)), 3)
    assert (await harness.reconcile()).findings == 0


@pytest.mark.parametrize("size", [1, 2, 3, 200])
async def test_pages_of_any_size_find_the_same(harness: ReconciliationHarness, size: int) -> None:
    for number in range(4):
        subject = f"clm_{number}"
        await harness.hold(subject)
        await harness.charge(subject)
        await harness.gateway.charge(
            FEE, "pm_card_visa", subject=subject, key=f"{subject}:again", at=OPENED, sent_at=OPENED
        )
    harness.workflow_states.states = {"clm_1": WorkflowStatus.FAILED, "clm_3": WorkflowStatus.COMPLETED}
    await harness.book(book_charge, "pln_x", "pln_x:price", OPENED, FEE, "plan_sales")
    done = await harness.reconcile(size=size)
    assert (done.payments_checked, done.holds_live) == (12, 4)
    assert done.by_code == {
        FindingCode.HOLD_WITHOUT_WORKFLOW: 2,
        FindingCode.CHARGE_NOT_IN_LEDGER: 4,
        FindingCode.CAPTURED_DIFFERS: 1,
    }


async def test_every_step_may_be_made_twice(harness: ReconciliationHarness) -> None:
    await terminated(harness)
    await harness.copy()
    await harness.copy()
    first = await harness.compare()
    assert await harness.compare() == first
    assert (first.findings, first.payments_checked) == (1, 2)
    assert len((await harness.report()).findings) == 1


async def test_what_is_booked_while_it_compares_is_left_for_the_next_run(harness: ReconciliationHarness) -> None:
    """The gateway was seen before the capture, the ledger after it: that is no difference."""
    placed = await harness.in_force("clm_x")
    await harness.copy()
    await harness.payments.capture_hold(a_capture(placed.payment_id, subject="clm_x", key="clm_x:capture", at=OPENED))
    await harness.set_claim("clm_x", replace(placed.hold, state=HoldState.CAPTURED, captured=HOLD))
    assert (await harness.compare()).findings == 0
    assert (await harness.reconcile("rec_2")).findings == 0


async def test_the_copy_is_deleted_afterwards_and_by_a_run_that_follows_a_lost_one(
    harness: ReconciliationHarness,
) -> None:
    await harness.in_force("clm_x")
    await harness.copy("rec_lost", at=AT - timedelta(days=3))
    await harness.reconcile()
    async with harness.database.snapshot() as session:
        assert (await session.exec(select(SeenPaymentRow))).all() == []


async def test_workflow_states_are_read_a_few_at_a_time(harness: ReconciliationHarness) -> None:
    for number in range(3 * CONCURRENCY):
        await harness.hold(f"clm_{number}")
    await harness.reconcile()
    assert len(harness.workflow_states.read) == 3 * CONCURRENCY
    assert 1 < harness.workflow_states.most_at_once <= CONCURRENCY


async def test_a_page_costs_the_same_queries_whatever_is_in_it(harness: ReconciliationHarness) -> None:
    counts: list[int] = []

    async def queries() -> int:
        with count_statements() as seen:
            await harness.compare(f"rec_{len(counts)}")
        return seen.selects

    for number in range(40):
        await harness.hold(f"clm_{number}")
        if number in (1, 39):
            await harness.copy(f"rec_{len(counts)}")
            counts.append(await queries())
    assert counts[0] == counts[1]


async def test_the_last_report_is_the_one_finished_last(harness: ReconciliationHarness) -> None:
    async with harness.database.snapshot() as session:
        assert await last_report(session) is None
        assert await last_counts(session) is None
    await harness.reconcile()
    await terminated(harness)
    await harness.reconcile("rec_2", at=AT + timedelta(days=1))
    await harness.copy("rec_3", at=AT + timedelta(days=2))
    async with harness.database.snapshot() as session:
        last = await last_report(session)
        assert last is not None
        assert (last.id, len(last.findings)) == ("rec_2", 1)
        counts: dict[Code, int] = dict.fromkeys(CODES, 0) | {FindingCode.HOLD_WITHOUT_WORKFLOW: 1}
        assert await last_counts(session) == (AT + timedelta(days=1), counts)
        assert await report(session, "rec_3") is None


async def test_two_concurrent_runs_do_not_interfere(harness: ReconciliationHarness) -> None:
    await terminated(harness)
    done = await asyncio.gather(harness.reconcile("rec_1"), harness.reconcile("rec_2"))
    assert [each.findings for each in done] == [1, 1]
