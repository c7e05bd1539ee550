"""Checks before the stack starts: each error names its remedy."""

import socket
import sys
from pathlib import Path

import pytest

from devstack.commands import scratch_settings
from devstack.preflight import HOST, StackError, check_ports, find_temporal, lock_home


def test_temporal_is_found_beside_python(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path).model_copy(update={"temporal_cli": None})
    assert find_temporal(settings) == Path(sys.executable).with_name("temporal")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path).model_copy(update={"temporal_cli": tmp_path / "temporal"})
    with pytest.raises(StackError, match=r"AFTERCARE_TEMPORAL_CLI names .*, which is not a program"):
        find_temporal(settings)


@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("api_port", "AFTERCARE_API_PORT"),
        ("temporal_port", "AFTERCARE_TEMPORAL_PORT"),
        ("temporal_ui_port", "AFTERCARE_TEMPORAL_UI_PORT"),
        ("codec_port", "AFTERCARE_CODEC_PORT"),
    ],
)
async def test_a_busy_port_is_named_with_its_variable(tmp_path: Path, field: str, variable: str) -> None:
    settings = scratch_settings(tmp_path)
    port = getattr(settings, field)
    with socket.socket() as taken:
        taken.bind((HOST, port))
        taken.listen()
        with pytest.raises(StackError, match=rf"Port {port} .* is in use.* {variable}={port + 1}"):
            await check_ports(settings, wait_seconds=0)
    await check_ports(settings)


async def test_the_four_ports_differ(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    same = settings.model_copy(update={"temporal_ui_port": settings.api_port})
    with pytest.raises(StackError, match="four different ports"):
        await check_ports(same)


@pytest.mark.parametrize(
    ("marker", "version"),
    [(b"0\n", "0"), (b"1\n", "1"), (b"", "unknown"), (b"my notes", "unknown"), (b"\xff", "unknown")],
)
def test_a_data_folder_of_another_version_is_left_alone(tmp_path: Path, marker: bytes, version: str) -> None:
    (tmp_path / "VERSION").write_bytes(marker)
    with pytest.raises(StackError, match=rf"is of version {version}, .*AFTERCARE_HOME=.*or remove it"):
        lock_home(tmp_path)
    assert (tmp_path / "VERSION").read_bytes() == marker


def test_a_data_folder_with_claims_of_no_known_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").touch()
    with pytest.raises(StackError, match="is of version unknown"):
        lock_home(tmp_path)
    assert not (tmp_path / "VERSION").exists()


def test_a_path_that_is_no_data_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StackError, match=r"cannot be used: .* AFTERCARE_HOME="):
        lock_home(file)


def test_one_data_folder_holds_one_stack(tmp_path: Path) -> None:
    with lock_home(tmp_path), pytest.raises(StackError, match="Another stack runs"):
        lock_home(tmp_path)
    lock_home(tmp_path).close()
