"""API keys of the database, on both engines: what is stored of them, when they are valid, how they end."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from store.api_keys import KeyRequest, StoredApiKeys, new_key_id
from store.database import Database
from store.tables.api_keys import ApiKeyRow, ApiKeySecretRow

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DEPOT = KeyRequest("Depot Portland", "warehouse", ("claims",))


async def made(database: Database, request: KeyRequest = DEPOT) -> tuple[str, str]:
    """A new key's id and token."""
    created = await StoredApiKeys(database).create(new_key_id(), request, "admin", NOW)
    assert created is not None
    return created[0].id, created[1]


async def test_a_token_is_found_and_stored_nowhere(database: Database) -> None:
    key_id, token = await made(database)
    found = await StoredApiKeys(database).find(token, NOW)
    assert found is not None
    key, ends_at = found
    assert (key.id, key.owner, key.role, key.scopes) == (key_id, "Depot Portland", "warehouse", ("claims",))
    assert ends_at is None
    secret = token.partition(".")[2]
    assert len(secret) == 43
    async with database.snapshot() as session:
        rows = [*(await session.exec(select(ApiKeyRow))).all(), *(await session.exec(select(ApiKeySecretRow))).all()]
    assert len(rows) == 2
    assert secret not in repr(rows)


async def test_another_secret_of_a_known_key_is_not_found(database: Database) -> None:
    (key_id, token), (_, other) = await made(database), await made(database)
    keys = StoredApiKeys(database)
    for wrong in (
        f"{key_id}.{other.partition('.')[2]}",
        token[:-1],
        f"{token}A",
        key_id,
        f"{key_id}.",
        token.upper(),
        "",
        f"{token}\n",
    ):
        assert await keys.find(wrong, NOW) is None, wrong


async def test_a_key_ends_when_it_expires_and_when_it_is_revoked(database: Database) -> None:
    keys = StoredApiKeys(database)
    _, token = await made(database, KeyRequest("Ada", "staff", expires_at=NOW + DAY))
    assert await keys.find(token, NOW + DAY - timedelta(seconds=1)) is not None
    assert await keys.find(token, NOW + DAY) is None
    key_id, token = await made(database)
    revoked = await keys.revoke(key_id, "root", NOW + DAY)
    assert revoked is not None
    assert (revoked.revoked_at, revoked.revoked_by) == (NOW + DAY, "root")
    assert await keys.find(token, NOW) is None
    again = await keys.revoke(key_id, "another", NOW + 2 * DAY)
    assert again == revoked
    assert await keys.rotate(key_id, DAY, NOW) is None
    assert await keys.revoke("key_unknown", "root", NOW) is None


async def test_the_old_secret_ends_after_the_overlap(database: Database) -> None:
    keys = StoredApiKeys(database)
    key_id, first = await made(database)
    rotated = await keys.rotate(key_id, DAY, NOW)
    assert rotated is not None
    second = rotated[1]
    assert await keys.find(first, NOW + DAY - timedelta(seconds=1)) is not None
    assert await keys.find(first, NOW + DAY) is None
    assert await keys.find(second, NOW + 300 * DAY) is not None
    # A later rotation shortens what is left of an earlier overlap and never lengthens it.
    assert await keys.rotate(key_id, timedelta(0), NOW + timedelta(hours=1)) is not None
    assert await keys.find(first, NOW + timedelta(hours=1)) is None
    assert await keys.rotate(key_id, 9 * DAY, NOW + timedelta(hours=2)) is not None
    assert await keys.find(second, NOW + timedelta(hours=2)) is None


async def test_a_key_is_made_once_by_its_id(database: Database) -> None:
    keys, key_id = StoredApiKeys(database), new_key_id("a request")
    made = await asyncio.gather(*(keys.create(key_id, DEPOT, "admin", NOW) for _ in range(4)))
    assert len([each for each in made if each is not None]) == 1


async def test_the_last_use_is_written_once_a_minute(database: Database) -> None:
    keys = StoredApiKeys(database)
    key_id, _ = await made(database)
    for seconds, stored in ((0, 0), (59, 0), (60, 60), (61, 60)):
        await keys.note_use(key_id, NOW + timedelta(seconds=seconds))
        key = await keys.get(key_id)
        assert key is not None
        assert key.last_used_at == NOW + timedelta(seconds=stored)


async def test_the_list_has_pages_with_the_newest_first(database: Database) -> None:
    keys = StoredApiKeys(database)
    for number in range(5):
        await keys.create(new_key_id(), KeyRequest(str(number), "staff"), "admin", NOW + timedelta(days=number // 2))
    owners, cursor = [], None
    for _ in range(3):
        page = await keys.page(2, cursor)
        owners += [key.owner for key in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert owners[0] == "4"
    assert sorted(owners) == ["0", "1", "2", "3", "4"]
