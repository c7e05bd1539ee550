"""Mails that fail: tried again with backoff, in order, for three days, beside the others'; then given up."""

import pytest

from activities.mail.activities import OutgoingMail
from activities.mail.transport import Undeliverable
from messages.mail import DeliverMails, MailKind
from store.database import Database
from store.reads.outbox import outbox_status
from store.writes.outbox import next_attempt_delay, retry_mails
from tests.mail.outbox import (
    ARRIVED,
    FIRST,
    REBIND,
    SHIPPED,
    Clock,
    RecordingTransport,
    claim_of,
    drained,
    in_outbox,
    notice,
    owned,
    saved,
    sent_rows,
)


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claims a, b and c have an owner."""
    await owned(database, "a", "b", "c")
    return database


def test_the_backoff_doubles_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    waits = [next_attempt_delay(attempts, 30, 900).total_seconds() for attempts in (1, 2, 3, 4, 5, 6, 7, 99)]
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


async def test_a_mail_is_tried_again_when_its_backoff_is_over_and_not_before(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    transport, clock = RecordingTransport(), Clock()
    mail = OutgoingMail(programme, transport, now=clock)
    transport.away = True
    for attempts, seconds in enumerate((0, 30, 60, 120), 1):
        if seconds:
            clock.forward(seconds=seconds - 1)
            await drained(mail)
            clock.forward(seconds=1)
        await drained(mail)
        (row,) = await in_outbox(programme)
        assert row.attempts == attempts
    transport.away = False
    clock.forward(seconds=240)
    await drained(mail)
    assert transport.names == [f"{FIRST}.shipped.1"]


@pytest.mark.parametrize("batch_size", [1, 25])
async def test_a_claim_whose_first_mail_waits_has_its_later_ones_wait_and_no_other_claim_does(
    programme: Database, batch_size: int
) -> None:
    transport, clock = RecordingTransport(batch_size, refuses=f"{FIRST}.shipped"), Clock()
    mail = OutgoingMail(programme, transport, now=clock)
    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED, REBIND)
    await drained(mail)
    await saved(programme, claim_of("a"), ARRIVED, version=2)
    await drained(mail)
    assert sorted(transport.names) == ["clm_b.rebind.1", "clm_b.shipped.1", "clm_c.rebind.1", "clm_c.shipped.1"]
    assert [(row.kind, row.attempts) for row in await in_outbox(programme)] == [
        ("shipped", 1),
        ("rebind", 0),
        ("arrived", 0),
    ]
    transport.refuses = None
    clock.forward(seconds=30)
    await drained(mail)
    assert [name for name in transport.names if FIRST in name] == [
        f"{FIRST}.shipped.1",
        f"{FIRST}.rebind.1",
        f"{FIRST}.arrived.1",
    ]


async def test_a_mail_server_away_for_three_days_gets_every_mail_afterwards_in_order_and_once(
    programme: Database,
) -> None:
    transport, clock = RecordingTransport(batch_size=25), Clock()
    mail = OutgoingMail(programme, transport, now=clock)
    transport.away = True
    for hour in range(70):
        if hour % 10 == 0:
            for suffix in "abc":
                signalled = notice(MailKind.EXTENDED, hour // 10 + 1)
                await saved(programme, claim_of(suffix), signalled, version=hour + 1)
        await drained(mail)
        clock.forward(hours=1)
    assert (await outbox_status(programme, 0)).model_dump(include={"waiting", "failing", "given_up"}) == {
        "waiting": 21,
        "failing": 3,
        "given_up": 0,
    }
    transport.away = False
    clock.forward(minutes=15)
    await drained(mail)
    for suffix in "abc":
        mine = [name for name in transport.names if name.startswith(claim_of(suffix).id)]
        assert mine == [f"{claim_of(suffix).id}.extended.{number}" for number in range(1, 8)]
    assert len(transport.sent) == len(await sent_rows(programme)) == 21
    assert await in_outbox(programme) == []


async def test_a_mail_is_given_up_three_days_after_its_first_attempt(programme: Database) -> None:
    """Counted from the first attempt, not from the notice: no worker may have run in between."""
    await saved(programme, claim_of("a"), SHIPPED)
    transport, clock = RecordingTransport(), Clock()
    clock.forward(days=9)
    mail = OutgoingMail(programme, transport, now=clock)
    transport.away = True
    await drained(mail)
    clock.forward(days=2, hours=23)
    await drained(mail)
    (row,) = await in_outbox(programme)
    assert (row.attempts, row.failed_at) == (2, None)
    clock.forward(hours=1)
    delivered = await mail.deliver_due()
    assert delivered.given_up == 1
    (row,) = await in_outbox(programme)
    assert (row.attempts, row.failed_at, row.error) == (3, clock.now, "OSError")
    transport.away = False
    clock.forward(days=1)
    await drained(mail)
    assert transport.sent == []


async def test_a_given_up_mail_is_told_until_its_claim_knows(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    transport = RecordingTransport()
    transport.fails = [Undeliverable("gone")]
    mail = OutgoingMail(programme, transport)
    first = await mail.deliver_mails(DeliverMails(seconds=60))
    (given_up,) = first.given_up
    assert given_up.claim_id == FIRST
    assert (given_up.failed.kind, given_up.failed.occurrence) == ("shipped", 1)
    assert (given_up.failed.actor, given_up.failed.reason) == ("system", "Undeliverable")
    # The result was lost: at once again, and the same.
    assert (await mail.deliver_mails(DeliverMails(seconds=60))).given_up == first.given_up
    over = await mail.deliver_mails(DeliverMails(told=(given_up.number,), seconds=0))
    assert over.given_up == ()
    assert (over.standing.waiting, over.standing.given_up) == (0, 1)
    assert transport.names == [f"{FIRST}.rebind.1"]


async def test_what_people_see_names_neither_people_nor_addresses(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    await saved(programme, claim_of("b"), SHIPPED)
    transport, clock = RecordingTransport(), Clock()
    transport.fails = [Undeliverable("ada@example.com is gone")]
    transport.away = True
    mail = OutgoingMail(programme, transport, now=clock)
    seen = (await mail.deliver_mails(DeliverMails(seconds=0))).model_dump_json()
    clock.forward(days=4)
    seen += (await mail.deliver_mails(DeliverMails(seconds=0))).model_dump_json()
    assert "Undeliverable" in seen
    assert not [word for word in ("ada", "Ada", "Moreau", "@") if word in seen]


async def test_a_given_up_mail_is_sent_again_when_somebody_says_so(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED)
    await saved(programme, claim_of("b"), SHIPPED)
    transport, clock = RecordingTransport(batch_size=25), Clock()
    mail = OutgoingMail(programme, transport, now=clock)
    transport.away = True
    await drained(mail)
    clock.forward(days=4)
    first = (await mail.deliver_mails(DeliverMails(seconds=0))).given_up
    assert len(first) == 2
    async with programme.transaction() as session:
        assert await retry_mails(session, FIRST) == 1
    (row, _) = await in_outbox(programme)
    assert (row.attempts, row.first_tried_at, row.failed_at, row.error, row.told) == (0, None, None, None, False)
    await drained(mail)  # it fails again, and has three days again
    clock.forward(days=4)
    signalled = tuple(each.number for each in first)
    (again,) = (await mail.deliver_mails(DeliverMails(told=signalled, seconds=0))).given_up
    (before,) = (each for each in first if each.number == again.number)
    assert again.failed.event_id != before.failed.event_id
    transport.away = False
    async with programme.transaction() as session:
        assert await retry_mails(session) == 2
    await drained(mail)
    assert sorted(transport.names) == [f"{FIRST}.shipped.1", "clm_b.shipped.1"]


async def test_a_mail_that_waits_for_its_backoff_goes_out_at_once_when_somebody_says_so(programme: Database) -> None:
    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    transport = RecordingTransport()
    transport.fails = [OSError("away")]
    mail = OutgoingMail(programme, transport)
    await drained(mail)
    assert transport.sent == []
    async with programme.transaction() as session:
        assert await retry_mails(session, FIRST) == 2
    await drained(mail)
    assert transport.names == [f"{FIRST}.shipped.1", f"{FIRST}.rebind.1"]


async def test_a_mail_that_this_release_cannot_read_holds_up_no_other_claim(programme: Database) -> None:
    for suffix in "ab":
        await saved(programme, claim_of(suffix), SHIPPED)
    async with programme.transaction() as session:
        row = (await in_outbox(programme))[0]
        row.document = '{"kind": "of another release"}'
        session.add(row)
    transport = RecordingTransport(batch_size=25)
    await drained(OutgoingMail(programme, transport))
    assert transport.names == ["clm_b.shipped.1"]
    (row,) = await in_outbox(programme)
    assert (row.error, row.failed_at) == ("ValidationError", None)
