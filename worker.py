"""The worker: builds workflows and activities with what they need and runs them. No layer imports it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import Client, Interceptor, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.runtime import Runtime
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.entitlements import DatabaseEntitlements
from activities.jobs import DatabaseJobs, SimulatedWorkshop
from activities.mail.activities import OutgoingMail
from activities.mail.mime import DEMO_SENDER
from activities.mail.templates import DEMO_RETURN_ADDRESSES, MailTemplates
from activities.mail.transport import FolderTransport, SmtpTransport
from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Gateway
from activities.payments.ledgered_gateway import LedgeredGateway, RemoteLedgeredGateway
from activities.payments.simulated.gateway import SimulatedGateway
from activities.payments.simulated.webhooks import SimulatedWebhooks
from activities.plans import DatabasePlans
from activities.reconciliation import DatabaseReconciliation, TemporalWorkflowStates
from activities.record import DatabaseRecord
from activities.registry import DatabaseRegistry
from activities.renewals import DatabaseRenewals
from activities.warehouse import SimulatedWarehouse
from api.webhook_signatures import AFTERCARE_HEADER, sign
from messages.lanes import Lane
from messages.mail import DeliverMails
from settings import Settings, SettingsError
from settings.constants import SIMULATED
from store.database import Database
from temporal_runtime.client import connect_client
from temporal_runtime.lanes import lane_workers, running
from temporal_runtime.metrics import metrics_runtime
from temporal_runtime.sandbox import ContextFreeSandboxRunner
from workflows.flyaway import Flyaway
from workflows.mail_delivery import MAIL_DELIVERY, MailDelivery
from workflows.maintenance import Maintenance
from workflows.online_repair import OnlineRepair
from workflows.plan_purchase import PlanPurchase
from workflows.plan_refund import PlanRefund
from workflows.premium import CareExpressPremium
from workflows.reconciliation import ReconcilePayments
from workflows.renewal_reminders import RenewalReminders
from workflows.standard import CareExpressStandard

log = logging.getLogger("aftercare.worker")


def workflow_runner() -> ContextFreeSandboxRunner:
    """The sandbox with the project's modules passed through: all of them or none, or class identity breaks.

    Without the pass-through the sandbox imports a copy of the workflows for each claim, again at each replay (decision
    0025). A test replays the longest histories without it, so that the sandbox checks the rules as well.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules("domain", "messages", "workflows")
    return ContextFreeSandboxRunner(restrictions=restrictions)


def workflows() -> list[type]:
    """Every workflow type of this worker."""
    return [
        CareExpressPremium,
        CareExpressStandard,
        Flyaway,
        PlanPurchase,
        OnlineRepair,
        Maintenance,
        PlanRefund,
        RenewalReminders,
        ReconcilePayments,
        MailDelivery,
    ]


def gateway_for(settings: Settings, database: Database) -> Gateway:
    """The configured payment gateway. Raises SettingsError when its library or key is missing."""
    if settings.payments == "simulated":
        faults = settings.simulated_mischief
        random = faults.random()
        return SimulatedGateway(
            database,
            environment=settings.environment,
            lose_responses=lambda _key: faults.loses_response(random),
            is_silent=faults.is_silent,
        )
    try:
        # Stripe's library is an optional dependency and slow to import.
        from activities.payments.stripe.gateway import StripeGateway, stripe_client
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "stripe":
            raise
        raise SettingsError(
            "AFTERCARE_PAYMENTS=stripe needs Stripe's library: pip install 'aftercare[stripe]'"
        ) from None
    if settings.stripe_api_key is None:
        kind = "test" if settings.development else "live"
        raise SettingsError(f"AFTERCARE_PAYMENTS=stripe needs a key: set AFTERCARE_STRIPE_API_KEY=sk_{kind}_...")
    client = stripe_client(settings.stripe_api_key.get_secret_value(), api_base=settings.stripe_api_base)
    return StripeGateway(client, database)


def activities(settings: Settings, database: Database) -> list[Callable[..., Any]]:
    """Every activity. A test checks that these are exactly the activities declared in messages."""
    gateway = gateway_for(settings, database)
    ledgered = gateway if isinstance(gateway, LedgeredGateway) else RemoteLedgeredGateway(gateway, database)
    payments = GatewayPayments(ledgered)
    reconciliation = DatabaseReconciliation(database, gateway, TemporalWorkflowStates())
    smtp = settings.smtp_url
    transport = SmtpTransport(smtp.get_secret_value()) if smtp else FolderTransport(settings.mail_folder)
    templates = MailTemplates(settings.return_addresses or DEMO_RETURN_ADDRESSES)
    sender = settings.mail_sender or DEMO_SENDER
    per_second = settings.mail_per_second
    mail = OutgoingMail(database, transport, templates=templates, sender=sender, mails_per_second=per_second)
    renewals = DatabaseRenewals(database, transport, templates=templates, sender=sender)
    warehouse = SimulatedWarehouse(database)
    record = DatabaseRecord(database, settings.policy, settings.spread_minutes)
    registry = DatabaseRegistry(database)
    plans = DatabasePlans(database)
    jobs = DatabaseJobs(database, settings.policy, settings.spread_minutes)
    workshop = SimulatedWorkshop(database)
    entitlements = DatabaseEntitlements(database)
    return [
        payments.look_up_card,
        payments.authorize_hold,
        payments.hold_and_charge,
        payments.capture_hold,
        payments.release_hold,
        payments.charge_card,
        payments.refund_payment,
        payments.look_at_hold,
        payments.keep_deposit,
        payments.compare_payments,
        warehouse.request_dispatch,
        warehouse.withdraw_dispatch,
        warehouse.change_address,
        mail.deliver_mails,
        record.reserve_use,
        record.save_claim,
        record.record_dispatch,
        record.undo_dispatch,
        record.compute_window,
        record.compute_deadline,
        record.identify_serial,
        record.find_delivered_notices,
        record.find_waiting_events,
        registry.register_device,
        registry.activate_device,
        registry.bind_controller,
        registry.unbind_controller,
        registry.plant_term,
        plans.check_plan,
        plans.add_plan,
        jobs.open_job,
        jobs.ask_replacement_fee,
        jobs.reserve_for_repair,
        jobs.compute_mornings,
        workshop.request_return,
        entitlements.approve_verification,
        entitlements.approve_plan,
        entitlements.change_owner,
        entitlements.correct_owner,
        entitlements.move_region,
        entitlements.issue_maintenance_code,
        entitlements.end_plan,
        entitlements.note_refused_refund,
        renewals.remind_page,
        reconciliation.begin_reconciliation,
        reconciliation.copy_payments,
        reconciliation.compare_subjects,
        reconciliation.finish_reconciliation,
    ]


@asynccontextmanager
async def simulated_webhooks(settings: Settings, database: Database) -> AsyncIterator[None]:
    """Send the simulated gateway's webhooks to the API during the block. Real gateways send theirs themselves."""
    if settings.payments != "simulated":
        yield
        return
    secret = settings.senders()[SIMULATED]
    sending = asyncio.create_task(
        SimulatedWebhooks(
            database,
            f"{settings.api_url}/v1/webhooks/payments/{SIMULATED}",
            lambda body, at: {AFTERCARE_HEADER: sign(body, secret, at)},
            faults=settings.simulated_mischief,
        ).run()
    )
    try:
        yield
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


async def start_mail_delivery(
    client: Client, task_queue: str, workflow_id: str = MAIL_DELIVERY
) -> WorkflowHandle[MailDelivery, None]:
    """Start the workflow that delivers the outbox's mails, shared by all workers, unless it runs. Raises RPCError."""
    handle = await client.start_workflow(
        MailDelivery.run,
        DeliverMails(),
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Mail delivery · what is written in the outbox",
    )
    running_on = (await handle.describe()).task_queue
    if running_on != task_queue:
        log.warning("%s runs on %s, not here: terminate it there and start a worker again", workflow_id, running_on)
    return handle


def _runtime(settings: Settings) -> Runtime | None:
    """The runtime that serves the worker's metrics, if any. Raises SettingsError."""
    if not settings.worker_metrics:
        return None
    try:
        return metrics_runtime(settings.worker_metrics)
    except (ValueError, RuntimeError) as error:
        raise SettingsError(
            f"AFTERCARE_WORKER_METRICS: metrics cannot be served at {settings.worker_metrics}: {error}"
        ) from error


async def run_worker(
    settings: Settings, lanes: Collection[Lane] = tuple(Lane), interceptors: Sequence[Interceptor] = ()
) -> None:
    """Run `lanes` until SIGTERM or SIGINT, then give running activities ``settings.worker_grace_seconds`` to end.

    Raises:
        TemporalUnreachable: no Temporal at the configured address.
        SettingsError: the settings name a gateway whose library or key is missing, or no valid encryption key.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    database = Database(settings.database_url)
    try:
        own_activities = activities(settings, database)
        client = await connect_client(settings, runtime=_runtime(settings), interceptors=interceptors)
        workers = lane_workers(
            client, settings, workflows=workflows(), activities=own_activities, runner=workflow_runner(), lanes=lanes
        )
        await start_mail_delivery(client, settings.task_queue)
        async with simulated_webhooks(settings, database), running(workers):
            log.info("working on %s in namespace %s", ", ".join(w.task_queue for w in workers), client.namespace)
            await stop.wait()
            log.info("stopping")
    finally:
        await database.close()
    log.info("stopped")
