"""What the outbox promises is kept whatever goes wrong; each planted bug is caught by the promise that it breaks."""

from typing import Any

import pytest

from activities.mail import OutgoingMail
from store import outbox
from store.database import Database
from tests.mail import planted
from tests.mail.outbox import in_outbox, owned
from tests.mail.promises import Broken, Programme, broken, everything_goes_wrong


async def test_every_promise_is_kept_whatever_goes_wrong(database: Database) -> None:
    await owned(database, "a", "b", "c")
    programme = Programme(database)
    await everything_goes_wrong(programme)
    assert await broken(programme) == {}
    # Everything happened that the promises are about.
    assert programme.not_noted == {"clm_c.arrived.1": 1}
    (row,) = await in_outbox(database)
    assert (row.kind, row.failed_at is not None) == ("in_transit", True)
    assert len(programme.told) == 11
    assert len(programme.post.sent) == 11, "one was given up, one came twice"


@pytest.mark.parametrize(
    ("bug", "name", "promise"),
    [
        (planted.NotesBeforeItSends, "clm_c.rebind.1", Broken.LOST),
        (planted.ForgetsWhatWentOut, "clm_a7k2m4.shipped.1", Broken.REPEATED),
        (planted.TakesANewMessageId, "clm_c.arrived.1", Broken.RENAMED),
        (planted.GoesOnAfterAFailure, "clm_b.rebind.1", Broken.DISORDERED),
        (planted.NeverGivesUp, "clm_b.due_day.1", Broken.STUCK),
        (planted.GivesUpWithoutAWord, "clm_b.in_transit.1", Broken.LOST),
    ],
)
async def test_each_planted_bug_of_the_delivery_is_caught(
    sqlite_database: Database, bug: type[OutgoingMail], name: str, promise: Broken
) -> None:
    await owned(sqlite_database, "a", "b", "c")
    programme = Programme(sqlite_database, kind=bug)
    await everything_goes_wrong(programme)
    assert (await broken(programme)).get(name) is promise


@pytest.mark.parametrize(
    ("query", "name", "promise"),
    [
        (planted.OVERTAKES, "clm_b.rebind.1", Broken.DISORDERED),
        (planted.WAITS_FOR_GIVEN_UP, "clm_b.due_day.1", Broken.STUCK),
    ],
)
async def test_each_planted_bug_of_the_order_is_caught(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, query: Any, name: str, promise: Broken
) -> None:
    monkeypatch.setattr(outbox, "_DUE", query)
    await owned(sqlite_database, "a", "b", "c")
    programme = Programme(sqlite_database)
    await everything_goes_wrong(programme)
    assert (await broken(programme)).get(name) is promise


async def test_a_mail_that_is_sent_before_its_claim_is_committed_is_caught(sqlite_database: Database) -> None:
    await owned(sqlite_database, "a", "b", "c")
    programme = Programme(sqlite_database, save=planted.sends_before_it_is_committed)
    await everything_goes_wrong(programme)
    assert (await broken(programme))["clm_c.shipped.1"] is Broken.UNSAVED
