"""The list of devices: found by what a customer tells, by region, model and cover."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text

from activities.entitlements import DatabaseEntitlements
from domain.kinds import Outcome
from messages.entitlements import ChangeOwner, CorrectOwner
from messages.registry import Owner, PlantTerm
from store.migrate import configuration, migrating
from store.reads.claim_list import ClaimFilter
from store.reads.device_list import DeviceFilter
from tests.store.programme import NOW, Programme


async def found(programme: Programme, now: datetime = NOW, **filters: Any) -> list[str]:
    page = await programme.queries.devices(DeviceFilter(**filters), now)
    return [device.serial_number for device in page.items]


async def rename(programme: Programme, serial: str, **changes: str) -> None:
    corrected = CorrectOwner(serial_number=serial, changes=dict(changes), actor="staff", at=NOW)
    await DatabaseEntitlements(programme.database).correct_owner(corrected)


@pytest.mark.parametrize(
    "q",
    [
        *("ada", "ADA", "Ada Mar", "mar ada", "byron", "lis-mar", "Ａｄａ", "éloïse"),
        *("ada@example.com", "ADA@Ex", "m3-20", "M3 2001", "m32001"),
    ],
)
async def test_a_device_is_found_by_name_address_and_serial_number(programme: Programme, q: str) -> None:
    await programme.device()
    await rename(programme, "M3-2001", name="Ada Éloïse Byron-Lis Marsh")
    assert await found(programme, q=q) == ["M3-2001"]


@pytest.mark.parametrize("q", ["arsh", "ada grace", "da@example.com", "2001", "m3-20012", "--", "%d", "a_a", "ada@x"])
async def test_what_is_no_beginning_finds_nothing(programme: Programme, q: str) -> None:
    await programme.device()
    await rename(programme, "M3-2001", name="Ada Marsh")
    assert await found(programme, q=q) == []


async def test_a_lineage_is_found_by_each_of_its_units_and_shown_by_its_current_one(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "R9-7777")
    for q in ("m3-2001", "R97", "ada"):
        assert await found(programme, q=q) == ["R9-7777"]
        page = await programme.queries.claims(ClaimFilter(q=q))
        assert [claim.id for claim in page.items] == [reserved.claim.id]
    assert (await programme.queries.claims(ClaimFilter(q="grace"))).items == ()


async def test_a_corrected_and_a_changed_owner_are_found_by_the_new_name_alone(programme: Programme) -> None:
    await programme.device()
    await rename(programme, "M3-2001", name="Augusta", email="augusta@example.com")
    assert await found(programme, q="augusta@") == await found(programme, q="augusta") == ["M3-2001"]
    assert await found(programme, q="ada") == []
    owner = Owner(name="Grace", email="grace@example.com")
    await DatabaseEntitlements(programme.database).change_owner(
        ChangeOwner(serial_number="M3-2001", owner=owner, at=NOW)
    )
    assert await found(programme, q="grace") == await found(programme, q="m3-2001") == ["M3-2001"]
    assert await found(programme, q="augusta") == []


async def test_a_device_that_an_older_worker_registered_is_found_once_its_owner_is_sent_again(
    programme: Programme,
) -> None:
    await programme.device()
    async with programme.database.transaction() as session:
        await session.exec(text("DELETE FROM device_words"))  # type: ignore[call-overload]
    assert await found(programme, q="ada") == []
    await rename(programme, "M3-2001", name="Ada")
    assert await found(programme, q="ada") == ["M3-2001"]


async def test_filters_are_combined_and_pages_follow_each_other(programme: Programme) -> None:
    for serial, model, region in (
        ("M3-2001", "mavic-3", "US"),
        ("M3-2002", "mavic-3", "AU"),
        ("M4-2003", "mini-3", "US"),
    ):
        await programme.device(serial, model, region, bound=False)
    both = {"M3-2001", "M4-2003"}
    assert set(await found(programme, region="US")) == set(await found(programme, region="US", q="ada")) == both
    assert set(await found(programme, model="mavic-3")) == {"M3-2001", "M3-2002"}
    assert await found(programme, model="mavic-3", region="US", owner_email="ada@example.com") == ["M3-2001"]
    seen, cursor = [], None
    for _ in range(3):
        page = await programme.queries.devices(DeviceFilter(q="ada"), NOW, 1, cursor)
        seen += [device.serial_number for device in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert set(seen) == both | {"M3-2002"}


async def test_cover_is_active_then_ending_then_none(programme: Programme) -> None:
    await programme.device()
    await programme.device("M3-2002", kind=None, bound=False)
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    ends_on = shown.care.ends_on
    assert ends_on is not None
    async with programme.database.snapshot() as session:
        rows = await session.exec(text("SELECT ends_at FROM terms"))  # type: ignore[call-overload]
        ends_at = datetime.fromisoformat(str(rows.one()[0])).replace(tzinfo=NOW.tzinfo)
    second = timedelta(seconds=1)
    for now, active, ending in (
        (ends_at - timedelta(days=30) - second, True, False),
        (ends_at - timedelta(days=30), True, True),
        (ends_at + second / 2, True, True),
        (ends_at + second, False, False),
    ):
        assert ("M3-2001" in await found(programme, now, care="active")) is active, now
        assert ("M3-2001" in await found(programme, now, care="ending")) is ending, now
        assert ("M3-2001" in await found(programme, now, care="none")) is not active, now
        assert await found(programme, now, care="none", q="m3-2002") == ["M3-2002"]
        assert await found(programme, now, care="ending", q="m3-2002") == []


async def test_renewed_cover_is_not_ending_and_given_back_cover_is_none(programme: Programme) -> None:
    await programme.device()
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert shown.care.ends_on is not None
    near_end = NOW + timedelta(days=250)
    assert await found(programme, near_end, care="ending") == ["M3-2001"]
    renewed = PlantTerm(
        serial_number="M3-2001",
        kind="1y",
        starts_on=shown.care.ends_on + timedelta(days=1),
        term_id="t-renewed",
        at=NOW,
    )
    await programme.registry.plant_term(renewed)
    assert await found(programme, near_end, care="ending") == []
    async with programme.database.transaction() as session:
        await session.exec(text("UPDATE terms SET ended_at = purchased_at"))  # type: ignore[call-overload]
    assert await found(programme, near_end, care="active") == []
    assert await found(programme, near_end, care="none") == ["M3-2001"]


@pytest.mark.parametrize("word", ["ada", "ada@example.com", "m32001", "r97777"])
async def test_the_words_of_stored_devices_are_filled_in(programme: Programme, database_url: str, word: str) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "R9-7777")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    await programme.database.close()
    with migrating(database_url) as connection:
        before = connection.execute(text("SELECT * FROM device_words ORDER BY 1, 2")).all()
        command.downgrade(configuration(connection), "0007")
        command.upgrade(configuration(connection), "head")
        assert connection.execute(text("SELECT * FROM device_words ORDER BY 1, 2")).all() == before
        assert word in {row.word for row in before}
