"""CLI: ``aftercare reconcile``: run the reconciliation now, or show its last report."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.common import CommandError, migrated_database_url, prepared_settings, run_in_read_session
from domain.reconciliation import ADVICE
from temporal_runtime.client import connect_client
from temporal_runtime.connection import lanes_without_worker

if TYPE_CHECKING:
    from rich.status import Status
    from temporalio.client import WorkflowHandle

    from messages.reconciliation import Reconciled
    from store.reads.reconciliation import Report
    from workflows.reconciliation import ReconcilePayments

MANUAL_WORKFLOW_ID = "reconciliation-by-hand"
"""The workflow that `aftercare reconcile` starts; if it is running already, the command waits for it."""


def reconcile(
    last: Annotated[bool, typer.Option("--last", help="Show the last report instead of making a new one.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    wait: Annotated[float, typer.Option(min=1, max=86400, help="How many seconds to wait for it.")] = 600,
) -> None:
    """Compare gateway, ledger, claims and processes now and say what differs and what to do. Changes none of them.

    Ends with 0 when everything agrees, 1 when something differs, 2 when it could not run.
    """
    from store.reads import reconciliation as reconciliation_view

    if last:
        report = run_in_read_session(reconciliation_view.last_report)
        if report is None:
            raise CommandError("There is no report yet: `aftercare reconcile` makes one")
    else:
        report_id = asyncio.run(_run_reconciliation(wait))
        report = run_in_read_session(lambda session: reconciliation_view.report(session, report_id))
        if report is None:
            raise CommandError(
                f"The worker wrote the report {report_id} into another database than AFTERCARE_DATABASE_URL"
            )
    if as_json:
        typer.echo(_as_json(report))
    else:
        _show(report)
    raise typer.Exit(1 if report.findings else 0)


async def _run_reconciliation(wait: float) -> str:
    """Start a reconciliation, or join the running one, and return the id of its report. Raises CommandError."""
    from temporalio.client import WorkflowFailureError
    from temporalio.common import WorkflowIDConflictPolicy

    from messages.reconciliation import Reconcile
    from workflows.reconciliation import ReconcilePayments

    settings = prepared_settings()
    migrated_database_url()
    client = await connect_client(settings)
    unserved = await lanes_without_worker(client, settings.task_queue)
    if unserved:
        raise CommandError(
            f"No worker polls {', '.join(unserved)} of {settings.task_queue!r}: start one with `aftercare worker`"
        )
    handle = await client.start_workflow(
        ReconcilePayments.run,
        Reconcile(),
        id=MANUAL_WORKFLOW_ID,
        task_queue=settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Reconciliation · by hand",
    )
    with Console(stderr=True).status("Reconciliation ...") as status:
        result = asyncio.ensure_future(handle.result())
        progress = asyncio.ensure_future(_show_progress(handle, status))
        try:
            return (await asyncio.wait_for(result, wait)).reconciliation_id
        except TimeoutError:
            raise CommandError(
                f"It is still going on after {wait:.0f} s, see {MANUAL_WORKFLOW_ID} in Temporal; "
                "`aftercare reconcile --last` shows the report when it is done"
            ) from None
        except WorkflowFailureError as error:
            raise CommandError(
                f"The reconciliation did not end well ({error.cause}); see {MANUAL_WORKFLOW_ID} in Temporal"
            ) from error
        finally:
            progress.cancel()


async def _show_progress(handle: WorkflowHandle[ReconcilePayments, Reconciled], status: Status) -> None:
    """Query the progress every second until cancelled."""
    from temporalio.service import RPCError

    from workflows.reconciliation import ReconcilePayments

    while True:
        await asyncio.sleep(1)
        with suppress(RPCError):
            status.update(f"Reconciliation: {await handle.query(ReconcilePayments.progress)}")


def _as_json(report: Report) -> str:
    findings = [asdict(finding) | {"advice": ADVICE[finding.code]} for finding in report.findings]
    return json.dumps(asdict(report) | {"findings": findings}, indent=2, default=datetime.isoformat)


def _show(report: Report) -> None:
    console = Console()
    for code in sorted({finding.code for finding in report.findings}):
        table = Table("subject", "payment", "what differs", title=code, title_justify="left", caption=ADVICE[code])
        table.caption_justify = "left"
        for column in table.columns[:2]:
            column.no_wrap = True
        for finding in report.findings:
            if finding.code is code:
                table.add_row(finding.subject, finding.payment_id, finding.message)
        console.print(table)
    count = len(report.findings)
    summary = f"{count} finding{'' if count == 1 else 's'}" if count else "Everything agrees"
    typer.echo(
        f"{summary}: {report.payments_checked} payments, {report.holds_live} live holds, "
        f"as at {report.started_at:%Y-%m-%d %H:%M} UTC"
    )
