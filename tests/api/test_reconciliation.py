"""The last reconciliation over HTTP, and as metrics."""

from datetime import datetime

from domain.reconciliation import ADVICE, AttemptFindingCode, Finding, FindingCode
from store.writes.reconciliation import finish_run, record_findings, start_run
from tests.api.conftest import NOW, ApiHarness, problem


async def finished(harness: ApiHarness, *findings: Finding, name: str = "rec_1", at: datetime = NOW) -> None:
    async with harness.database.transaction() as session:
        await start_run(session, name, at)
        await record_findings(session, name, findings)
        await finish_run(session, name, at)


LOST = Finding(FindingCode.HOLD_WITHOUT_WORKFLOW, "clm_a", "A hold is live.", "pay_a")
WRONG = Finding(FindingCode.CAPTURED_DIFFERS, "pln_a", "The gateway took more.")


async def test_the_last_report_has_each_difference_and_its_remedy(harness: ApiHarness) -> None:
    await finished(harness, LOST, WRONG)
    response = await harness.http.get("/v1/reconciliations/latest", headers={"Authorization": "Bearer fi"})
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["started_at"], body["payments_checked"]) == ("rec_1", "2026-11-23T10:00:00Z", 0)
    assert body["findings"] == [
        {
            "code": "captured_differs",
            "subject": "pln_a",
            "payment_id": None,
            "message": "The gateway took more.",
            "advice": ADVICE[FindingCode.CAPTURED_DIFFERS],
        },
        {
            "code": "hold_without_workflow",
            "subject": "clm_a",
            "payment_id": "pay_a",
            "message": "A hold is live.",
            "advice": ADVICE[FindingCode.HOLD_WITHOUT_WORKFLOW],
        },
    ]


async def test_findings_about_attempts_are_counted_and_not_in_the_report(harness: ApiHarness) -> None:
    """The contract names the codes of a report, and it came before the attempts."""
    await finished(
        harness, LOST, Finding(AttemptFindingCode.ATTEMPT_UNANSWERED, "clm_a", "It has no response.", "clm_a:fee")
    )
    body = (await harness.http.get("/v1/reconciliations/latest", headers={"Authorization": "Bearer fi"})).json()
    assert [finding["code"] for finding in body["findings"]] == ["hold_without_workflow"]
    page = (await harness.http.get("/metrics")).text
    assert 'aftercare_reconciliation_findings{code="attempt_unanswered"} 1.0' in page
    assert 'aftercare_reconciliation_findings{code="attempt_not_booked"} 0.0' in page


async def test_before_the_first_one_there_is_none(harness: ApiHarness) -> None:
    async with harness.database.transaction() as session:
        await start_run(session, "rec_1", NOW)
    problem(await harness.http.get("/v1/reconciliations/latest"), 404, "not_found")


async def test_only_finance_reads_it(harness: ApiHarness) -> None:
    for key in ("cs", "wh", "st"):
        response = await harness.http.get("/v1/reconciliations/latest", headers={"Authorization": f"Bearer {key}"})
        problem(response, 403, "forbidden")


async def test_findings_are_metrics(harness: ApiHarness) -> None:
    before = (await harness.http.get("/metrics")).text
    assert "aftercare_reconciliation_findings{" not in before
    assert "aftercare_reconciliation_finished_timestamp_seconds 0.0" in before
    await finished(harness, LOST)
    page = (await harness.http.get("/metrics")).text
    assert 'aftercare_reconciliation_findings{code="hold_without_workflow"} 1.0' in page
    assert 'aftercare_reconciliation_findings{code="captured_differs"} 0.0' in page
    stamp = next(line for line in page.splitlines() if line.startswith("aftercare_reconciliation_finished"))
    assert float(stamp.split()[1]) == NOW.timestamp()
    await finished(harness, name="rec_2", at=NOW.replace(hour=11))
    assert 'code="hold_without_workflow"} 0.0' in (await harness.http.get("/metrics")).text
