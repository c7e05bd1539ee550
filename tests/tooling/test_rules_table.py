"""The check of the table of rules: a stale table, a rule without tests, an unknown rule."""

from pathlib import Path

import pytest

from tests.rules_table import RULES, TABLE, faults, main, named


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A small tree in which every rule is implemented and tested, with its table written."""
    for file in ("domain/rules.py", "tests/domain/test_rules.py"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text("\n".join(RULES), encoding="utf-8")
    assert main([], tmp_path) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("R-CLM-10", {"R-CLM-10"}),
        ("(R-CLM-1, R-CLM-9)", {"R-CLM-1", "R-CLM-9"}),
        ("R-REN-1..3 and on", {"R-REN-1", "R-REN-2", "R-REN-3"}),
        ("R-REN-1.", {"R-REN-1"}),
        ("R-REN, XR-REN-1, R-REN-x, GR-CLM-1", set()),
    ],
)
def test_rules_are_found_where_they_are_named(text: str, rules: set[str]) -> None:
    assert named(text) == rules


def test_a_fresh_table_passes(small_tree: Path) -> None:
    assert main(["--check"], small_tree) == 0
    assert (small_tree / TABLE).read_text(encoding="utf-8").count("\n| R-") == len(RULES)


def test_a_stale_table_is_reported(small_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (small_tree / "domain" / "more.py").write_text("R-CLM-1", encoding="utf-8")
    assert main(["--check"], small_tree) == 1
    assert capsys.readouterr().err.startswith("docs/rules.md is stale")
    (small_tree / TABLE).unlink()
    assert main(["--check"], small_tree) == 1


def test_a_rule_without_a_test_is_reported(small_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = small_tree / "tests" / "domain" / "test_rules.py"
    tests.write_text(tests.read_text(encoding="utf-8").replace("R-CLM-1\n", ""), encoding="utf-8")
    main([], small_tree)
    assert main(["--check"], small_tree) == 1
    assert capsys.readouterr().err == "R-CLM-1 has no test.\n"


def test_an_unknown_rule_is_reported() -> None:
    whole = {rule: ["domain/rules.py"] for rule in RULES}
    assert faults(whole, whole | {"R-XXX-1": ["tests/test_a.py"]}) == [
        "There is no rule R-XXX-1; it is named in tests/test_a.py."
    ]
    assert faults({rule: files for rule, files in whole.items() if rule != "R-CLM-1"}, whole) == [
        "R-CLM-1 is decided nowhere."
    ]
