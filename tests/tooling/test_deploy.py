"""The files under deploy/ are right by their published schemas, name settings that exist, and ship what is imported."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings import Settings
from settings.constants import PREFIX

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
FILES = sorted(file for file in DEPLOY.rglob("*") if file.is_file())

IMPORTS_ALL = """
import sys
root, image = sys.argv[1:]
sys.path = [image, *(entry for entry in sys.path if entry not in ("", root))]
import api.app, api.codec_server, cli.app, worker
import cli.api, cli.codec_server, cli.database, cli.deployment, cli.replay, cli.worker
theirs = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
wrong = {name: file for name, file in theirs.items() if file and file.startswith(root) and "/.venv/" not in file}
sys.exit(f"from outside the image: {wrong}" if wrong else 0)
"""


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_the_kubernetes_manifests_are_valid(tmp_path: Path) -> None:
    text = (DEPLOY / "kubernetes/aftercare.yaml").read_text()
    released = tmp_path / "aftercare.yaml"
    released.write_text(text.replace("IMAGE", "registry.example.com/aftercare:1").replace("BUILD", "v1"))
    completed = run(f"{BIN}/kubernetes-validate", "--strict", str(released))
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_the_compose_file_is_valid() -> None:
    completed = run(f"{BIN}/check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml")
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_the_container_file_follows_good_practice() -> None:
    completed = run(f"{BIN}/hadolint", "deploy/Containerfile")
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_the_image_has_every_module_that_is_imported(tmp_path: Path) -> None:
    for source in re.findall(r"^COPY (\S+) \S+$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE):
        if not source.endswith(".lock"):
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
            copy(ROOT / source, tmp_path / source)
            assert f"!{source}" in (ROOT / ".containerignore").read_text().splitlines()
    completed = run(sys.executable, "-c", IMPORTS_ALL, str(ROOT), str(tmp_path))
    assert completed.returncode == 0, completed.stderr


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_setting_that_is_named_exists(file: Path) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"\bAFTERCARE_[A-Z_]+", file.read_text())) <= known


@pytest.mark.parametrize("unit", sorted(DEPLOY.glob("systemd/*.service")), ids=lambda unit: unit.name)
def test_a_systemd_unit_starts_a_command_that_exists(unit: Path) -> None:
    found = re.search(r"^ExecStart=\S+/aftercare ([a-z-]+)$", unit.read_text(), re.MULTILINE)
    assert found
    assert run(sys.executable, "-m", "cli", found[1], "--help").returncode == 0
