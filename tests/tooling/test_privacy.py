"""What stays private: files of the data folder, variables of child processes, people in logs."""

import logging
import os
import stat
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.command_errors import refusals_as_application_errors
from activities.mail.transport import FolderTransport
from cli.logs import WithoutQuery
from devstack.commands import scratch_settings
from devstack.environment import api_environment, base_environment, worker_environment
from settings import Settings
from settings.constants import DEMO_CARRIER, SIMULATED
from store.writes.command_refused import CommandRefused

ROOT = Path(__file__).parents[2]


def open_to_others(folder: Path) -> list[str]:
    """Every file and folder below `folder` that group or others may use."""
    return [str(file.relative_to(folder)) for file in sorted(folder.rglob("*")) if file.stat().st_mode & 0o077]


def test_the_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    old = home / "temporal.db"
    old.touch(mode=0o644)
    environment = os.environ | scratch_settings(home).to_environment()
    command = [sys.executable, "-m", "cli", "db", "upgrade"]
    # The usual umask, under which files are readable by everybody.
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, umask=0o022)
    assert (home / "aftercare.db").exists()
    assert open_to_others(home) == []


async def test_a_written_mail_is_closed_to_others_and_its_log_names_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    message = EmailMessage()
    message["To"], message["Subject"] = "Ada Marsh <ada@example.com>", "Your Mavic 3, Ada"
    message.set_content("It is on its way.")
    with caplog.at_level(logging.DEBUG):
        await FolderTransport(tmp_path / "mail").deliver(message, "clm_a.shipped.1")
    assert open_to_others(tmp_path) == []
    assert stat.S_IMODE((tmp_path / "mail" / "clm_a.shipped.1.eml").stat().st_mode) == 0o600
    assert caplog.messages == ["mail clm_a.shipped.1 written"]


def test_the_access_log_has_no_query() -> None:
    path = "/v1/devices?owner_email=ada@example.com"
    arguments = ("127.0.0.1:1", "GET", path, "1.1", 200)
    record = logging.LogRecord("uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None)
    assert WithoutQuery().filter(record)
    assert record.getMessage() == '127.0.0.1:1 - "GET /v1/devices HTTP/1.1" 200'


def test_a_refused_command_is_no_fault_of_the_worker() -> None:
    """The SDK logs a traceback with the message of every failed activity but a benign one."""
    with pytest.raises(ApplicationError) as refused, refusals_as_application_errors():
        raise CommandRefused("conflict", ("serial_number", "is registered already"))
    assert refused.value.category is ApplicationErrorCategory.BENIGN


SETTINGS = Settings(
    api_keys={"of-the-staff": "staff"},
    webhook_secrets={"stripe": "of-stripe", SIMULATED: "of-simulated", DEMO_CARRIER: "of-carrier"},
    stripe_api_key=SecretStr("sk_test_4711"),
    smtp_url=SecretStr("smtps://u:of-mail@mail.example"),
)


def values(environment: dict[str, str]) -> str:
    return " ".join(environment.values())


def test_each_part_gets_the_secrets_it_needs_and_no_other() -> None:
    worker, api = values(worker_environment(SETTINGS, "t:1")), values(api_environment(SETTINGS, "t:1"))
    for secret in ("sk_test_4711", "of-mail"):
        assert secret in worker
        assert secret not in api
    for secret in ("of-the-staff", "of-stripe", "of-carrier"):
        assert secret in api
        assert secret not in worker
    assert "of-simulated" in worker


def test_a_child_inherits_no_variable_it_does_not_need() -> None:
    source = {
        "PATH": "/bin",
        "HOME": "/home/ada",
        "LC_ALL": "C",
        "PYTHONPATH": "/work",
        "AFTERCARE_API_KEYS": "admin:hush",
        "AFTERCARE_SECRET": "hush",
        "TEMPORAL_API_KEY": "hush",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "PGPASSWORD": "hush",
    }
    assert set(base_environment(source)) == {"PATH", "HOME", "LC_ALL", "PYTHONPATH"}
