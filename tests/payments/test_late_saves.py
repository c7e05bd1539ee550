"""Saves of a run that a reset has replaced, against the Temporal server that knows which run is the newest."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.record import DatabaseRecord
from domain.kinds import ClaimState, Outcome
from messages.record import SaveClaim
from store.database import Database
from store.tables.claims import ClaimRow
from tests.payments.claim_environment import ClaimEnvironment


@pytest.fixture
async def environment(temporal: WorkflowEnvironment, sqlite_database: Database) -> AsyncIterator[ClaimEnvironment]:
    environment = ClaimEnvironment(temporal.client, database=sqlite_database)
    async with environment.worker():
        yield environment


async def test_only_the_newest_run_of_a_reset_claim_overwrites_it(environment: ClaimEnvironment) -> None:
    case = await environment.claimed()
    first_run = (await case.handle.describe()).run_id
    await case.reset()
    claim = await case.dispatch()
    newest_run = (await case.handle.describe()).run_id
    assert newest_run != first_run

    late = replace(claim, state=ClaimState.CLOSED, outcome=Outcome.CANCELLED, closed_at=claim.opened_at)
    command = SaveClaim(claim=late, run_id=first_run, version=99, events=())
    record = DatabaseRecord(environment.database, environment.policy)
    await ActivityEnvironment(client=environment.client).run(record.save_claim, command)

    assert await case.claim() == claim
    async with environment.database.snapshot() as session:
        row = await session.get_one(ClaimRow, case.id)
    assert (row.run_id, row.state) == (newest_run, "awaiting_return")
