"""Mails that go out with a claim's record: each tried once, none of them in the record's way, on both engines."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from sqlmodel import select

from activities.mail import OutgoingMail
from activities.record import DatabaseRecord
from domain.claim import Claim
from domain.kinds import ClaimState
from domain.money import Money
from domain.policy import Policy
from messages.mail import MailKind, Notice
from messages.record import ReserveUse, SaveClaim, UseReserved
from store.database import Database
from store.payment_tables import MailRow
from tests.mail.claims import AT, US, a_mail, premium
from tests.mail.test_outgoing import NotingPost, noted, owned
from tests.store.programme import Programme


@pytest.fixture
async def programme(database: Database) -> Database:
    """A database whose claims have an owner."""
    await owned(database)
    return database


def notice(kind: MailKind, occurrence: int = 1, **more: Any) -> Notice:
    return Notice(kind=kind, at=AT, occurrence=occurrence, **more)


SHIPPED, REBIND = notice(MailKind.SHIPPED), notice(MailKind.REBIND)


async def test_all_of_them_go_out_and_are_noted(programme: Database) -> None:
    post = NotingPost()
    assert await OutgoingMail(programme, post).send_notices(premium(US), [SHIPPED, REBIND]) == ()
    assert sorted(name for name, _ in post.sent) == ["clm_a7k2m4.rebind.1", "clm_a7k2m4.shipped.1"]
    assert sorted(row.kind for row in await noted(programme)) == ["rebind", "shipped"]


async def test_a_second_attempt_sends_nothing(programme: Database) -> None:
    post = NotingPost()
    mail = OutgoingMail(programme, post)
    await mail.send_mail(a_mail(MailKind.SHIPPED, premium(US)))
    assert await mail.send_notices(premium(US), [SHIPPED]) == ()
    assert await mail.send_notices(premium(US), [SHIPPED]) == ()
    assert len(post.sent) == 1


async def test_what_does_not_go_out_is_named_and_the_others_go(programme: Database) -> None:
    post = NotingPost()
    post.fails = [OSError("no route")]
    mail = OutgoingMail(programme, post)
    unsent = await mail.send_notices(premium(US), [SHIPPED, REBIND])
    assert len(unsent) == 1
    assert len(post.sent) == len(await noted(programme)) == 1
    (place,) = unsent
    await mail.send_mail(a_mail([SHIPPED, REBIND][place].kind, premium(US)))
    assert sorted(row.kind for row in await noted(programme)) == ["rebind", "shipped"]


async def test_nobody_waits_for_a_slow_post_office(programme: Database) -> None:
    class Slow(NotingPost):
        async def deliver(self, message: EmailMessage, name: str) -> None:
            if "shipped" in name:
                await asyncio.sleep(60)
            await super().deliver(message, name)

    mail = OutgoingMail(programme, Slow(), at_once_seconds=0.2)
    assert await mail.send_notices(premium(US), [REBIND, SHIPPED]) == (1,)
    assert [row.kind for row in await noted(programme)] == ["rebind"]


class Hanging(NotingPost):
    """Takes many at once, and never ends with those of the kind `rebind`."""

    at_once = 25

    def __init__(self) -> None:
        super().__init__()
        self.out = asyncio.Event()

    async def deliver(self, message: EmailMessage, name: str) -> None:
        if "rebind" in name:
            await self.out.wait()
            await asyncio.sleep(60)
        await super().deliver(message, name)
        self.out.set()


async def test_what_went_out_is_noted_even_by_who_is_stopped(programme: Database) -> None:
    post = Hanging()
    sending = asyncio.create_task(OutgoingMail(programme, post).send_notices(premium(US), [SHIPPED, REBIND]))
    await post.out.wait()
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert [row.kind for row in await noted(programme)] == ["shipped"]


async def test_where_a_second_time_is_not_recognised_each_is_noted_before_the_next(programme: Database) -> None:
    seen: list[int] = []

    class Counting(NotingPost):
        async def deliver(self, message: EmailMessage, name: str) -> None:
            seen.append(len(await noted(programme)))
            await super().deliver(message, name)

    told = [SHIPPED, REBIND, notice(MailKind.ARRIVED)]
    assert await OutgoingMail(programme, Counting()).send_notices(premium(US), told) == ()
    assert seen == [0, 1, 2]


async def test_with_nobody_to_tell_none_goes_out(database: Database) -> None:
    post = NotingPost()
    assert await OutgoingMail(database, post).send_notices(premium(US), [SHIPPED, REBIND]) == (0, 1)
    assert post.sent == []


async def test_a_notice_speaks_of_the_claim_as_it_stood(programme: Database) -> None:
    post = NotingPost()
    before = premium(US, replacement_serial_number="BEFORE-1")
    now = premium(US, replacement_serial_number="NOW-1")
    told = [notice(MailKind.SHIPPED, claim=before), notice(MailKind.SHIPPED, 2)]
    assert await OutgoingMail(programme, post).send_notices(now, told) == ()
    bodies = [str(message.get_body(["plain"]).get_content()) for _, message in sorted(post.sent)]  # type: ignore[union-attr]
    assert "BEFORE-1" in bodies[0]
    assert "NOW-1" in bodies[1]


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


async def saved(programme: Programme, mail: OutgoingMail | None, notices: Sequence[Notice]) -> tuple[Claim, Any]:
    record = DatabaseRecord(programme.database, Policy(), mail)
    await programme.device()
    ask: ReserveUse = programme.ask()
    reserved = await record.reserve_use(ask)
    assert isinstance(reserved, UseReserved)
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    told = SaveClaim(claim=claim, run_id="run-1", version=1, events=(), notices=tuple(notices))
    return claim, await record.save_claim(told)


async def test_a_mail_leaves_once_the_record_says_what_it_says(programme: Database) -> None:
    house = Programme(programme)
    post = Seeing(house)
    settled = notice(MailKind.SETTLEMENT, amount=Money(15900, "USD"))
    claim, answer = await saved(house, OutgoingMail(programme, post), [settled])
    assert answer.unsent == ()
    assert post.states == [ClaimState.AWAITING_DISPATCH]
    async with programme.reading() as session:
        assert [row.claim_id for row in (await session.exec(select(MailRow))).all()] == [claim.id]


async def test_a_record_without_a_post_office_says_so(programme: Database) -> None:
    _, answer = await saved(Programme(programme), None, [SHIPPED, REBIND])
    assert answer.unsent == (0, 1)
