"""Change of owner: the plan stays with the device, its binding ends."""

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.entitlements import DatabaseEntitlements
from domain.kinds import Outcome, ReasonCode, Service
from messages.entitlements import ChangeOwner
from messages.registry import Owner
from tests.store.programme import NOW, Programme

GRACE = Owner(name="Grace", email="grace@example.com")


def to_grace(serial: str = "m3 2001") -> ChangeOwner:
    return ChangeOwner(serial_number=serial, owner=GRACE, at=NOW)


async def test_the_plan_stays_with_the_device_and_the_binding_is_cleared(programme: Programme) -> None:
    """R-XFR-1: term and uses stay, and no flyaway is covered until the new owner has bound it."""
    await programme.device()
    first = await programme.reserve(programme.reservation())
    await programme.dispatch(first, "M3-2002")
    await programme.close(first.claim, Outcome.HOLD_RELEASED)
    await programme.bind("M3-2002", "RC2", NOW)
    before = await programme.queries.device("M3-2002", NOW)
    entitlements = DatabaseEntitlements(programme.database)

    for _ in range(2):  # a second attempt changes nothing
        await entitlements.change_owner(to_grace("M3-2002"))
    after = await programme.queries.device("M3-2002", NOW)

    assert before is not None
    assert after is not None
    assert (before.owner.email, after.owner.email) == ("ada@example.com", "grace@example.com")
    assert (after.care, after.warranty, after.lineage) == (before.care, before.warranty, before.lineage)
    assert before.binding is not None
    assert after.binding is None
    flyaway = programme.reservation("M3-2002", service=Service.FLYAWAY, at=NOW + timedelta(days=2))
    assert await programme.refused(flyaway) == [ReasonCode.NOT_BOUND]


async def test_the_owner_cannot_change_while_a_case_is_open(programme: Programme) -> None:
    """R-XFR-1, edge case 52."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    entitlements = DatabaseEntitlements(programme.database)

    with pytest.raises(ApplicationError, match=f"Case {reserved.claim.id} is open") as refused:
        await entitlements.change_owner(to_grace())
    assert refused.value.type == "conflict"
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.owner.name == "Ada"
    assert shown.binding is not None

    await programme.close(reserved.claim, Outcome.CANCELLED, gives_back=True)
    await entitlements.change_owner(to_grace())
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.owner.name == "Grace"


async def test_the_owner_of_a_replaced_unit_cannot_change(programme: Programme) -> None:
    """R-XFR-1, R-CLM-9."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    with pytest.raises(ApplicationError) as refused:
        await DatabaseEntitlements(programme.database).change_owner(to_grace())
    assert refused.value.type == "conflict"
