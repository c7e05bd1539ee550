"""What tests stand on: Temporal, and databases with today's tables and the demo catalogue, empty of everything else.

All processes of a run share one Temporal server, where each has a namespace, and one PostgreSQL, where each has a
database. They are started by the first test that needs them.
"""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from signal import SIGQUIT
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from temporalio.testing import WorkflowEnvironment

from store.database import Database
from tests.databases import address, administer, disconnect, empty, prepare, start_postgres
from tests.server import connect_to, free_port, temporal_command
from tests.shared import SharedRun

POSTGRES_VARIABLE = "AFTERCARE_TEST_POSTGRES_URL"
SERVERS: Final = {"temporal", "postgres_url", "localstripe", "simulator"}
_RUN = pytest.StashKey[SharedRun]()


def pytest_configure(config: pytest.Config) -> None:
    # The SDK takes a workflow that ran for two seconds as deadlocked and interrupts its thread wherever that is. Three
    # processes on two slow cores reach two seconds, and a test that hangs ends by `faulthandler_timeout` in any case.
    os.environ["TEMPORAL_DEBUG"] = "1"
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    config.stash[_RUN] = SharedRun(Path(given["shared_folder"])) if given else SharedRun.begin()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist starts a process of the run."""
    node.workerinput["shared_folder"] = str(node.config.stash[_RUN].folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_RUN].end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server, so that the quick ones can be chosen."""
    for item in items:
        if isinstance(item, pytest.Function):
            engine = item.callspec.params.get("database_url") if hasattr(item, "callspec") else None
            if SERVERS.intersection(item.fixturenames) or engine == "postgres":
                item.add_marker("server")


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: the garbage collector need not look at them each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> SharedRun:
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="session")
async def temporal(run: SharedRun) -> WorkflowEnvironment:
    """This process's namespace on the run's dev server, which is the installed package's."""
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

    def start() -> str:
        port = free_port()
        run.spawn(temporal_command(port, [f"tests-{number}" for number in range(count)]))
        return f"127.0.0.1:{port}"

    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % count
    return WorkflowEnvironment.from_client(await connect_to(run.once("temporal", start), f"tests-{number}"))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh database, once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, once on each engine."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite_database(sqlite_url: str) -> AsyncIterator[Database]:
    """A fresh database on SQLite alone."""
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a fresh SQLite database."""
    return f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'aftercare.db')}"


@pytest.fixture
def postgres_url(postgres_database: str, postgres_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database; emptied again afterwards, which is far quicker than a new one."""
    url = address(postgres_server, postgres_database)
    yield url
    disconnect(postgres_server, postgres_database)
    try:
        empty(url)
    except psycopg.Error:
        # A test left other tables behind than today's.
        administer(postgres_server, "DROP DATABASE {}", postgres_database)
        administer(postgres_server, "CREATE DATABASE {}", postgres_database)
        prepare(url)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the demo catalogue, to be copied."""
    file = tmp_path_factory.mktemp("template") / "template.db"
    prepare(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database with the demo catalogue, for one test after the other."""
    name = f"aftercare_{uuid4().hex}"
    administer(postgres_server, "CREATE DATABASE {}", name)
    prepare(address(postgres_server, name))
    yield name
    disconnect(postgres_server, name)
    administer(postgres_server, "DROP DATABASE {}", name)


@pytest.fixture(scope="session")
def postgres_server(run: SharedRun) -> str:
    """The address of a PostgreSQL server: the one named in the environment, or one of our own for this run."""

    def start() -> str:
        uri, pid = start_postgres(run.folder / "postgres")
        run.stop_at_end(pid, SIGQUIT)
        return uri

    return os.environ.get(POSTGRES_VARIABLE) or run.once("postgres", start)
