"""Notices become mails in the outbox with their claim's record or not at all, and go out in the claim's order."""

import asyncio
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from activities.mail import OutgoingMail
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
    NotingPost,
    claim_of,
    drained,
    in_outbox,
    noted,
    notice,
    owned,
    save_of,
    saved,
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
        async with programme.writing() as session:
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
    post = NotingPost()
    before = claim_of("a", replacement_serial_number="BEFORE-1")
    now = claim_of("a", replacement_serial_number="NOW-1")
    await saved(programme, now, notice(MailKind.SHIPPED, claim=before), notice(MailKind.SHIPPED, 2))
    await saved(programme, claim_of("a", replacement_serial_number="LATER-1"), version=2)
    await drained(OutgoingMail(programme, post))
    bodies = [str(message.get_body(["plain"]).get_content()) for _, message in post.sent]  # type: ignore[union-attr]
    assert "BEFORE-1" in bodies[0]
    assert "NOW-1" in bodies[1]


async def test_a_claims_mails_go_out_in_the_order_in_which_they_were_written(programme: Database) -> None:
    """Also where many are in hand at once, and the first of a claim's takes longest."""

    class FirstIsSlow(NotingPost):
        async def deliver(self, message: EmailMessage, name: str) -> None:
            if "shipped" in name:
                await asyncio.sleep(0.05)
            await super().deliver(message, name)

    for letter in "abc":
        await saved(programme, claim_of(letter), SHIPPED, REBIND, ARRIVED)
    post = FirstIsSlow(at_once=25)
    await drained(OutgoingMail(programme, post))
    for letter in "abc":
        kinds = [name.split(".")[1] for name in post.names if name.startswith(claim_of(letter).id)]
        assert kinds == ["shipped", "rebind", "arrived"]
    assert len(post.sent) == 9


async def test_different_claims_mails_go_out_at_the_same_time(programme: Database) -> None:
    class Together(NotingPost):
        def __init__(self) -> None:
            super().__init__(at_once=3)
            self.all_here = asyncio.Barrier(3)

        async def deliver(self, message: EmailMessage, name: str) -> None:
            async with asyncio.timeout(5), self.all_here:
                await super().deliver(message, name)

    for letter in "abc":
        await saved(programme, claim_of(letter), SHIPPED)
    await drained(OutgoingMail(programme, post := Together()))
    assert len(post.sent) == 3


@pytest.mark.parametrize(("at_once", "unnoted"), [(1, 1), (4, 4)])
async def test_no_more_mails_are_in_hand_than_the_post_recognises(
    programme: Database, at_once: int, unnoted: int
) -> None:
    """So many come a second time when the worker dies."""
    seen: list[int] = []

    class Counting(NotingPost):
        async def deliver(self, message: EmailMessage, name: str) -> None:
            await super().deliver(message, name)
            seen.append(len(self.sent) - len(await noted(programme)))

    for letter in "abc":
        await saved(programme, claim_of(letter), SHIPPED, REBIND)
    await drained(OutgoingMail(programme, post := Counting(at_once)))
    assert len(post.sent) == len(await noted(programme)) == 6
    assert max(seen) == unnoted


async def test_what_went_out_is_noted_even_by_who_is_stopped(programme: Database) -> None:
    class Hanging(NotingPost):
        """Never ends with the mail `rebind`."""

        def __init__(self) -> None:
            super().__init__(at_once=25)
            self.out = asyncio.Event()

        async def deliver(self, message: EmailMessage, name: str) -> None:
            if "rebind" in name:
                self.out.set()
                await asyncio.sleep(60)
            await super().deliver(message, name)

    await saved(programme, claim_of("a"), SHIPPED, REBIND)
    post = Hanging()
    delivering = asyncio.create_task(OutgoingMail(programme, post).deliver_due())
    await post.out.wait()
    delivering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert [row.kind for row in await noted(programme)] == ["shipped"]
    (row,) = await in_outbox(programme)
    assert (row.kind, row.attempts) == ("rebind", 0)


class Seeing(NotingPost):
    """Looks what the record says when a mail leaves."""

    def __init__(self, programme: Programme) -> None:
        super().__init__()
        self._programme = programme
        self.states: list[ClaimState] = []

    async def deliver(self, message: EmailMessage, name: str) -> None:
        claim = await self._programme.views.claim(name.partition(".")[0])
        assert claim is not None
        self.states.append(claim.state)
        await super().deliver(message, name)


async def test_a_mail_leaves_once_the_record_says_what_it_says(database: Database) -> None:
    """Through the record's activity, of a claim that was reserved: its words are the frozen agreement's."""
    house = Programme(database)
    record = DatabaseRecord(database, Policy())
    await house.device()
    request: ReserveUse = house.ask()
    reserved: Any = await record.reserve_use(request)
    assert isinstance(reserved, UseReserved)
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    settled = notice(MailKind.SETTLEMENT, amount=Money(15900, "USD"))
    assert await record.save_claim(save_of(claim, [settled])) is None  # type: ignore[func-returns-value]
    post = Seeing(house)
    await drained(OutgoingMail(database, post))
    assert post.states == [ClaimState.AWAITING_DISPATCH]
    assert [row.claim_id for row in await noted(database)] == [claim.id]
    body = str(post.sent[0][1].get_body(["plain"]).get_content())  # type: ignore[union-attr]
    assert reserved.model_name in body
