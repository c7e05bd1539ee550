"""The commands that prepare a database and a Temporal server: their output."""

import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from cli.common import database_errors
from devstack.commands import scratch_settings
from settings import SettingsError
from store.migrate import upgrade
from temporal_runtime.namespace import RETENTION, set_up_retention

ROOT = Path(__file__).parents[2]


class GuardedNamespaces:
    """Namespaces this account may read and not change."""

    async def describe_namespace(self, request: Any) -> DescribeNamespaceResponse:
        described = DescribeNamespaceResponse()
        described.config.workflow_execution_retention_ttl.FromTimedelta(timedelta(days=1))
        return described

    async def update_namespace(self, request: Any) -> NoReturn:
        raise RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")


@pytest.mark.parametrize("command", ["api", "worker"])
def test_no_process_starts_on_a_database_without_this_releases_schema(tmp_path: Path, command: str) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "cli", command],
        cwd=ROOT,
        env=os.environ | scratch_settings(tmp_path).to_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 2
    assert completed.stderr == "The database has no tables yet: run `aftercare db upgrade`\n"


def test_a_lane_that_is_none_is_named_with_those_there_are(tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "cli", "worker", "--queues", "money,post"],
        cwd=ROOT,
        env=os.environ | scratch_settings(tmp_path).to_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 2
    assert completed.stderr == "--queues: post: no such lane; there are workflows, money, mail, record\n"


@pytest.mark.parametrize("command", [["db", "upgrade"], ["db", "current"], ["worker"], ["api"], ["mail", "waiting"]])
def test_a_database_that_is_away_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    variables = scratch_settings(tmp_path).to_environment()
    variables["AFTERCARE_DATABASE_URL"] = "postgresql://u:hush@127.0.0.1:1/none"
    completed = subprocess.run(
        [sys.executable, "-m", "cli", *command],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 2
    assert completed.stderr.startswith("The database does not answer: ")
    assert len(completed.stderr.splitlines()) == 1
    assert "hush" not in completed.stderr


def test_a_database_of_a_later_release_is_not_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/aftercare.db"
    upgrade(url)
    with sqlite3.connect(tmp_path / "aftercare.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SettingsError, match="a later release has migrated it"), database_errors():
        upgrade(url)


@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_migrations_are_listed_only_when_verbose(tmp_path: Path, level: str, shown: bool) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "cli", "db", "upgrade"],
        cwd=ROOT,
        env=os.environ | scratch_settings(tmp_path).to_environment() | {"AFTERCARE_LOG_LEVEL": level},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.startswith("The database is at revision ")
    assert ("alembic" in completed.stderr) is shown


async def test_a_denied_retention_change_names_who_can_make_it() -> None:
    client = cast(Client, SimpleNamespace(namespace="care", workflow_service=GuardedNamespaces()))
    message = await set_up_retention(client, RETENTION)
    assert message.startswith("not changed (Request unauthorized.). Closed claims must stay for 30 days or more")
    assert "temporal operator namespace update -n care --retention 30d" in message
