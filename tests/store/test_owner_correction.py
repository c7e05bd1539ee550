"""The correction of an owner's particulars: the same person, whatever is open (R-XFR-2)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError

from activities.entitlements import DatabaseEntitlements
from messages.entitlements import CorrectOwner
from messages.mail import MailKind
from store.tables.devices import OwnerCorrectionRow
from store.tables.outbox import OutboxMailRow
from tests.store.programme import NOW, Programme


def correction(at: Any = NOW, **changes: str | None) -> CorrectOwner:
    return CorrectOwner(serial_number="m3 2001", changes=changes, actor="customer_service", at=at)


async def correct(programme: Programme, command: CorrectOwner) -> None:
    await DatabaseEntitlements(programme.database).correct_owner(command)


async def owner(programme: Programme) -> dict[str, Any]:
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    return shown.owner.model_dump()


async def test_a_slip_is_corrected_while_a_case_is_open_and_the_binding_stays(programme: Programme) -> None:
    await programme.device()
    await programme.reserve(programme.reservation())
    before = await owner(programme)
    await correct(programme, correction(email="ada.byron@example.com", phone="+1 503 555 0100", language="en-US"))
    assert await owner(programme) == before | {
        "email": "ada.byron@example.com",
        "phone": "+1 503 555 0100",
        "language": "en-US",
    }
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert (shown.binding is not None, shown.open_claim_id is not None) == (True, True)


async def test_a_correction_is_kept_with_before_and_after_and_repeated_without_effect(programme: Programme) -> None:
    await programme.device()
    before = await owner(programme)
    for _ in range(2):
        await correct(programme, correction(name="Ada Byron-King", phone=None))
    async with programme.database.snapshot() as session:
        (kept,) = (await session.exec(select(OwnerCorrectionRow))).all()
    assert (kept.actor, kept.at) == ("customer_service", NOW)
    assert kept.changes == {"name": [before["name"], "Ada Byron-King"]}


@pytest.mark.parametrize(("changes", "sent_again"), [({"email": "b@example.com"}, True), ({"name": "B"}, False)])
async def test_mails_that_were_not_delivered_are_due_for_the_corrected_address(
    programme: Programme, changes: dict[str, str], sent_again: bool
) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    mail: dict[str, Any] = {"claim_id": reserved.claim.id, "at": NOW, "document": "{}", "written_at": NOW}
    failed: dict[str, Any] = {
        "attempts": 3,
        "first_tried_at": NOW,
        "failed_at": NOW,
        "error": "Undeliverable",
        "told": True,
    }
    async with programme.database.transaction() as session:
        session.add(OutboxMailRow(kind=MailKind.SETTLEMENT, occurrence=1, next_try_at=NOW, **mail, **failed))
        later = NOW + timedelta(days=900)
        session.add(OutboxMailRow(kind=MailKind.SHIPPED, occurrence=1, next_try_at=later, attempts=2, **mail))
    await correct(programme, correction(**changes))
    async with programme.database.snapshot() as session:
        rows = (await session.exec(select(OutboxMailRow))).all()
    due = [row.failed_at is None and row.attempts == 0 and row.next_try_at < later for row in rows]
    assert due == [sent_again, sent_again]


async def test_an_unknown_device_has_no_owner_to_correct(programme: Programme) -> None:
    with pytest.raises(ApplicationError, match="There is no device"):
        await correct(programme, correction(name="B"))
