"""The views of Temporal's UI: links that need no import, the same queries in the documents and in the saved views."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from cli.app import app
from domain.kinds import ClaimState
from temporal_runtime.views import link, views

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def known() -> set[str]:
    return {INSTANT.sub("...", query) for _, query in views(NOW)}


def test_every_saved_view_is_one_of_the_commands() -> None:
    saved = json.loads((DOCS / "saved-views.json").read_text())["default"]
    assert {INSTANT.sub("...", view["query"]) for view in saved} <= known()


def test_every_view_of_the_documents_is_one_of_the_commands() -> None:
    table = (DOCS / "operations.md").read_text().partition("| view | query |")[2].partition("\n\n")[0]
    queries = re.findall(r"\| `(.+)` \|", table)
    assert len(queries) > 10
    assert {INSTANT.sub("...", query) for query in queries} <= known()


def test_each_state_has_a_view() -> None:
    assert {f'ClaimState = "{state}"' for state in ClaimState} <= known()


def test_the_instants_count_from_now() -> None:
    by_name = dict(views(NOW))
    assert "2026-11-24T10:00:00Z" in by_name["Due within a day"]
    assert "2026-10-29T10:00:00Z" in by_name["Old holds"]


def test_the_command_prints_a_link_for_each_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERCARE_HOME", str(tmp_path))
    monkeypatch.setenv("AFTERCARE_TEMPORAL_UI_URL", "https://temporal.example.com/")
    printed = CliRunner().invoke(app, ["temporal", "views"])
    assert printed.exit_code == 0, printed.output
    names = [line.split("\t")[0] for line in printed.output.splitlines()]
    assert names == [name for name, _ in views(NOW)]
    url = urlsplit(dict(line.split("\t") for line in printed.output.splitlines())["Needs attention"])
    assert (url.netloc, url.path) == ("temporal.example.com", "/namespaces/default/workflows")
    assert parse_qs(url.query) == {"query": ["ClaimAttention IS NOT NULL"]}
    assert link("http://ui", "n", "A = 'b'") == "http://ui/namespaces/n/workflows?query=A%20%3D%20%27b%27"
