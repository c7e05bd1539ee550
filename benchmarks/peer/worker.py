"""Benchmarks: the peer's worker process: DBOS with the claim of `benchmarks.peer.claim`, until SIGTERM.

`python -m benchmarks.peer.worker DATABASE_URL MAIL_FOLDER`, in the peer's environment.
"""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from dbos import DBOS
from sqlalchemy import make_url

from activities.mail.activities import OutgoingMail
from activities.mail.transport import FolderTransport
from activities.payments.activities import GatewayPayments
from activities.payments.simulated.gateway import SimulatedGateway
from activities.record import DatabaseRecord
from activities.warehouse import SimulatedWarehouse
from benchmarks.mail_delivery import MAILS_PER_SECOND
from benchmarks.peer.claim import GoodReturn
from benchmarks.peer.claim_record import Activities
from devstack.exit_with_parent import exit_when_stdin_closes
from domain.policy import Policy
from messages.claims import SubmitCareExpress
from messages.mail import DeliverMails
from store.database import Database

QUEUE: Final = "claims"
WORKFLOW: Final = "good_return"
READY: Final = "working"
_POLLING: Final = 0.05
"""By default DBOS polls its queue once a second; our dev server is tuned too (devstack/commands.py)."""


def system_url(database_url: str) -> str:
    """Where DBOS keeps its own tables: the same database, in a schema of its own."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


async def work(database_url: str, mail_folder: Path) -> None:
    """Works until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(database_url)
    gateway = SimulatedGateway(database, environment="development")
    activities = Activities(
        record=DatabaseRecord(database, Policy()),
        payments=GatewayPayments(gateway),
        warehouse=SimulatedWarehouse(database),
    )

    async def good_return(submission: SubmitCareExpress) -> str:
        return await GoodReturn(activities, submission).run()

    DBOS(config={"name": "aftercare-peer", "system_database_url": system_url(database_url), "log_level": "WARNING"})
    DBOS.workflow(name=WORKFLOW)(good_return)
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE, polling_interval_sec=_POLLING)
    mail = OutgoingMail(database, FolderTransport(mail_folder), mails_per_second=MAILS_PER_SECOND)
    delivering = asyncio.create_task(_deliver(mail))
    print(READY, flush=True)
    await stop.wait()
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
    DBOS.destroy()
    await database.close()


async def _deliver(mail: OutgoingMail) -> None:
    """The delivery of mails, for ever: the same activity as ours, without anybody who watches over it."""
    while True:
        await mail.deliver_mails(DeliverMails())


if __name__ == "__main__":
    exit_when_stdin_closes()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
