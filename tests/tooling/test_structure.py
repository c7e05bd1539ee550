"""How workflows are built: parts own their state, one level of base class, short files; each check sees a plant."""

import ast
from pathlib import Path

import pytest

WORKFLOWS = sorted((Path(__file__).parents[2] / "workflows").rglob("*.py"))
MOST_LINES = 300


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


def deep(tree: dict[str, list[str]]) -> list[str]:
    """The classes with more than one base of ours, or with a base that has one itself."""
    return [
        name
        for name, above in tree.items()
        if len(ours := [base for base in above if base in tree]) > 1
        or any(base in tree for each in ours for base in tree[each])
    ]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_part_touches_anothers_private_state(file: Path) -> None:
    assert foreign_private_state(file.read_text()) == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_file_is_long(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= MOST_LINES


def test_no_class_has_more_than_one_base_of_ours() -> None:
    assert deep(bases([file.read_text() for file in WORKFLOWS])) == []


def test_the_checks_see_what_is_planted() -> None:
    planted = "class A: ...\nclass B(A): ...\nclass C(B): ...\nclass D(A, B): ...\n"
    assert deep(bases([planted])) == ["C", "D"]
    assert foreign_private_state("self._hold._data = 1\nself._own = 2\nhold._state") == [
        "self._hold._data in line 1",
        "hold._state in line 3",
    ]
