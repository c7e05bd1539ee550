"""The lists that people open in Temporal's UI: each a query, and a link that needs nothing imported into a browser."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from domain.kinds import ClaimState

OLD_HOLD: Final = timedelta(days=25)
DUE_SOON: Final = timedelta(days=1)


def views(now: datetime) -> Iterator[tuple[str, str]]:
    """Name and query of each view; those about time count from `now`."""
    due, old = (f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in (now + DUE_SOON, now - OLD_HOLD))
    yield "Needs attention", "ClaimAttention IS NOT NULL"
    yield "Due within a day", f'ClaimState = "awaiting_return" AND ReturnDue < "{due}"'
    yield "Hold at risk", 'ClaimAttention = "hold_at_risk"'
    yield "Hold lapsed, claim open", 'HoldState = "expired" AND ClaimState != "closed"'
    yield "Old holds", f'ExecutionStatus = "Running" AND HoldState = "authorized" AND StartTime < "{old}"'
    yield "Capture unknown", 'ClaimAttention = "capture_unknown"'
    yield "Inspection overdue", 'ClaimAttention = "inspection_overdue"'
    yield "Closed, still watched for disputes and finds", 'ExecutionStatus = "Running" AND ClaimState = "closed"'
    yield "Amount owed", 'ClaimAttention = "amount_owed"'
    yield (
        "Reminder runs that did not end well",
        'WorkflowType = "RenewalReminders" AND ExecutionStatus NOT IN ("Completed", "ContinuedAsNew")',
    )
    yield "Ended by hand", 'ExecutionStatus IN ("Terminated", "Canceled")'
    yield "Stuck in code", "TemporalReportedProblems IS NOT NULL"
    for state in ClaimState:
        yield f"State: {state.replace('_', ' ')}", f'ClaimState = "{state}"'


def link(ui_url: str, namespace: str, query: str) -> str:
    """The page of Temporal's UI that lists the workflows of `query`."""
    return f"{ui_url.rstrip('/')}/namespaces/{namespace}/workflows?query={quote(query)}"
