"""`aftercare keys`: tokens go to standard output, everything else does not; errors are one sentence."""

import getpass
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.commands import scratch_settings
from store.migrate import upgrade

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    upgrade(scratch_settings(tmp_path).database_url)
    return tmp_path


def keys(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "keys", *arguments],
        cwd=ROOT,
        env=os.environ | scratch_settings(home).to_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_key_is_made_listed_rotated_and_revoked(home: Path) -> None:
    made = keys(
        home, "create", "--owner", "Ada Marsh", "--role", "staff", "--scope", "claims:read", "--expires", "2999-01-01"
    )
    token = made.stdout.strip()
    key_id, _, secret = token.partition(".")
    assert (made.returncode, len(secret)) == (0, 43)
    assert f"{key_id}: staff for Ada Marsh" in made.stderr
    rotated = keys(home, "rotate", key_id, "--overlap-hours", "0")
    assert rotated.stdout.startswith(f"{key_id}.")
    assert rotated.stdout.strip() != token
    [listed] = json.loads(keys(home, "list", "--json").stdout)
    assert (listed["id"], listed["scopes"], listed["created_by"]) == (key_id, ["claims:read"], "command line")
    assert listed["expires_at"] == "2999-01-01T00:00:00Z"
    assert secret not in json.dumps(listed)
    assert f"{key_id} of Ada Marsh is revoked since " in keys(home, "revoke", key_id).stdout
    assert "revoked" in keys(home, "list").stdout
    with sqlite3.connect(home / "aftercare.db") as database:
        trail = database.execute("SELECT actor_id, action, subject FROM audit_entries ORDER BY id").fetchall()
    database.close()
    actor = f"command line:{getpass.getuser()}"
    assert trail == [(actor, action, key_id) for action in ("create_key", "rotate_key", "revoke_key")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create", "--owner", "Ada", "--role", "boss"], "--role is one of customer_service"),
        (["create", "--owner", "Ada", "--role", "staff", "--scope", "claim"], "--scope claim is none of audit"),
        (["create", "--owner", " ", "--role", "staff"], "--owner names somebody"),
        (["create", "--owner", "Ada", "--role", "staff", "--expires", "soon"], "--expires is a day like"),
        (["create", "--owner", "Ada", "--role", "staff", "--expires", "2026-01-01"], "--expires 2026-01-01 has passed"),
        (["rotate", "key_x"], "key_x is no key"),
        (["revoke", "key_x"], "key_x is no key"),
    ],
)
def test_a_wrong_command_is_one_sentence(home: Path, arguments: list[str], message: str) -> None:
    refused = keys(home, *arguments)
    assert refused.returncode == 2
    assert refused.stderr.startswith(message)
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""
