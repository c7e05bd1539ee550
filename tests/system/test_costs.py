"""What a claim and a page cost, counted: a step, a statement or an event more than is written down here fails.

Counts alone: how long something takes is for `benchmarks/`. A change that makes something cheaper lowers the number.
"""

from dataclasses import dataclass
from typing import Final

from temporalio.client import Client

from api.client import TemporalDoor
from benchmarks.counts import HistoryCost, Statements, history_cost, watched
from benchmarks.covered import Covered
from benchmarks.databases import plain_engine
from benchmarks.journeys import Ours, travel
from tests.system.conftest import House
from tests.system.service_desk import new_serial

PAUSE: Final = 0.2
"""Before each message, so that nothing is in flight any more when the next thing comes."""
TRIES: Final = 3
"""The cheapest of so many counts: a machine that is busy with something else makes a server ask twice."""
EVENTS, TRANSITIONS, HISTORY_BYTES = 55, 14, 19_500
WORKER_TRANSACTIONS, WORKER_STATEMENTS = 13, 61
"""Ten of the statements and three of the transactions are the mails', when they go out at three looks."""
PAGES: Final = {
    "/v1/devices/{serial}": 1,
    "/v1/claims/{claim}": 1,
    "/v1/claims/{claim}/events": 2,
    "/v1/claims/{claim}/ledger": 2,
    "/v1/claims?limit=50": 1,
    "/v1/dispatch-requests": 2,
}
"""Queries for one request."""
QUOTE, REPEATED = 4, 2


@dataclass(frozen=True, slots=True)
class Counted:
    """What one Premium claim with a good return cost, its mails included; the worker without the looks for them."""

    claim_id: str
    serial: str
    history: HistoryCost
    worker: Statements


async def good_returns(house: House, count: int) -> list[Counted]:
    """So many, one after another, asked as the API asks."""

    async def connected() -> Client:
        return house.client

    door = TemporalDoor(connected, house.settings.task_queue)
    drones = Covered(plain_engine(house.settings.database_url), new_serial("COST").replace("-", ""))
    found = []
    await door.open()
    try:
        async with house.worker():
            await travel(house.client, Ours(door), drones.take(1), 1, PAUSE)  # what is read once and remembered
            for serial in drones.take(count):
                with watched() as seen:
                    times = await travel(house.client, Ours(door), [serial], 1, PAUSE)
                    await house.mails_out()
                (claim_id,) = times.ids
                assert len(house.mails(claim_id)) == 5
                cost = await history_cost(house.client, claim_id)
                found.append(Counted(claim_id, serial, cost, seen.without_looks()))
    finally:
        await door.close()
    return found


async def test_a_premium_claim_with_a_good_return_costs_no_more_than_it_did(either_house: House) -> None:
    claims = await good_returns(either_house, TRIES)
    assert min(claim.history.events for claim in claims) <= EVENTS, claims[-1].history
    assert min(claim.history.transitions for claim in claims) <= TRANSITIONS
    assert min(claim.history.history_bytes for claim in claims) <= HISTORY_BYTES
    assert min(claim.worker.transactions for claim in claims) <= WORKER_TRANSACTIONS
    assert min(claim.worker.statements for claim in claims) <= WORKER_STATEMENTS, claims[-1].worker.texts.most_common()


async def test_a_page_asks_no_more_of_the_database_than_it_did(either_house: House) -> None:
    (claim,) = await good_returns(either_house, 1)
    for path, queries in PAGES.items():
        page = path.removeprefix("/v1").format(serial=claim.serial, claim=claim.claim_id)
        await either_house.desk.get(page)  # what is read once and remembered
        with watched() as seen:
            await either_house.desk.get(page)
        assert seen.statements <= queries, (path, seen.statements, seen.texts.most_common())


async def test_a_post_asks_no_more_of_the_database_than_it_did(either_house: House) -> None:
    """A quote: the device, and the memory of the key that it came under. Asked again, the memory alone."""
    async with either_house.worker():
        serial = await either_house.desk.covered()
    body = {"service": "care_express", "tier": "premium", "serial_number": serial}
    await either_house.desk.does("/quotes", body, "warm")  # what is read once and remembered
    with watched() as first:
        await either_house.desk.does("/quotes", body, "key")
    with watched() as again:
        await either_house.desk.does("/quotes", body, "key")
    assert first.statements <= QUOTE, first.texts.most_common()
    assert again.statements <= REPEATED, again.texts.most_common()
