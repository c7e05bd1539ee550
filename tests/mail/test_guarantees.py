"""The guarantees of the outbox hold under every failure; each planted bug is caught by the guarantee it breaks."""

from typing import Any

import pytest

from activities.mail.activities import OutgoingMail
from store.database import Database
from store.reads import outbox
from tests.mail import planted_bugs
from tests.mail.guarantees import BrokenGuarantee, DeliveryScenario, broken_guarantees, run_with_failures
from tests.mail.outbox import in_outbox, owned


async def test_every_promise_is_kept_whatever_goes_wrong(database: Database) -> None:
    await owned(database, "a", "b", "c")
    scenario = DeliveryScenario(database)
    await run_with_failures(scenario)
    assert await broken_guarantees(scenario) == {}
    # Everything happened that the guarantees are about.
    assert scenario.not_recorded == {"clm_c.arrived.1": 1}
    (row,) = await in_outbox(database)
    assert (row.kind, row.failed_at is not None) == ("in_transit", True)
    assert len(scenario.expected) == 11
    assert len(scenario.transport.sent) == 11, "one was given up, one came twice"


@pytest.mark.parametrize(
    ("bug", "name", "guarantee"),
    [
        (planted_bugs.NotesBeforeItSends, "clm_c.rebind.1", BrokenGuarantee.LOST),
        (planted_bugs.ForgetsWhatWentOut, "clm_a7k2m4.shipped.1", BrokenGuarantee.REPEATED),
        (planted_bugs.TakesANewMessageId, "clm_c.arrived.1", BrokenGuarantee.RENAMED),
        (planted_bugs.GoesOnAfterAFailure, "clm_b.rebind.1", BrokenGuarantee.DISORDERED),
        (planted_bugs.NeverGivesUp, "clm_b.due_day.1", BrokenGuarantee.STUCK),
        (planted_bugs.GivesUpWithoutAWord, "clm_b.in_transit.1", BrokenGuarantee.LOST),
    ],
)
async def test_each_planted_bug_of_the_delivery_is_caught(
    sqlite_database: Database, bug: type[OutgoingMail], name: str, guarantee: BrokenGuarantee
) -> None:
    await owned(sqlite_database, "a", "b", "c")
    scenario = DeliveryScenario(sqlite_database, kind=bug)
    await run_with_failures(scenario)
    assert (await broken_guarantees(scenario)).get(name) is guarantee


@pytest.mark.parametrize(
    ("query", "name", "guarantee"),
    [
        (planted_bugs.OVERTAKES, "clm_b.rebind.1", BrokenGuarantee.DISORDERED),
        (planted_bugs.WAITS_FOR_GIVEN_UP, "clm_b.due_day.1", BrokenGuarantee.STUCK),
    ],
)
async def test_each_planted_bug_of_the_order_is_caught(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, query: Any, name: str, guarantee: BrokenGuarantee
) -> None:
    monkeypatch.setattr(outbox, "_SELECT_DUE", query)
    await owned(sqlite_database, "a", "b", "c")
    scenario = DeliveryScenario(sqlite_database)
    await run_with_failures(scenario)
    assert (await broken_guarantees(scenario)).get(name) is guarantee


async def test_a_mail_that_is_sent_before_its_claim_is_committed_is_caught(sqlite_database: Database) -> None:
    await owned(sqlite_database, "a", "b", "c")
    scenario = DeliveryScenario(sqlite_database, save=planted_bugs.sends_before_it_is_committed)
    await run_with_failures(scenario)
    assert (await broken_guarantees(scenario))["clm_c.shipped.1"] is BrokenGuarantee.UNSAVED
