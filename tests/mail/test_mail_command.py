"""`aftercare mail`: what waits and what was given up, and how it is sent again."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from activities.mail.activities import OutgoingMail
from activities.mail.transport import Undeliverable
from devstack.commands import scratch_settings
from store.database import Database
from tests.mail.outbox import FIRST, REBIND, SHIPPED, RecordingTransport, claim_of, drained, in_outbox, owned, saved

ROOT = Path(__file__).parents[2]


async def aftercare_mail(url: str, home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    settings = scratch_settings(home).model_copy(update={"database_url": url})
    environment = os.environ | settings.to_environment() | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "cli", "mail", *words]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


async def test_what_waits_is_listed_and_what_was_given_up_is_sent_again(
    sqlite_database: Database, sqlite_url: str, tmp_path: Path
) -> None:
    empty = await aftercare_mail(sqlite_url, tmp_path, "waiting")
    assert (empty.returncode, empty.stdout) == (0, "Waiting: 0, 0 of them failed before. Given up: 0\n"), empty.stderr

    transport = RecordingTransport()
    transport.fails = [Undeliverable("gone"), OSError("no route to ada@example.com")]
    await owned(sqlite_database)
    await saved(sqlite_database, claim_of("a"), SHIPPED, REBIND)
    await drained(OutgoingMail(sqlite_database, transport))
    seen = await aftercare_mail(sqlite_url, tmp_path, "waiting")
    assert seen.returncode == 1, seen.stderr
    for words in (FIRST, "shipped", "given up", "Undeliverable", "rebind", "OSError"):
        assert words in seen.stdout
    assert "ada" not in seen.stdout
    assert (
        "Waiting: 1, 1 of them failed before. Given up: 1 (to send them again: `aftercare mail retry`)" in seen.stdout
    )

    again = await aftercare_mail(sqlite_url, tmp_path, "retry", "--given-up")
    assert (again.returncode, again.stdout) == (0, "1 mail will be tried now\n"), again.stderr
    assert [(row.kind, row.failed_at) for row in await in_outbox(sqlite_database)] == [
        ("shipped", None),
        ("rebind", None),
    ]
    both = await aftercare_mail(sqlite_url, tmp_path, "retry", FIRST)
    assert (both.returncode, both.stdout) == (0, "2 mails will be tried now\n"), both.stderr
    await drained(OutgoingMail(sqlite_database, transport))
    assert transport.names == [f"{FIRST}.shipped.1", f"{FIRST}.rebind.1"]


async def test_what_is_to_be_tried_again_has_to_be_named(sqlite_url: str, tmp_path: Path) -> None:
    for words in (("retry",), ("retry", FIRST, "--given-up")):
        completed = await aftercare_mail(sqlite_url, tmp_path, *words)
        assert (completed.returncode, completed.stdout) == (2, "")
        assert completed.stderr == "Name a claim, or --given-up for every mail that was given up\n"
