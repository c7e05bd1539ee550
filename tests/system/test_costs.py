"""Upper bounds of history events, transactions and statements of a claim and of requests.

Only counts are checked; `benchmarks/` measures time. A change that makes something cheaper lowers the number here.
"""

from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from api.temporal_client import TemporalClaimCommands
from benchmarks.counters import HistoryCost, Statements, count_statements, history_cost
from benchmarks.databases import plain_engine
from benchmarks.devices import CoveredDevices
from benchmarks.floor.clients import AftercareClient, run_claims
from tests.system.claims_api import new_serial
from tests.system.conftest import Deployment

PAUSE: Final = 0.2
"""Seconds before each message, so that the work of the previous one is finished."""
TRIES: Final = 3
"""The lowest of this many counts is taken: on a busy machine tasks are retried."""
EVENTS, TRANSITIONS, HISTORY_BYTES = 60, 16, 20_800
"""Three of the events compare the payments at the end, two are the timer of an overdue dispatch."""
WORKER_TRANSACTIONS, WORKER_STATEMENTS = 14, 76
"""One of the transactions and seven of the statements compare the payments at the end; three and ten deliver the mails
in three runs of the delivery; six statements keep tracking numbers and a serial number to search by."""
PAGES: Final = {
    "/v1/devices/{serial}": 1,
    "/v1/claims/{claim}": 1,
    "/v1/claims/{claim}/events": 2,
    "/v1/claims/{claim}/ledger": 2,
    "/v1/claims?limit=50": 1,
    "/v1/dispatch-requests": 2,
}
"""Queries of one request."""
QUOTE, REPEATED = 4, 2


@dataclass(frozen=True, slots=True)
class Counted:
    """The cost of one Premium claim with a good return, its mails included; without empty runs of the delivery."""

    claim_id: str
    serial: str
    history: HistoryCost
    worker: Statements


async def good_returns(deployment: Deployment, count: int) -> list[Counted]:
    """That many claims, one after another, through the API's client."""

    async def connected() -> Client:
        return deployment.client

    claim_commands = TemporalClaimCommands(connected, deployment.settings.task_queue)
    drones = CoveredDevices(plain_engine(deployment.settings.database_url), new_serial("COST").replace("-", ""))
    found = []
    await claim_commands.open()
    try:
        async with deployment.worker():
            # Warm the caches.
            await run_claims(deployment.client, AftercareClient(claim_commands), drones.take(1), 1, PAUSE)
            for serial in drones.take(count):
                with count_statements() as seen:
                    times = await run_claims(deployment.client, AftercareClient(claim_commands), [serial], 1, PAUSE)
                    await deployment.mails_out()
                (claim_id,) = times.ids
                assert len(deployment.mails(claim_id)) == 5
                cost = await history_cost(deployment.client, claim_id)
                found.append(Counted(claim_id, serial, cost, seen.without_outbox_polls()))
    finally:
        await claim_commands.close()
    return found


async def test_a_premium_claim_with_a_good_return_stays_within_its_counts(
    deployment_on_each_engine: Deployment,
) -> None:
    claims = await good_returns(deployment_on_each_engine, TRIES)
    assert min(claim.history.events for claim in claims) <= EVENTS, claims[-1].history
    assert min(claim.history.transitions for claim in claims) <= TRANSITIONS
    assert min(claim.history.history_bytes for claim in claims) <= HISTORY_BYTES
    assert min(claim.worker.transactions for claim in claims) <= WORKER_TRANSACTIONS
    assert min(claim.worker.statements for claim in claims) <= WORKER_STATEMENTS, claims[-1].worker.texts.most_common()


async def test_a_get_stays_within_its_statement_count(deployment_on_each_engine: Deployment) -> None:
    (claim,) = await good_returns(deployment_on_each_engine, 1)
    for path, queries in PAGES.items():
        page = path.removeprefix("/v1").format(serial=claim.serial, claim=claim.claim_id)
        await deployment_on_each_engine.claims_api.get(page)  # fills the caches
        with count_statements() as seen:
            await deployment_on_each_engine.claims_api.get(page)
        assert seen.statements <= queries, (path, seen.statements, seen.texts.most_common())


async def test_a_post_stays_within_its_statement_count(deployment_on_each_engine: Deployment) -> None:
    """A quote reads the device and stores its key. A repeated request reads the key only."""
    async with deployment_on_each_engine.worker():
        serial = await deployment_on_each_engine.claims_api.covered()
    body = {"service": "care_express", "tier": "premium", "serial_number": serial}
    await deployment_on_each_engine.claims_api.post_ok("/quotes", body, "warm")  # fills the caches
    with count_statements() as first:
        await deployment_on_each_engine.claims_api.post_ok("/quotes", body, "key")
    with count_statements() as again:
        await deployment_on_each_engine.claims_api.post_ok("/quotes", body, "key")
    assert first.statements <= QUOTE, first.texts.most_common()
    assert again.statements <= REPEATED, again.texts.most_common()
