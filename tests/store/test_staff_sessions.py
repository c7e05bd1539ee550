"""Sessions of staff, on both engines: what is stored of them, when they are usable, how they end."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlmodel import select

from store.database import Database
from store.staff_sessions import Person, StaffSessions
from store.tables.sessions import SessionRow

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
IDLE = timedelta(minutes=30)
END = NOW + timedelta(hours=12)
ADA = Person("usr_ada", "Ada Marsh", ("finance", "staff"))


def after(**duration: int) -> datetime:
    return NOW + timedelta(**duration)


async def begun(sessions: StaffSessions, sign_in: str, person: Person = ADA) -> str:
    token = await sessions.begin(person, sign_in, NOW, END)
    assert token is not None
    return token


async def test_a_token_is_found_and_stored_nowhere(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    token = await begun(sessions, "the state")
    found = await sessions.use(token, NOW)
    assert found is not None
    assert (found.person_id, found.name, found.roles, found.ends_at) == ("usr_ada", "Ada Marsh", ADA.roles, END)
    async with database.snapshot() as session:
        rows = (await session.exec(select(SessionRow))).all()
    assert len(rows) == 1
    assert token not in repr(rows)
    assert "the state" not in repr(rows)
    for wrong in ("", token[:-1], f"{token}A", f"{token}\n", token.swapcase(), rows[0].digest):
        assert await sessions.use(wrong, NOW) is None, wrong


async def test_a_sign_in_begins_one_session(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    tokens = await asyncio.gather(*(sessions.begin(ADA, "the state", NOW, END) for _ in range(4)))
    assert len([token for token in tokens if token is not None]) == 1
    token = next(filter(None, tokens))
    await sessions.end(token, NOW)
    assert await sessions.begin(ADA, "the state", NOW, END) is None
    assert await sessions.begin(ADA, "another", NOW, END) not in (None, token)


async def test_a_session_ends_when_it_is_not_used(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    token = await begun(sessions, "a")
    assert await sessions.use(token, after(minutes=30)) is None
    assert await sessions.use(token, after(minutes=29, seconds=59)) is not None
    assert await sessions.use(token, after(minutes=59, seconds=58)) is not None
    assert await sessions.use(token, after(minutes=89, seconds=58)) is None


async def test_its_last_use_is_written_once_a_minute(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    token = await begun(sessions, "a")
    for seconds, stored in ((0, 0), (59, 0), (60, 60), (61, 60), (30, 60)):
        assert await sessions.use(token, after(seconds=seconds)) is not None
        async with database.snapshot() as session:
            assert (await session.exec(select(SessionRow))).one().seen_at == after(seconds=stored)


async def test_a_session_ends_after_its_time_however_busy_it_is(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    token = await begun(sessions, "a")
    for minutes in range(0, 12 * 60, 20):
        assert await sessions.use(token, after(minutes=minutes)) is not None
    assert await sessions.use(token, END - timedelta(seconds=1)) is not None
    assert await sessions.use(token, END) is None


async def test_one_session_ends_or_all_of_a_person(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    first, second, third = [await begun(sessions, str(number)) for number in range(3)]
    other = await begun(sessions, "b", Person("usr_bo", "Bo Lind", ("warehouse",)))
    await sessions.end(first, NOW)
    await sessions.end(first, NOW)
    await sessions.end("no token", NOW)
    assert await sessions.use(first, NOW) is None
    assert await sessions.use(second, NOW) is not None
    assert await sessions.end_all("usr_ada", NOW) == 2
    assert await sessions.end_all("usr_ada", NOW) == 0
    assert [await sessions.use(token, NOW) for token in (second, third)] == [None, None]
    assert await sessions.use(other, NOW) is not None


async def test_sessions_of_the_past_are_deleted(database: Database) -> None:
    sessions = StaffSessions(database, IDLE)
    await begun(sessions, "a")
    await sessions.delete_before(END)
    assert await sessions.begin(ADA, "a", NOW, END) is None
    await sessions.delete_before(END + timedelta(seconds=1))
    assert await sessions.begin(ADA, "a", NOW, END) is not None
