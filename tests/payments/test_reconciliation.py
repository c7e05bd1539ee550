"""The reconciliation's activities on both engines: every planted difference is found, and nothing is changed by it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from activities.reconciliation import CONCURRENCY, DatabaseReconciliation
from benchmarks.counters import count_statements
from domain.claim import Claim, Hold
from domain.kinds import Attention, ClaimState, HoldState
from domain.money import Money
from domain.reconciliation import CODES, AttemptFindingCode, Code, FindingCode
from domain.reconciliation_rules import RESPONSE_OVERDUE_AFTER, WorkflowStatus
from messages.payments import HoldPlaced, PaymentDeclined, PaymentRefused
from messages.reconciliation import (
    BeginReconciliation,
    CompareSubjects,
    CopyPayments,
    FinishReconciliation,
    Reconciled,
)
from store.database import Database
from store.reads.reconciliation import Report, last_counts, last_report, report
from store.tables.ledger import LedgerEntryRow
from store.tables.reconciliation import SeenPaymentRow
from store.tables.simulated_gateway import GatewayPaymentRow
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
from store.writes.payment_attempts import Attempt, Purpose, ResponseJson, open_attempt, record_response
from tests.fakes.workflow_states import FakeWorkflowStates
from tests.payments.requests import a_capture, a_charge, a_hold, a_look, a_refund, a_release
from tests.store.programme import NOW as OPENED
from tests.store.programme import Programme

CODE = FindingCode
ATTEMPT = AttemptFindingCode
FEE, HOLD = Money(15_900, "USD"), Money(164_000, "USD")
AT = OPENED + timedelta(days=2)
RUN = "rec_1"


@dataclass
class Office:
    """Payments, claims and the reconciliation over one database, with a claim's clock at `OPENED`."""

    database: Database
    payments: GatewayPayments
    gateway: SimulatedGateway
    programme: Programme
    workflow_states: FakeWorkflowStates = field(default_factory=FakeWorkflowStates)

    def __post_init__(self) -> None:
        self.reconciling = DatabaseReconciliation(self.database, self.gateway, self.workflow_states)

    async def hold(self, subject: str, number: int = 0) -> HoldPlaced:
        result = await self.payments.authorize_hold(
            a_hold(subject=subject, key=f"{subject}:authorize:{number}", at=OPENED, ordinal=number)
        )
        assert isinstance(result, HoldPlaced)
        return result

    async def charge(self, subject: str) -> None:
        await self.payments.charge_card(a_charge(subject=subject, key=f"{subject}:fee", at=OPENED))

    async def claim(self, subject: str, hold: Hold | None, **changes: object) -> Claim:
        """A Premium claim awaiting the return, as its process last saved it."""
        serial = await self.programme.device(f"SN-{subject}")
        reserved = await self.programme.reserve(self.programme.reservation(serial, claim_id=subject))
        opened = replace(reserved.claim, state=ClaimState.AWAITING_RETURN, hold=hold)
        claim = replace(opened, **changes)  # type: ignore[arg-type]
        await self.programme.save(claim)
        return claim

    async def in_force(self, subject: str) -> HoldPlaced:
        """A claim with its hold and fee, as all of them should be."""
        placed = await self.hold(subject)
        await self.charge(subject)
        await self.claim(subject, placed.hold)
        return placed

    async def reconcile(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> Reconciled:
        await self.copy(name, size=size, at=at)
        return await self.compare(name, size=size, at=at)

    async def copy(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> None:
        await self.reconciling.begin_reconciliation(BeginReconciliation(reconciliation_id=name, at=at))
        copy = CopyPayments(reconciliation_id=name, after=None, size=size)
        while (done := await self.reconciling.copy_payments(copy)).next is not None:
            copy = copy.model_copy(update={"after": done.next})

    async def compare(self, name: str = RUN, *, size: int = 200, at: datetime = AT) -> Reconciled:
        begun = await self.reconciling.begin_reconciliation(BeginReconciliation(reconciliation_id=name, at=at))
        request = CompareSubjects(reconciliation_id=name, at=at, mark=begun.mark, after=None, size=size)
        while (done := await self.reconciling.compare_subjects(request)).next is not None:
            request = request.model_copy(update={"after": done.next})
        return await self.reconciling.finish_reconciliation(FinishReconciliation(reconciliation_id=name, at=at))

    async def report(self, name: str = RUN) -> Report:
        async with self.database.snapshot() as session:
            found = await report(session, name)
        assert found is not None
        return found

    async def book(self, write: Callable[..., Awaitable[None]], *arguments: object) -> None:
        """Book a payment that the gateway does not have, with an attempt under its key, so that only this differs.

        `arguments` begin with the subject and the key.
        """
        subject, key = map(str, arguments[:2])
        await self.attempt(subject, key, "refund", {"result": "refused", "state": "captured"})
        async with self.database.transaction() as session:
            await write(session, *arguments)

    async def attempt(
        self,
        subject: str,
        key: str,
        purpose: Purpose = "charge",
        result: ResponseJson | None = None,
        *,
        acts_on: str = "",
        sent_at: datetime = OPENED,
    ) -> None:
        """A recorded attempt, and its result."""
        async with self.database.transaction() as session:
            await open_attempt(session, Attempt(key, subject, purpose, acts_on, FEE, "fingerprint"), sent_at)
            if result is not None:
                await record_response(session, key, result, sent_at)

    async def set_claim(self, subject: str, hold: Hold, **changes: object) -> None:
        claim = await self.programme.queries.claim(subject)
        assert claim is not None
        changed = replace(claim, hold=hold, **changes)  # type: ignore[arg-type]
        await self.programme.save(changed, 2)


@pytest.fixture
def office(database: Database) -> Office:
    gateway = SimulatedGateway(database, environment="development")
    return Office(database, GatewayPayments(gateway), gateway, Programme(database))


async def everything(database: Database) -> tuple[list[object], list[object]]:
    """Every row of gateway and ledger."""
    async with database.snapshot() as session:
        payments = await session.exec(select(GatewayPaymentRow).order_by(GatewayPaymentRow.id))
        lines = await session.exec(select(LedgerEntryRow).order_by(text("id")))
        return [row.model_dump() for row in payments], [row.model_dump() for row in lines]


async def test_where_all_agree_nothing_is_found(office: Office) -> None:
    """Invariant 14: a hold in force, a good return, a default with a late return, a renewal, a plan."""
    await office.in_force("clm_open")
    returned = await office.in_force("clm_returned")
    await office.payments.release_hold(
        a_release(returned.payment_id, subject="clm_returned", key="clm_returned:release:0", at=OPENED)
    )
    await office.set_claim("clm_returned", replace(returned.hold, state=HoldState.RELEASED), state=ClaimState.CLOSED)
    taken = await office.in_force("clm_taken")
    await office.payments.capture_hold(
        a_capture(taken.payment_id, subject="clm_taken", key="clm_taken:capture", at=OPENED)
    )
    await office.payments.refund_payment(
        a_refund(taken.payment_id, subject="clm_taken", key="clm_taken:refund-late:0", at=OPENED)
    )
    captured = replace(taken.hold, state=HoldState.CAPTURED, captured=HOLD, refunded=HOLD)
    await office.set_claim("clm_taken", captured, state=ClaimState.DEFAULTED)
    await office.in_force("clm_renewed")
    await office.hold("clm_renewed", 1)
    (first, _) = [each for each in await office.gateway.find("clm_renewed", at=OPENED) if each.kind == "hold"]
    await office.payments.release_hold(
        a_release(first.id, subject="clm_renewed", key="clm_renewed:release:0", at=OPENED)
    )
    await office.charge("pln_a")
    done = await office.reconcile()
    assert (await office.report()).findings == ()
    assert (done.payments_checked, done.holds_live, done.findings, done.by_code) == (10, 2, 0, {})
    assert sorted(office.workflow_states.read) == ["clm_open", "clm_renewed"], "read only where a hold is live"


async def terminated(office: Office) -> None:
    await office.in_force("clm_x")
    office.workflow_states.states["clm_x"] = WorkflowStatus.TERMINATED


async def nobodys(office: Office) -> None:
    await office.hold("clm_x")
    office.workflow_states.states["clm_x"] = WorkflowStatus.NOT_FOUND


async def hold_not_booked(office: Office) -> None:
    await office.gateway.authorize(
        HOLD, "pm_card_visa", subject="clm_x", key="clm_x:authorize:0", at=OPENED, sent_at=OPENED
    )


async def ended_at_the_gateway(office: Office) -> None:
    placed = await office.hold("clm_x")
    await office.gateway.release(placed.payment_id, key="by hand", at=OPENED)


async def hold_in_the_ledger_alone(office: Office) -> None:
    await office.book(post, "clm_x", "clm_x:authorize:0", OPENED, {"holds_open": HOLD, "holds_placed": -HOLD})


async def ended_in_the_ledger_alone(office: Office) -> None:
    await office.hold("clm_x")
    await office.book(book_hold_ended, "clm_x", "by hand", OPENED, HOLD)


async def captured_by_hand(office: Office) -> None:
    placed = await office.hold("clm_x")
    await office.gateway.capture(placed.payment_id, HOLD, key="by hand", at=OPENED)
    await office.book(book_hold_ended, "clm_x", "by hand", OPENED, HOLD)


async def captured_less_than_booked(office: Office) -> None:
    placed = await office.hold("clm_x")
    await office.gateway.capture(placed.payment_id, FEE, key="clm_x:capture", at=OPENED)
    await office.book(book_hold_captured, "clm_x", "clm_x:capture", OPENED, HOLD, HOLD, "default_charges")


async def charge_in_the_ledger_alone(office: Office) -> None:
    await office.book(book_charge, "pln_x", "pln_x:price", OPENED, FEE, "plan_sales")


async def refunded_by_hand(office: Office) -> None:
    await office.charge("pln_x")
    (charge,) = await office.gateway.find("pln_x", at=OPENED)
    await office.gateway.refund(charge.id, FEE, key="by hand", at=OPENED)


async def refund_in_the_ledger_alone(office: Office) -> None:
    await office.charge("pln_x")
    await office.book(book_refund, "pln_x", "pln_x:refund-plan", OPENED, FEE, "plan_sales")


async def charge_not_booked(office: Office) -> None:
    await office.gateway.charge(FEE, "pm_card_visa", subject="pln_x", key="pln_x:price", at=OPENED, sent_at=OPENED)


async def claim_behind(office: Office) -> None:
    placed = await office.in_force("clm_x")
    await office.payments.release_hold(a_release(placed.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED))


async def claim_ahead(office: Office) -> None:
    placed = await office.in_force("clm_x")
    await office.set_claim("clm_x", replace(placed.hold, state=HoldState.RELEASED))


async def claim_without_any_payment(office: Office) -> None:
    nothing = HOLD.zero()
    await office.claim("clm_x", Hold(HOLD, HoldState.AUTHORIZED, nothing, nothing, None))


async def unnoticed(office: Office) -> None:
    await office.in_force("clm_x")


async def uncovered(office: Office) -> None:
    placed = await office.in_force("clm_x")
    await office.payments.release_hold(a_release(placed.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED))
    await office.set_claim("clm_x", replace(placed.hold, state=HoldState.RELEASED))


async def two_live_holds(office: Office) -> None:
    await office.in_force("clm_x")
    await office.hold("clm_x", 1)


async def half_an_entry(office: Office) -> None:
    await office.attempt("pln_x", "half", "refund", {"result": "refused", "state": "captured"})
    async with office.database.transaction() as session:
        session.add(
            LedgerEntryRow(at=OPENED, subject="pln_x", account="plan_sales", amount=5, currency="USD", key="half")
        )


async def parked_webhook(office: Office) -> None:
    event = ReceivedEvent("stripe", "evt_1", "payment_intent.canceled", "clm_x", "pay_x")
    await WebhookEvents(office.database).record(event, WebhookState.PARKED, OPENED)


async def unanswered(office: Office) -> None:
    await office.attempt("pln_x", "pln_x:price")


async def unanswered_release(office: Office) -> None:
    """The claim is in order, but for the release of a hold that got no response."""
    placed = await office.in_force("clm_x")
    await office.attempt("clm_x", "clm_x:release:0", "release", acts_on=placed.payment_id)


async def booked_without_attempt(office: Office) -> None:
    """A fee refunded outside the programme, and booked by hand as well: gateway and ledger agree."""
    await office.charge("pln_x")
    (charge,) = await office.gateway.find("pln_x", at=OPENED)
    await office.gateway.refund(charge.id, FEE, key="by hand", at=OPENED)
    async with office.database.transaction() as session:
        await book_refund(session, "pln_x", "by hand", OPENED, FEE, "service_fees")


async def booked_for_somebody_else(office: Office) -> None:
    """The key has an attempt, but it is another subject's."""
    await office.attempt("pln_y", "pln_x:deposit", "keep_deposit", {"result": "refused", "state": "unknown"})
    async with office.database.transaction() as session:
        await book_deposit_kept(session, "pln_x", "pln_x:deposit", OPENED, FEE, "parts_charges")


async def ended_without_ever_being_placed(office: Office) -> None:
    """The key before `:expired` is a charge's, which no hold comes from."""
    await office.attempt("pln_x", "pln_x:0", "charge", {"result": "declined", "code": "x", "retryable": False})
    async with office.database.transaction() as session:
        for key, hold in (("pln_x:0", HOLD), ("pln_x:0:expired", -HOLD)):
            await book_hold_ended(session, "pln_x", key, OPENED, hold)


async def answered_and_not_booked(office: Office) -> None:
    await office.attempt("pln_x", "pln_x:keep", "keep_deposit", {"result": "kept"})


async def release_not_booked(office: Office) -> None:
    """A hold that was placed and ended; the ledger has both, the end under a key that no release books under."""
    placed = await office.hold("clm_x")
    await office.gateway.release(placed.payment_id, key="clm_x:release:0", at=OPENED)
    released = placed.model_copy(update={"hold": replace(placed.hold, state=HoldState.RELEASED)})
    await office.attempt(
        "clm_x", "clm_x:release:0", "release", released.model_dump(mode="json"), acts_on=placed.payment_id
    )
    await office.book(book_hold_ended, "clm_x", "another key", OPENED, HOLD)


@pytest.mark.parametrize(
    ("plant", "code", "after"),
    [
        (terminated, CODE.HOLD_WITHOUT_WORKFLOW, 2),
        (nobodys, CODE.HOLD_WITHOUT_WORKFLOW, 2),
        (hold_not_booked, CODE.HOLD_NOT_IN_LEDGER, 2),
        (ended_in_the_ledger_alone, CODE.HOLD_NOT_IN_LEDGER, 2),
        (ended_at_the_gateway, CODE.LEDGER_HOLD_NOT_AT_GATEWAY, 2),
        (hold_in_the_ledger_alone, CODE.LEDGER_HOLD_NOT_AT_GATEWAY, 2),
        (captured_by_hand, CODE.CAPTURED_DIFFERS, 2),
        (captured_less_than_booked, CODE.CAPTURED_DIFFERS, 2),
        (charge_in_the_ledger_alone, CODE.CAPTURED_DIFFERS, 2),
        (refunded_by_hand, CODE.REFUNDED_DIFFERS, 2),
        (refund_in_the_ledger_alone, CODE.REFUNDED_DIFFERS, 2),
        (charge_not_booked, CODE.CHARGE_NOT_IN_LEDGER, 2),
        (claim_behind, CODE.CLAIM_DISAGREES, 2),
        (claim_ahead, CODE.CLAIM_DISAGREES, 2),
        (claim_without_any_payment, CODE.CLAIM_DISAGREES, 2),
        (unnoticed, CODE.HOLD_EXPIRED_UNNOTICED, 8),
        (uncovered, CODE.EXPIRED_WHILE_CLAIM_OPEN, 2),
        (two_live_holds, CODE.TWO_LIVE_HOLDS, 2),
        (half_an_entry, CODE.LEDGER_UNBALANCED, 2),
        (parked_webhook, CODE.PARKED_WEBHOOK, 2),
        (unanswered, ATTEMPT.ATTEMPT_UNANSWERED, 2),
        (unanswered_release, ATTEMPT.ATTEMPT_UNANSWERED, 2),
        (booked_without_attempt, ATTEMPT.LEDGER_WITHOUT_ATTEMPT, 2),
        (booked_for_somebody_else, ATTEMPT.LEDGER_WITHOUT_ATTEMPT, 2),
        (ended_without_ever_being_placed, ATTEMPT.LEDGER_WITHOUT_ATTEMPT, 2),
        (answered_and_not_booked, ATTEMPT.ATTEMPT_NOT_BOOKED, 2),
        (release_not_booked, ATTEMPT.ATTEMPT_NOT_BOOKED, 2),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_each_planted_difference_is_found_alone_and_left_alone(
    office: Office, plant: Callable[[Office], Awaitable[None]], code: Code, after: int
) -> None:
    """Never fixed silently: gateway and ledger are as they were, and the next run finds it again."""
    await plant(office)
    before = await everything(office.database)
    for name in ("rec_1", "rec_2"):
        done = await office.reconcile(name, at=OPENED + timedelta(days=after))
        found = (await office.report(name)).findings
        assert [finding.code for finding in found] == [code], found
        assert {finding.subject for finding in found} <= {"clm_x", "pln_x"}
        assert done.by_code == {code: 1}
    assert await everything(office.database) == before


async def test_a_parked_webhook_is_reported_for_a_week(office: Office) -> None:
    await parked_webhook(office)
    for days, found in ((7, 1), (8, 0)):
        done = await office.reconcile(f"rec_{days}", at=OPENED + timedelta(days=days))
        assert done.findings == found


async def test_an_answer_is_waited_for_a_day(office: Office) -> None:
    await unanswered(office)
    for name, at, found in (
        ("rec_1", OPENED + RESPONSE_OVERDUE_AFTER - timedelta(seconds=1), 0),
        ("rec_2", OPENED + RESPONSE_OVERDUE_AFTER, 1),
    ):
        assert (await office.reconcile(name, at=at)).findings == found


async def test_what_moved_nothing_needs_no_line(office: Office) -> None:
    """A decline, a refused capture and a look."""
    placed = await office.in_force("clm_x")
    declined = a_charge(subject="clm_x", key="clm_x:parts", at=OPENED, payment_method="pm_card_chargeDeclined")
    assert isinstance(await office.payments.charge_card(declined), PaymentDeclined)
    too_much = a_capture(placed.payment_id, subject="clm_x", key="clm_x:capture", at=OPENED, amount=HOLD + FEE)
    assert isinstance(await office.payments.capture_hold(too_much), PaymentRefused)
    assert (await office.reconcile()).findings == 0


async def test_holds_that_ended_by_themselves_or_beside_another_are_explained(office: Office) -> None:
    """Their ends are booked under the keys they were placed under."""
    (first, second) = [await office.hold("clm_x", number) for number in range(2)]
    over = OPENED + timedelta(days=7)
    await office.payments.release_hold(
        a_release(first.payment_id, subject="clm_x", key="clm_x:release:0", at=OPENED, others=True)
    )
    third = await office.hold("clm_x", 2)
    await office.payments.look_at_hold(a_look(third.payment_id, subject="clm_x", key="clm_x:look", at=over))
    async with office.database.snapshot() as session:
        keys = set(await session.exec(select(LedgerEntryRow.key).where(LedgerEntryRow.subject == "clm_x")))
    assert {f"clm_x:authorize:{end}" for end in ("0:released", "1:released", "2:expired")} <= keys
    assert second.payment_id
    assert (await office.reconcile(at=over)).findings == 0


async def test_a_recorded_reason_covers_a_claim_without_a_hold(office: Office) -> None:
    """Invariant 8."""
    await uncovered(office)
    claim = await office.programme.queries.claim("clm_x")
    assert claim is not None
    await office.programme.save(replace(claim, attention=(Attention.HOLD_AT_RISK,)), 3)
    assert (await office.reconcile()).findings == 0


@pytest.mark.parametrize("size", [1, 2, 3, 200])
async def test_pages_of_any_size_find_the_same(office: Office, size: int) -> None:
    for number in range(4):
        subject = f"clm_{number}"
        await office.hold(subject)
        await office.charge(subject)
        await office.gateway.charge(
            FEE, "pm_card_visa", subject=subject, key=f"{subject}:again", at=OPENED, sent_at=OPENED
        )
    office.workflow_states.states = {"clm_1": WorkflowStatus.FAILED, "clm_3": WorkflowStatus.COMPLETED}
    await office.book(book_charge, "pln_x", "pln_x:price", OPENED, FEE, "plan_sales")
    done = await office.reconcile(size=size)
    assert (done.payments_checked, done.holds_live) == (12, 4)
    assert done.by_code == {CODE.HOLD_WITHOUT_WORKFLOW: 2, CODE.CHARGE_NOT_IN_LEDGER: 4, CODE.CAPTURED_DIFFERS: 1}


async def test_every_step_may_be_made_twice(office: Office) -> None:
    await terminated(office)
    await office.copy()
    await office.copy()
    first = await office.compare()
    assert await office.compare() == first
    assert (first.findings, first.payments_checked) == (1, 2)
    assert len((await office.report()).findings) == 1


async def test_what_is_booked_while_it_compares_is_left_for_the_next_run(office: Office) -> None:
    """The gateway was seen before the capture, the ledger after it: that is no difference."""
    placed = await office.in_force("clm_x")
    await office.copy()
    await office.payments.capture_hold(a_capture(placed.payment_id, subject="clm_x", key="clm_x:capture", at=OPENED))
    await office.set_claim("clm_x", replace(placed.hold, state=HoldState.CAPTURED, captured=HOLD))
    assert (await office.compare()).findings == 0
    assert (await office.reconcile("rec_2")).findings == 0


async def test_what_was_seen_is_thrown_away_afterwards_and_by_a_run_that_follows_a_lost_one(office: Office) -> None:
    await office.in_force("clm_x")
    await office.copy("rec_lost", at=AT - timedelta(days=3))
    await office.reconcile()
    async with office.database.snapshot() as session:
        assert (await session.exec(select(SeenPaymentRow))).all() == []


async def test_processes_are_asked_a_few_at_a_time(office: Office) -> None:
    for number in range(3 * CONCURRENCY):
        await office.hold(f"clm_{number}")
    await office.reconcile()
    assert len(office.workflow_states.read) == 3 * CONCURRENCY
    assert 1 < office.workflow_states.most_at_once <= CONCURRENCY


async def test_a_page_costs_the_same_queries_whatever_is_in_it(office: Office) -> None:
    counts: list[int] = []

    async def queries() -> int:
        with count_statements() as seen:
            await office.compare(f"rec_{len(counts)}")
        return seen.selects

    for number in range(40):
        await office.hold(f"clm_{number}")
        if number in (1, 39):
            await office.copy(f"rec_{len(counts)}")
            counts.append(await queries())
    assert counts[0] == counts[1]


async def test_the_last_report_is_the_one_finished_last(office: Office) -> None:
    async with office.database.snapshot() as session:
        assert await last_report(session) is None
        assert await last_counts(session) is None
    await office.reconcile()
    await terminated(office)
    await office.reconcile("rec_2", at=AT + timedelta(days=1))
    await office.copy("rec_3", at=AT + timedelta(days=2))
    async with office.database.snapshot() as session:
        last = await last_report(session)
        assert last is not None
        assert (last.id, len(last.findings)) == ("rec_2", 1)
        counts: dict[Code, int] = dict.fromkeys(CODES, 0) | {CODE.HOLD_WITHOUT_WORKFLOW: 1}
        assert await last_counts(session) == (AT + timedelta(days=1), counts)
        assert await report(session, "rec_3") is None


async def test_two_runs_at_once_do_not_mind_each_other(office: Office) -> None:
    await terminated(office)
    done = await asyncio.gather(office.reconcile("rec_1"), office.reconcile("rec_2"))
    assert [each.findings for each in done] == [1, 1]
