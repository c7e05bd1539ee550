"""What a claim and a page cost, counted: a step, a statement or an event more than is written down here fails.

Counts alone: how long something takes is for `benchmarks/`. A change that makes something cheaper lowers the number.
"""

import dataclasses
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
EVENTS, TRANSITIONS, HISTORY_BYTES = 58, 22, 22_000
WORKER_TRANSACTIONS, WORKER_STATEMENTS = 22, 90
PAGES: Final = {
    "/v1/devices/{serial}": 14,
    "/v1/claims/{claim}": 1,
    "/v1/claims/{claim}/events": 2,
    "/v1/claims/{claim}/ledger": 2,
    "/v1/claims?limit=50": 1,
    "/v1/dispatch-requests": 2,
}
"""Queries for one request."""


@dataclasses.dataclass
class Counted:
    history: HistoryCost
    worker: Statements
    claim_id: str
    serial: str


async def a_good_return(house: House) -> Counted:
    """One Premium claim from submission to "released", its mails included, asked as the API asks."""

    async def connected() -> Client:
        return house.client

    door = TemporalDoor(connected, house.settings.task_queue)
    drones = Covered(plain_engine(house.settings.database_url), new_serial("COST").replace("-", ""))
    await door.open()
    try:
        async with house.worker():
            await travel(house.client, Ours(door), drones.take(1), 1, PAUSE)  # what is read once and remembered
            (serial,) = drones.take(1)
            with watched() as seen:
                times = await travel(house.client, Ours(door), [serial], 1, PAUSE)
    finally:
        await door.close()
    (claim_id,) = times.ids
    assert len(house.mails(claim_id)) == 5
    return Counted(await history_cost(house.client, claim_id), seen, claim_id, serial)


async def test_a_premium_claim_with_a_good_return_costs_no_more_than_it_did(either_house: House) -> None:
    counted = await a_good_return(either_house)
    history = counted.history
    assert history.events <= EVENTS, history
    assert history.transitions <= TRANSITIONS, history
    assert history.history_bytes <= HISTORY_BYTES
    worker = counted.worker
    assert worker.transactions <= WORKER_TRANSACTIONS
    assert worker.statements <= WORKER_STATEMENTS, worker.texts.most_common()


async def test_a_page_asks_no_more_of_the_database_than_it_did(either_house: House) -> None:
    counted = await a_good_return(either_house)
    for path, queries in PAGES.items():
        await either_house.desk.get(path.removeprefix("/v1").format(serial=counted.serial, claim=counted.claim_id))
        with watched() as seen:
            await either_house.desk.get(path.removeprefix("/v1").format(serial=counted.serial, claim=counted.claim_id))
        assert seen.statements <= queries, (path, seen.statements, seen.texts.most_common())
