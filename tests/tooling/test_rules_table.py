"""The table of rules says so when it is stale or a rule has lost its tests."""

from pathlib import Path

import pytest

from tests.rules_table import RULES, TABLE, faults, main, named


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house in which every rule is decided and held, with its table written."""
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


def test_a_fresh_table_passes(house: Path) -> None:
    assert main(["--check"], house) == 0
    assert (house / TABLE).read_text(encoding="utf-8").count("\n| R-") == len(RULES)


def test_a_stale_table_is_said(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (house / "domain" / "more.py").write_text("R-CLM-1", encoding="utf-8")
    assert main(["--check"], house) == 1
    assert capsys.readouterr().err.startswith("docs/rules.md is stale")
    (house / TABLE).unlink()
    assert main(["--check"], house) == 1


def test_a_rule_without_a_test_is_said(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tests = house / "tests" / "domain" / "test_rules.py"
    tests.write_text(tests.read_text(encoding="utf-8").replace("R-CLM-1\n", ""), encoding="utf-8")
    main([], house)
    assert main(["--check"], house) == 1
    assert capsys.readouterr().err == "R-CLM-1 has no test.\n"


def test_a_rule_nobody_made_is_said() -> None:
    whole = {rule: ["domain/rules.py"] for rule in RULES}
    assert faults(whole, whole | {"R-XXX-1": ["tests/test_a.py"]}) == [
        "There is no rule R-XXX-1; it is named in tests/test_a.py."
    ]
    assert faults({rule: files for rule, files in whole.items() if rule != "R-CLM-1"}, whole) == [
        "R-CLM-1 is decided nowhere."
    ]
