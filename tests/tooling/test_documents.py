"""The commands of README and the operations page run as they stand, against a stack of their own."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from cli.app import app
from devstack.commands import scratch_settings
from devstack.stack import Stack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CARRIER_SECRET = "secret"
"""The one of the how-to."""
SHOWN = re.compile(r'"(?:state|outcome|eligible|window_days|code|hold|fee)":(?:"[a-z_]+"|true|\d+)')
"""What of an answer in the README holds on every day."""


def blocks(text: str) -> list[str]:
    return re.findall(r"(?ms)^ *```\n(.*?)^ *```$", text)


def tour() -> tuple[str, list[str]]:
    """The commands of the tour as one script, and what their answers show."""
    text = README.partition("## A short tour")[2].partition("## Configuration")[0]
    lines: list[str] = []
    answers: list[str] = []
    for line in (line for block in blocks(text) for line in block.splitlines()):
        if line.startswith("$ "):
            lines.append(line[2:])
        elif "\n".join(lines).count("'") % 2:  # inside the body of a request
            lines.append(line)
        else:
            answers += SHOWN.findall(line)
    return "\n".join(lines), answers


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    settings = scratch_settings(tmp_path).model_copy(update={"webhook_secrets": {"carrier-demo": CARRIER_SECRET}})
    async with Stack(settings) as running:
        yield running


async def run(stack: Stack, script: str) -> str:
    """The output of `script` in a shell with the programs of this environment in its path."""
    variables = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(stack.settings.home),
        "PYTHONPATH": str(ROOT),
        "AFTERCARE_HOME": str(stack.settings.home),
        "TEMPORAL_ADDRESS": stack.temporal_address,
    }
    local = script.replace("http://127.0.0.1:8000", stack.api_url)
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", local, cwd=ROOT, env=variables,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, errors.decode() + output.decode()
    return output.decode()


@pytest.mark.server
async def test_the_tour_of_the_readme_runs_and_answers_as_shown(stack: Stack) -> None:
    script, shown = tour()
    assert script.count("api ") >= 7
    output = await run(stack, script)
    assert "urn:aftercare:problem" not in output
    assert len(shown) > 8
    assert [each for each in shown if each not in output] == []


@pytest.mark.server
async def test_the_how_to_of_webhooks_and_the_query_of_what_is_due_run(stack: Stack) -> None:
    script, _ = tour()
    claimed = script.partition("$C/arrival")[0].rpartition("api $B/dev")[0]
    webhook = next(block for block in blocks(OPERATIONS) if "Aftercare-Signature" in block)
    query = next(block for block in blocks(OPERATIONS) if "temporal views --queries" in block)
    claim_id = re.findall(r"clm_[a-z0-9]{16}", README)[0]
    output = await run(stack, f"{claimed}\n{webhook.replace('clm_...', claim_id)}\n{query}")
    assert '{"state":"delivered"}' in output


def test_every_command_of_the_documents_exists() -> None:
    root: object = typer.main.get_command(app)
    for page in PAGES:
        for words in re.findall(r"(?:`|^ *|\(|\$ )aftercare ((?:[a-z][a-z-]*(?: |(?=`)|$))+)", page.read_text(), re.M):
            found = root
            for word in words.split():
                commands = getattr(found, "commands", None)
                if commands is None:
                    break
                assert word in commands, (page.name, words)
                found = commands[word]


def test_every_option_of_the_documents_exists() -> None:
    used = re.findall(r"aftercare ((?:[a-z-]+ )+)[^`\n]*?(--[a-z-]+)", README + OPERATIONS)
    assert len(used) > 3
    for words, option in used:
        path = words.split()
        while path and (result := CliRunner().invoke(app, [*path, "--help"])).exit_code != 0:
            path.pop()
        assert option in result.output, (words, option)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_needs_a_gnu_program(page: Path) -> None:
    commands = "\n".join(blocks(page.read_text()))
    assert re.findall(r"date [^\n|)]*-d |sed [^\n|)]*\\t|grep -P|readlink -f", commands) == []
