"""Notices become mails in the outbox with their claim's record or not at all, and go out in the claim's order."""

import asyncio
from dataclasses import replace
from email.message import Message
from typing import Any

import pytest

from activities.mail.activities import OutgoingMail
from activities.record import DatabaseRecord
from domain.kinds import ClaimState
from domain.money import Money
from domain.policy import Policy
from messages.mail import MailKind, SendMail
from messages.record import ReserveUse, UseReserved
from store.database import Database
from store.writes.claims import save_claim
from tests.mail.claims import AT
from tests.mail.outbox import (
    ARRIVED,
    REBIND,
    SHIPPED,
    RecordingTransport,
    claim_of,
    drained,
    in_outbox,
    notice,
    owned,
    parsed,
    save_of,
    saved,
    sent_rows,
)
from tests.store.programme import Programme


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claims a, b and c have an owner."""
    await owned(database, "a", "b", "c")
    return database


async def test_a_mail_is_written_in_the_claims_transaction(programme: Database) -> None:
    amount = Money(15900, "USD")
    await saved(programme, claim_of("a"), notice(MailKind.SETTLEMENT, amount=amount), REBIND)
    first, second = await in_outbox(programme)
    assert [(row.claim_id, row.kind, row.occurrence, row.at) for row in (first, second)] == [
        ("clm_a7k2m4", "settlement", 1, AT),
        ("clm_a7k2m4", "rebind", 1, AT),
    ]
    assert (first.attempts, first.first_tried_at, first.failed_at, first.error, first.told) == (
        0,
        None,
        None,
        None,
        False,
    )
    assert first.next_try_at == first.written_at
    expected = SendMail(kind=MailKind.SETTLEMENT, claim=claim_of("a"), at=AT, amount=amount)
    assert SendMail.model_validate_json(first.document) == expected


async def test_a_save_that_is_undone_leaves_no_mail(programme: Database) -> None:
    async def undone() -> None:
        async with programme.transaction() as session:
            await save_claim(session, save_of(claim_of("a"), [SHIPPED]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await in_outbox(programme) == []


async def test_the_same_save_twice_and_one_after_a_reset_write_a_mail_once(programme: Database) -> None:
    for run_id in ("run-1", "run-1", "run-2"):
        await saved(programme, claim_of("a"), SHIPPED, REBIND, run_id=run_id)
    assert [row.kind for row in await in_outbox(programme)] == ["shipped", "rebind"]


async def test_an_older_save_still_writes_its_mails(programme: Database) -> None:
    await saved(programme, claim_of("a"), REBIND, version=2)
    await saved(programme, claim_of("a"), SHIPPED, version=1)
    assert [row.kind for row in await in_outbox(programme)] == ["rebind", "shipped"]


async def test_a_notice_speaks_of_the_claim_as_it_stood(programme: Database) -> None:
    transport = RecordingTransport()
    before = claim_of("a", replacement_serial_number="BEFORE-1")
    now = claim_of("a", replacement_serial_number="NOW-1")
    await saved(programme, now, notice(MailKind.SHIPPED, claim=before), notice(MailKind.SHIPPED, 2))
    await saved(programme, claim_of("a", replacement_serial_number="LATER-1"), version=2)
    await drained(OutgoingMail(programme, transport))
    bodies = [str(parsed(message).get_body(["plain"]).get_content()) for _, message in transport.sent]  # type: ignore[union-attr]
    assert "BEFORE-1" in bodies[0]
    assert "NOW-1" in bodies[1]


async def test_a_claims_mails_go_out_in_the_order_in_which_they_were_written(programme: Database) -> None:
    """Also where many are in hand at once, and the first of a claim's takes longest."""

    class FirstIsSlow(RecordingTransport):
        async def deliver(self, message: Message, name: str) -> None:
            if "shipped" in name:
                await asyncio.sleep(0.05)
            await super().deliver(message, name)

    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED, REBIND, ARRIVED)
    transport = FirstIsSlow(batch_size=25)
    await drained(OutgoingMail(programme, transport))
    for suffix in "abc":
        kinds = [name.split(".")[1] for name in transport.names if name.startswith(claim_of(suffix).id)]
        assert kinds == ["shipped", "rebind", "arrived"]
    assert len(transport.sent) == 9


async def test_different_claims_mails_go_out_at_the_same_time(programme: Database) -> None:
    class Together(RecordingTransport):
        def __init__(self) -> None:
            super().__init__(batch_size=3)
            self.all_arrived = asyncio.Barrier(3)

        async def deliver(self, message: Message, name: str) -> None:
            async with asyncio.timeout(5), self.all_arrived:
                await super().deliver(message, name)

    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED)
    await drained(OutgoingMail(programme, transport := Together()))
    assert len(transport.sent) == 3


@pytest.mark.parametrize(("batch_size", "unnoted"), [(1, 1), (4, 4)])
async def test_no_more_mails_are_in_hand_than_the_post_recognises(
    programme: Database, batch_size: int, unnoted: int
) -> None:
    """So many are sent again when the worker crashes."""
    seen: list[int] = []

    class Counting(RecordingTransport):
        async def deliver(self, message: Message, name: str) -> None:
            await super().deliver(message, name)
            seen.append(len(self.sent) - len(await sent_rows(programme)))

    for suffix in "abc":
        await saved(programme, claim_of(suffix), SHIPPED, REBIND)
    await drained(OutgoingMail(programme, transport := Counting(batch_size)))
    assert len(transport.sent) == len(await sent_rows(programme)) == 6
    assert max(seen) == unnoted


async def test_what_went_out_is_noted_even_by_who_is_stopped(programme: Database) -> None:
    class Hanging(RecordingTransport):
        """Never ends with the mail `rebind`."""

        def __init__(self) -> None:
            super().__init__(batch_size=25)
            self.out = asyncio.Event()

        async def deliver(self, message: Message, name: str) -> None:
            if "rebind" in name:
                self.out.set()
                await asyncio.sleep(60)
            await super().deliver(message, name)

    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    transport = Hanging()
    delivering = asyncio.create_task(OutgoingMail(programme, transport).deliver_due())
    await transport.out.wait()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert [row.kind for row in await sent_rows(programme)] == ["shipped"]
    (row,) = await in_outbox(programme)
    assert (row.kind, row.attempts) == ("rebind", 0)


class Seeing(RecordingTransport):
    """Looks what the record says when a mail leaves."""

    def __init__(self, programme: Programme) -> None:
        super().__init__()
        self._programme = programme
        self.states: list[ClaimState] = []

    async def deliver(self, message: Message, name: str) -> None:
        claim = await self._programme.queries.claim(name.partition(".")[0])
        assert claim is not None
        self.states.append(claim.state)
        await super().deliver(message, name)


async def test_a_mail_leaves_once_the_record_says_what_it_says(database: Database) -> None:
    """Through the record's activity, of a claim that was reserved: its words are the frozen agreement's."""
    store_programme = Programme(database)
    record = DatabaseRecord(database, Policy())
    await store_programme.device()
    request: ReserveUse = store_programme.reservation()
    reserved: Any = await record.reserve_use(request)
    assert isinstance(reserved, UseReserved)
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    settled = notice(MailKind.SETTLEMENT, amount=Money(15900, "USD"))
    assert await record.save_claim(save_of(claim, [settled])) is None  # type: ignore[func-returns-value]
    transport = Seeing(store_programme)
    await drained(OutgoingMail(database, transport))
    assert transport.states == [ClaimState.AWAITING_DISPATCH]
    assert [row.claim_id for row in await sent_rows(database)] == [claim.id]
    body = str(parsed(transport.sent[0][1]).get_body(["plain"]).get_content())  # type: ignore[union-attr]
    assert reserved.model_name in body
