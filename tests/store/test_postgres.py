"""PostgreSQL: its errors by their names, and its connections, whatever becomes of them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from sqlalchemy import Executable, make_url, text
from sqlalchemy.exc import DatabaseError, DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.core import core
from store.database import Database
from store.postgres import TRANSACTIONS
from store.tables import LineageRow
from tests.store.test_wire import INSERTS, SLEEP, lineage, names

PID = text("SELECT pg_backend_pid()")
END = text("SELECT pg_terminate_backend(:pid)")
Way = Callable[[AsyncSession, Executable], Awaitable[Any]]


async def as_statement(session: AsyncSession, statement: Executable) -> Any:
    return await core(session, statement, {})


async def by_sqlalchemy(session: AsyncSession, statement: Executable) -> Any:
    return await (await session.connection()).execute(statement)


@pytest.fixture(params=[as_statement, by_sqlalchemy])
def way(request: pytest.FixtureRequest) -> Way:
    """Both ways a statement takes to the driver."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
async def postgres(postgres_url: str) -> Any:
    opened = Database(postgres_url)
    yield opened
    await opened.close()


async def pid_of(database: Database) -> int:
    async with database.writing() as session:
        pid: int = (await core(session, PID, {})).scalar()  # type: ignore[assignment]
        return pid


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("SELECT 1 / 0", DataError),
        ("SELECT * FROM nowhere", ProgrammingError),
        ("INSERT INTO devices (serial_number) VALUES ('A')", IntegrityError),
        ("DO $$ BEGIN RAISE EXCEPTION 'never'; END $$", DatabaseError),
        ("DO $$ BEGIN RAISE deadlock_detected; END $$", OperationalError),
        ("DO $$ BEGIN RAISE lock_not_available; END $$", OperationalError),
        ("DO $$ BEGIN RAISE too_many_connections; END $$", OperationalError),
        ("SELECT pg_cancel_backend(pg_backend_pid())", OperationalError),
        ("SELECT pg_terminate_backend(pg_backend_pid())", OperationalError),
    ],
)
async def test_an_error_is_told_by_its_kind(
    postgres: Database, way: Way, statement: str, kind: type[DBAPIError]
) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with postgres.writing() as session:
            await way(session, text(statement))
    assert type(raised.value) is kind
    assert await names(postgres) == []


@pytest.mark.parametrize("what", ["host", "name", "password"])
async def test_a_server_that_lets_nobody_in_is_away(postgres_url: str, what: str) -> None:
    address = make_url(postgres_url)
    nobody = {
        "host": make_url("postgresql://nobody:x@127.0.0.1:1/none"),
        "name": address.set(database="none"),
        "password": address.set(username="nobody", password="x"),
    }
    database = Database(nobody[what].render_as_string(hide_password=False))
    with pytest.raises(OperationalError):
        await database.ready()
    with pytest.raises(OperationalError):
        async with database.writing():
            pass
    with pytest.raises(OperationalError):
        async with database.reading():
            pass
    await database.close()


async def test_a_server_that_says_nothing_is_given_up_when_the_address_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/db?connect_timeout=0.2")
        with pytest.raises(OperationalError, match=r"no connection within 0\.2 s"):
            await database.ready()
        await database.close()


async def test_an_option_nobody_knows_is_named(postgres_url: str) -> None:
    database = Database(make_url(postgres_url).update_query_dict({"colour": "red"}).render_as_string(False))
    with pytest.raises(OperationalError, match="colour"):
        await database.ready()
    await database.close()


async def test_an_error_names_nobody(postgres: Database) -> None:
    async def write(**changed: Any) -> None:
        async with postgres.writing() as session:
            await core(session, INSERTS, lineage("lin_ada") | changed)

    await write()
    with pytest.raises(IntegrityError) as taken:
        await write()
    assert "lin_ada" not in str(taken.value)
    with pytest.raises(DataError, match=r"argument \$3") as unfit:
        await write(owner_email={"ada@example.com": 1})
    assert "ada@example.com" not in str(unfit.value)


async def test_what_cannot_be_committed_is_not_taken_for_committed(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.writing() as session:
            await core(session, INSERTS, lineage("lin_1"))
            with suppress(DataError):  # whoever overlooks it is answered with ROLLBACK and no error
                await core(session, text("SELECT 1 / 0"), {})

    with pytest.raises(DBAPIError, match="ROLLBACK"):
        await write()
    assert await names(postgres) == []


async def test_a_refusal_is_undone_and_its_connection_kept(postgres: Database) -> None:
    async def refuse() -> None:
        async with postgres.writing() as session:
            await core(session, INSERTS, lineage("lin_1"))
            raise ValueError("refused")

    async def fail() -> None:
        async with postgres.writing() as session:
            session.add(LineageRow(**lineage("lin_1")))
            await session.flush()
            await core(session, text("SELECT 1 / 0"), {})

    pid = await pid_of(postgres)
    with pytest.raises(ValueError, match="refused"):
        await refuse()
    with pytest.raises(DataError):
        await fail()
    assert await names(postgres) == []
    assert await pid_of(postgres) == pid


async def test_who_is_stopped_in_the_middle_leaves_nothing_and_no_lock(postgres: Database) -> None:
    async def write() -> None:
        async with postgres.writing() as session:
            await core(session, INSERTS, lineage("lin_1"))
            await core(session, SLEEP, {})

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await write()
    async with asyncio.timeout(10), postgres.writing() as session:
        await core(session, INSERTS, lineage("lin_1"))
    assert await names(postgres) == ["lin_1"]


async def test_a_server_that_hangs_up_in_the_middle_is_away_once(postgres: Database, way: Way) -> None:
    pids: list[int] = []

    async def hung_up(session: AsyncSession) -> None:
        pids.append((await way(session, PID)).scalar())
        await postgres.ask(END, {"pid": pids[-1]})
        await asyncio.sleep(0.1)
        await way(session, PID)

    for transaction in (postgres.writing, postgres.reading):
        with pytest.raises(OperationalError):
            async with transaction() as session:
                await hung_up(session)
        async with transaction() as session:
            assert (await way(session, PID)).scalar() not in pids


async def test_who_gets_no_turn_is_told_that_the_server_is_away(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.postgres.TURN_SECONDS", 0.05)
    async with AsyncExitStack() as others:
        for _ in range(TRANSACTIONS):
            await others.enter_async_context(postgres.writing())
        with pytest.raises(PoolTimeout, match="waiting"):
            await pid_of(postgres)
    assert await pid_of(postgres)


async def test_a_session_that_reads_sees_one_state(database: Database) -> None:
    async with database.reading() as session:
        before = (await session.exec(select(LineageRow.id))).all()
        async with database.writing() as other:
            await core(other, INSERTS, lineage("lin_1"))
        assert (await session.exec(select(LineageRow.id))).all() == before == []
    assert await names(database) == ["lin_1"]


async def test_connections_end_with_the_database(postgres_url: str) -> None:
    database, other = Database(postgres_url), Database(postgres_url)
    async with database.reading():
        pid = await pid_of(database)
    await database.close()
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
    async with asyncio.timeout(10):
        while (await other.ask(alive, {"pid": pid}))[0][0]:
            await asyncio.sleep(0.02)
    await other.close()
