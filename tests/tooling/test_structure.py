"""The structure of the code: short files, one root module; workflow parts own their state, one level of base class."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / "workflows").rglob("*.py"))
PRODUCT = "activities api cli demo devstack domain messages settings store temporal_runtime workflows".split()
MAX_LINES = 300


def foreign_private_state(source: str) -> list[str]:
    """Each `x._name` of a source where `x` is neither `self` nor `cls`."""
    return [
        f"{ast.unparse(node)} in line {node.lineno}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    ]


def bases(sources: list[str]) -> dict[str, list[str]]:
    """The bases of each class, by name."""
    classes = (node for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))
    return {each.name: [ast.unparse(base) for base in each.bases] for each in classes}


def too_deep(tree: dict[str, list[str]]) -> list[str]:
    """The classes with more than one own base, or with a base that has one itself."""
    return [
        name
        for name, above in tree.items()
        if len(own := [base for base in above if base in tree]) > 1
        or any(base in tree for each in own for base in tree[each])
    ]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_part_uses_anothers_private_state(file: Path) -> None:
    assert foreign_private_state(file.read_text()) == []


def test_no_file_is_long() -> None:
    packages = [*PRODUCT, "benchmarks", "tests"]
    files = [*ROOT.glob("*.py"), *(file for package in packages for file in (ROOT / package).rglob("*.py"))]
    assert [file for file in files if len(file.read_text().splitlines()) > MAX_LINES] == []


def test_the_root_has_one_module() -> None:
    assert {file.name for file in ROOT.glob("*.py")} == {"worker.py"}


def test_no_class_has_more_than_one_own_base() -> None:
    assert too_deep(bases([file.read_text() for file in WORKFLOWS])) == []


def test_the_checks_find_planted_violations() -> None:
    planted = "class A: ...\nclass B(A): ...\nclass C(B): ...\nclass D(A, B): ...\n"
    assert too_deep(bases([planted])) == ["C", "D"]
    assert foreign_private_state("self._hold._data = 1\nself._own = 2\nhold._state") == [
        "self._hold._data in line 1",
        "hold._state in line 3",
    ]
