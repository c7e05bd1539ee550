"""The product behind pgbouncer in transaction mode, which gives each transaction any of its server connections."""

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from messages.record import UseReserved
from store.database import Database, execute
from store.migrate import current
from tests.store.lineages import INSERT_LINEAGE, lineage_ids, lineage_values
from tests.store.programme import Programme

PGBOUNCER: Final = shutil.which("pgbouncer")
CLIENTS: Final = 8
"""More than the two server connections of the pooler."""

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed (Debian package pgbouncer)")


@pytest.fixture
def pooled_url(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh PostgreSQL database behind a pgbouncer with two server connections."""
    server = make_url(postgres_url)
    host = server.query.get("host") or server.host
    password = f" password={server.password}" if server.password else ""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="aftercare-pgbouncer-"))
    folder.chmod(0o755)
    (folder / "pgbouncer.ini").write_text(
        f"""[databases]
{server.database} = host={host} port={server.port or 5432} user={server.username}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
"""
    )
    (folder / "pgbouncer.ini").chmod(0o644)
    # pgbouncer refuses to run as root, and the server's socket is for the server's user alone.
    socket_owner = Path(str(host)).owner() if str(host).startswith("/") else "nobody"
    user = socket_owner if os.getuid() == 0 else None
    assert PGBOUNCER is not None
    with (folder / "pgbouncer.log").open("wb") as log:
        pooler = subprocess.Popen([PGBOUNCER, str(folder / "pgbouncer.ini")], user=user, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 20
        while not _listens(port):
            assert pooler.poll() is None, (folder / "pgbouncer.log").read_text()
            assert time.monotonic() < until, "pgbouncer does not listen"
            time.sleep(0.05)
        yield f"postgresql://{server.username}@127.0.0.1:{port}/{server.database}"
    finally:
        pooler.terminate()
        pooler.wait(20)
        shutil.rmtree(folder)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def pooled(pooled_url: str) -> AsyncIterator[Database]:
    opened = Database(pooled_url)
    yield opened
    await opened.close()


async def test_transactions_queries_and_snapshots_share_two_server_connections(pooled: Database) -> None:
    async def client(number: int) -> None:
        for turn in range(12):
            async with pooled.transaction() as session:
                await execute(session, INSERT_LINEAGE, lineage_values(f"lin_{number}_{turn:02}"))
                await asyncio.sleep(0.002)
            assert f"lin_{number}_{turn:02}" in await lineage_ids(pooled)
            async with pooled.snapshot() as session:
                before = (await execute(session, text("SELECT count(*) FROM lineages"))).scalar_one()
                assert (await execute(session, text("SELECT count(*) FROM lineages"))).scalar_one() == before

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    assert len(await lineage_ids(pooled)) == CLIENTS * 12


async def test_of_simultaneous_claims_on_one_device_exactly_one_is_reserved(pooled: Database) -> None:
    programme = Programme(pooled)
    await programme.device()
    results = await asyncio.gather(*(programme.record.reserve_use(programme.reservation()) for _ in range(CLIENTS)))
    assert sum(isinstance(result, UseReserved) for result in results) == 1
    assert await programme.uses() == (0, 1, 1)


async def test_a_transaction_that_is_rolled_back_leaves_nothing_on_the_shared_connection(pooled: Database) -> None:
    async def fail() -> None:
        async with pooled.transaction() as session:
            await execute(session, INSERT_LINEAGE, lineage_values("lin_1"))
            raise ValueError("planted")

    for _ in range(4):
        with pytest.raises(ValueError, match="planted"):
            await fail()
    assert await lineage_ids(pooled) == []


async def test_the_migration_is_read_through_the_pooler(pooled_url: str) -> None:
    assert await asyncio.to_thread(current, pooled_url) is not None


async def test_prepared_statements_would_fail_behind_the_pooler(pooled_url: str) -> None:
    """Shows that the pooler of these tests tells a client that prepares statements from one that does not."""
    address = make_url(pooled_url).set(drivername="postgresql+psycopg")
    engine = create_async_engine(address, pool_size=CLIENTS, connect_args={"prepare_threshold": 0})

    async def client() -> None:
        for number in range(12):
            async with engine.begin() as connection:
                await connection.execute(text("SELECT CAST(:number AS integer)"), {"number": number})
                await asyncio.sleep(0.002)

    failures = await asyncio.gather(*(client() for _ in range(CLIENTS)), return_exceptions=True)
    assert any(isinstance(failure, DBAPIError) for failure in failures)
    await engine.dispose()
