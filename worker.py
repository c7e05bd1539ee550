"""A composition root: the worker. It builds what workflows and activities need and runs them. No room imports it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxRestrictions

from activities.entitlements import DatabaseEntitlements
from activities.envelope import DEMO_SENDER
from activities.gateway import Gateway, GatewayAccess
from activities.jobs import DatabaseJobs, SimulatedWorkshop
from activities.letters import DEMO_RETURN_ADDRESSES, Letters
from activities.mail import OutgoingMail
from activities.payments import GatewayPayments
from activities.plans import DatabasePlans
from activities.post import FolderPost, SmtpPost
from activities.reconciliation import DatabaseReconciliation, TemporalProcesses
from activities.record import DatabaseRecord
from activities.registry import DatabaseRegistry
from activities.remote_access import RemoteAccess
from activities.renewals import DatabaseRenewals
from activities.simulated_gateway import SimulatedGateway
from activities.simulated_webhooks import SimulatedWebhooks
from activities.warehouse import SimulatedWarehouse
from api.signatures import OURS, sign
from connect import connect
from messages.mail import DeliverMails
from sandbox import Sandbox
from settings import SIMULATED, Settings, SettingsError
from store.database import Database
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

# A killed worker leaves claims bound to it: a message to one of them waits so long before another worker gets it. A
# worker too busy to take a task in this time replays the claim for it.
_MISSED_AFTER = timedelta(seconds=1)


def workflow_runner() -> Sandbox:
    """The sandbox with the house's code passed through: all of it or none, or class identity breaks.

    Otherwise every claim gets its own copy of the processes, made again each time it is replayed (decision 0025). One
    replay of the longest histories runs without the pass-through, so that the sandbox watches the rules too.
    """
    return Sandbox(restrictions=SandboxRestrictions.default.with_passthrough_modules("domain", "messages", "workflows"))


def workflows() -> list[type]:
    """Every process this worker can run."""
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
    """The gateway the settings name. Raises SettingsError when it cannot be had."""
    if settings.payments == "simulated":
        mischief = settings.simulated_mischief
        dice = mischief.dice()
        return SimulatedGateway(
            database, environment=settings.environment, lose_answers=lambda _key: mischief.loses(dice)
        )
    try:
        # Only who pays with Stripe has its library, and waits for it to be read.
        from activities.stripe_gateway import StripeGateway, stripe_client
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
    """Every activity, built with what it needs. A test holds that these are exactly what the signatures name."""
    gateway = gateway_for(settings, database)
    access = gateway if isinstance(gateway, GatewayAccess) else RemoteAccess(gateway, database)
    payments = GatewayPayments(access)
    reconciliation = DatabaseReconciliation(database, gateway, TemporalProcesses())
    smtp = settings.smtp_url
    post = SmtpPost(smtp.get_secret_value()) if smtp else FolderPost(settings.mail_folder)
    letters = Letters(settings.return_addresses or DEMO_RETURN_ADDRESSES)
    sender = settings.mail_sender or DEMO_SENDER
    per_second = settings.mail_per_second
    mail = OutgoingMail(database, post, letters=letters, sender=sender, mails_per_second=per_second)
    renewals = DatabaseRenewals(database, post, letters=letters, sender=sender)
    warehouse = SimulatedWarehouse(database)
    record = DatabaseRecord(database, settings.policy)
    registry = DatabaseRegistry(database)
    plans = DatabasePlans(database)
    jobs = DatabaseJobs(database, settings.policy)
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
        warehouse.request_dispatch,
        warehouse.withdraw_dispatch,
        mail.deliver_mails,
        record.reserve_use,
        record.save_claim,
        record.record_dispatch,
        record.compute_window,
        record.compute_deadline,
        record.identify_serial,
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
        entitlements.change_owner,
        entitlements.issue_maintenance_code,
        entitlements.end_plan,
        renewals.remind_page,
        reconciliation.begin_reconciliation,
        reconciliation.copy_payments,
        reconciliation.compare_subjects,
        reconciliation.finish_reconciliation,
    ]


@asynccontextmanager
async def simulated_webhooks(settings: Settings, database: Database) -> AsyncIterator[None]:
    """While the block lasts the simulated gateway tells the API what it does; another gateway does so by itself."""
    if settings.payments != "simulated":
        yield
        return
    secret = settings.senders()[SIMULATED]
    telling = asyncio.create_task(
        SimulatedWebhooks(
            database,
            f"{settings.api_url}/v1/webhooks/payments/{SIMULATED}",
            lambda body, at: {OURS: sign(body, secret, at)},
            mischief=settings.simulated_mischief,
        ).run()
    )
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


def worker_on(
    client: Client,
    settings: Settings,
    *,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    runner: WorkflowRunner | None = None,
) -> Worker:
    """A worker with the house's options; `runner` instead of the house's own for processes of others."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=workflows,
        activities=activities,
        workflow_runner=runner or workflow_runner(),
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_grace_seconds),
        max_cached_workflows=settings.worker_cached_claims,
        sticky_queue_schedule_to_start_timeout=_MISSED_AFTER,
    )


async def start_mail_delivery(
    client: Client, task_queue: str, workflow_id: str = MAIL_DELIVERY
) -> WorkflowHandle[MailDelivery, None]:
    """The process that delivers the outbox's mails, started unless it runs: all workers share it. Raises RPCError."""
    handle = await client.start_workflow(
        MailDelivery.run,
        DeliverMails(),
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Mail delivery · what is written in the outbox",
    )
    found = (await handle.describe()).task_queue
    if found != task_queue:
        log.warning("%s runs on %s, not here: terminate it there and start a worker again", workflow_id, found)
    return handle


async def run_worker(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT, then lets running activities end for ``settings.worker_grace_seconds``.

    Raises:
        TemporalUnreachable: no Temporal at the configured address.
        SettingsError: the settings ask for what this release cannot do.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    database = Database(settings.database_url)
    try:
        own_activities = activities(settings, database)
        client = await connect(wait_seconds=settings.connect_seconds)
        worker = worker_on(client, settings, workflows=workflows(), activities=own_activities)
        await start_mail_delivery(client, settings.task_queue)
        async with simulated_webhooks(settings, database), worker:
            log.info("working on %s in namespace %s", settings.task_queue, client.namespace)
            await stop.wait()
            log.info("stopping")
    finally:
        await database.close()
    log.info("stopped")
