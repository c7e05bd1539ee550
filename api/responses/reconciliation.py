"""API: the findings of the daily reconciliation, with advice for operators."""

from api.openapi_examples import with_example
from api.responses.base import Moment, View
from api.responses.claims import CLAIM_ID
from domain.reconciliation import ADVICE, Finding, FindingCode
from store.reads.reconciliation import Report


class FindingView(View):
    """`subject` is a claim or a plan; `payment_id` the gateway's, null when it is about the whole subject."""

    code: FindingCode
    subject: str
    payment_id: str | None
    message: str
    advice: str

    @classmethod
    def of(cls, code: FindingCode, finding: Finding) -> "FindingView":
        return cls(
            code=code,
            subject=finding.subject,
            payment_id=finding.payment_id or None,
            message=finding.message,
            advice=ADVICE[code],
        )


class ReconciliationView(View):
    """A finished run. Everything is judged as at `started_at`."""

    model_config = with_example(
        {
            "id": "rec_mfrggzdfmztwq2lk",
            "started_at": "2026-11-24T05:00:00Z",
            "finished_at": "2026-11-24T05:00:07Z",
            "payments_checked": 812,
            "holds_live": 37,
            "findings": [
                {
                    "code": "hold_without_workflow",
                    "subject": CLAIM_ID,
                    "payment_id": "pay_mfrggzdfmztwq2lk",
                    "message": "A hold of USD 1640.00 is live until 2026-11-30 10:00 UTC; "
                    f"the process of {CLAIM_ID} is terminated.",
                    "advice": ADVICE[FindingCode.HOLD_WITHOUT_WORKFLOW],
                }
            ],
        }
    )

    id: str
    started_at: Moment
    finished_at: Moment
    payments_checked: int
    holds_live: int
    findings: list[FindingView]

    @classmethod
    def of(cls, report: Report) -> "ReconciliationView":
        return cls(
            id=report.id,
            started_at=report.started_at,
            finished_at=report.finished_at,
            payments_checked=report.payments_checked,
            holds_live=report.holds_live,
            # The HTTP contract has these codes only; `aftercare reconcile --last` and the metrics show all codes.
            findings=[
                FindingView.of(finding.code, finding)
                for finding in report.findings
                if isinstance(finding.code, FindingCode)
            ],
        )
