"""The demo as an end-to-end test: every scenario ends as expected, and nothing is left behind."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from demo.customer_steps import HOMES, address
from demo.scenario import ClaimScenario, CoverScenario, Scenario
from demo.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "cli", "demo"]
ESCAPE = "\x1b"
DATABASES = ("aftercare", "temporal")
STREETS = {line1 for line1, *_ in HOMES.values()}

OTHERWISE = """
import sys
from dataclasses import replace
from demo.runner import main
from demo.claim_steps import ClaimSteps
from demo.scenarios import SCENARIOS

async def ship_too_early(steps: ClaimSteps) -> None:
    await steps.claim_express("standard", "collision")
    await steps.ship_replacement()

cancelled = next(scenario for scenario in SCENARIOS if scenario.title == "Cancelled in time")
miscounted = replace(cancelled, expected=replace(cancelled.expected, paid="USD 1.00"))
sys.exit(main((miscounted, replace(cancelled, run=ship_too_early, title="Shipped unseen"))))
"""

KEEPING = """
import contextlib, shutil, sys
from demo import runner

@contextlib.contextmanager
def kept():
    with folder() as home:
        yield home
        shutil.copytree(home, sys.argv[1])

folder, runner._temporary_folder = runner._temporary_folder, kept
sys.exit(runner.main())
"""


def environment(scratch: Path) -> dict[str, str]:
    """The demo's variables: its folder is made in `scratch`, and what others set for their own stacks is in its way."""
    theirs = {"AFTERCARE_HOME": str(scratch / "untouched"), "AFTERCARE_API_PORT": "1", "AFTERCARE_PAYMENTS": "stripe"}
    theirs |= {"AFTERCARE_POLICY": '{"cure_days": 0}', "TEMPORAL_ADDRESS": "nowhere.invalid:1"}
    unseen = ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE")
    own = {name: value for name, value in os.environ.items() if name not in unseen}
    return own | theirs | {"TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}


def left_in(scratch: Path) -> list[str]:
    """Folders and running processes that still belong to a demo in `scratch`."""
    left = [str(found) for found in scratch.iterdir()]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command_line = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:  # ended meanwhile, or of another user
            continue
        if str(scratch).encode() in command_line:
            left.append(process.name)
    return left


def play(command: list[str], scratch: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, env=environment(scratch), capture_output=True, text=True, timeout=300, check=False
    )


def numbers(kind: type[Scenario]) -> list[int]:
    """Of the scenarios of that kind, as the demo counts."""
    return [number for number, scenario in enumerate(SCENARIOS, 1) if isinstance(scenario, kind)]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo's data folder as it was at the end."""
    return tmp_path_factory.mktemp("kept") / "home"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, kept: Path) -> "subprocess.CompletedProcess[str]":
    """The whole demo, once."""
    scratch = tmp_path_factory.mktemp("demo")
    completed = play([sys.executable, "-c", KEEPING, str(kept)], scratch)
    assert left_in(scratch) == []
    return completed


def test_temporal_stores_nothing_readable_of_a_customer(played: "subprocess.CompletedProcess[str]", kept: Path) -> None:
    """Names, addresses, e-mail addresses and card tokens are in the programme's database and nowhere in Temporal's."""
    ours, temporal = (b"".join(file.read_bytes() for file in kept.glob(f"{name}.db*")) for name in DATABASES)
    customers = {scenario.customer for scenario in SCENARIOS}
    planted = customers | {address(customer) for customer in customers} | STREETS | {"pm_card_"}
    assert {text for text in planted if text.encode() in ours} >= customers
    assert b"CareExpressPremium" in temporal
    assert {text for text in planted if text.encode() in temporal} == set()


def test_personal_data_is_in_the_columns_that_the_documents_list(
    played: "subprocess.CompletedProcess[str]", kept: Path
) -> None:
    customers = {scenario.customer for scenario in SCENARIOS}
    planted = customers | {address(customer) for customer in customers} | STREETS | {"pm_card_"}
    listed = set(re.findall(r"^\| `(\w+\.\w+)` \|", (ROOT / "docs/privacy.md").read_text(), re.MULTILINE))
    assert columns_with(planted, kept / "aftercare.db") == listed


def columns_with(planted: set[str], file: Path) -> set[str]:
    """The columns of a database in which any of the texts stands."""
    found = set()
    with contextlib.closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            names = [column[0] for column in rows.description]
            for row in rows:
                texts = {name: value for name, value in zip(names, row, strict=True) if isinstance(value, str)}
                found |= {f"{table}.{name}" for name, text in texts.items() if any(word in text for word in planted)}
    return found


def test_every_scenario_ends_as_expected(played: "subprocess.CompletedProcess[str]") -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    assert played.stderr == ""
    assert f"All {len(SCENARIOS)} scenarios ended as expected" in played.stdout
    assert "✗" not in played.stdout


@pytest.mark.parametrize("number", numbers(ClaimScenario))
def test_a_claim_is_shown_to_its_end(played: "subprocess.CompletedProcess[str]", number: int) -> None:
    scenario = SCENARIOS[number - 1]
    assert isinstance(scenario, ClaimScenario)
    section = sections(played.stdout)[number]
    for words in (scenario.given, scenario.then, f"Closed: {scenario.expected.outcome.replace('_', ' ')}."):
        assert words in section
    assert re.search(r"day +0 +\w{3} \d\d \w{3} +\d\d:\d\d:\d\d ", section)
    assert re.search(r"Workflow clm_\w+ ", section)
    mails = sum(int(kind.partition(" x")[2] or 1) for kind in scenario.expected.mails)
    assert f"{mails} mails sent." in section
    assert section.count("mail:") == mails


@pytest.mark.parametrize("number", numbers(CoverScenario))
def test_a_plan_is_shown_to_its_end(played: "subprocess.CompletedProcess[str]", number: int) -> None:
    scenario = SCENARIOS[number - 1]
    assert isinstance(scenario, CoverScenario)
    section = sections(played.stdout)[number]
    for words in (scenario.given, scenario.then):
        assert words in section
    for completed in scenario.expected.answers:
        if completed.startswith("refused"):
            assert f"Refused. {completed.removeprefix('refused ')}: " in section
    assert re.search(r"Workflow pln_\w+ ", section)
    assert section.count("mail:") == len(scenario.expected.mails)


@pytest.mark.parametrize("number", numbers(ClaimScenario))
def test_the_table_shows_the_money_of_every_claim(played: "subprocess.CompletedProcess[str]", number: int) -> None:
    scenario = SCENARIOS[number - 1]
    assert isinstance(scenario, ClaimScenario)
    expected = scenario.expected
    hold = "" if expected.hold == "none" else " ".join(expected.hold.split()[:2])
    _, table = played.stdout.split("The money")
    (row,) = (line for line in table.splitlines() if line.strip().startswith(f"{number} "))
    currency, _, fee = expected.fee.partition(" ")
    shown = (hold, expected.captured, expected.refunded, expected.paid, expected.owed)
    amounts = (fee, *(amount.removeprefix(currency) for amount in shown))
    assert (
        row.split()
        == " ".join((str(number), scenario.title, expected.outcome.replace("_", " "), currency, *amounts)).split()
    )


def test_a_refusal_for_a_debt_is_shown_after_the_debt(played: "subprocess.CompletedProcess[str]") -> None:
    number = next(number for number, each in enumerate(SCENARIOS, 1) if each.title == "Nothing to charge")
    section = sections(played.stdout)[number]
    assert section.index("is owed: the saved card declined") < section.index("makes another claim")


def test_redirected_output_is_plain_text(played: "subprocess.CompletedProcess[str]") -> None:
    assert ESCAPE not in played.stdout
    assert "\r" not in played.stdout
    assert all(line == line.rstrip() and len(line) <= 100 for line in played.stdout.splitlines())


def test_the_output_names_where_to_look(played: "subprocess.CompletedProcess[str]") -> None:
    assert re.search(r"Temporal shows them at http://127\.0\.0\.1:\d+\n", played.stdout)
    assert "`make dev` starts one that stays" in played.stdout


def test_an_unexpected_result_is_shown_and_is_code_one(tmp_path: Path) -> None:
    completed = play([sys.executable, "-c", OTHERWISE], tmp_path)
    assert completed.returncode == 1, completed.stdout + completed.stderr
    output = " ".join(completed.stdout.split())
    assert "paid: expected USD 1.00, found USD 0.00" in output
    assert re.search(r"POST /claims/clm_\w+/dispatch: 409 action_not_allowed: ", output)
    assert "Not as expected: 1 (Cancelled in time), 2 (Shipped unseen)." in output
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("moment", ["Starting Temporal", "While this runs"])
def test_a_stopped_demo_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    with subprocess.Popen(
        DEMO,
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if moment in line:
                    break
            process.send_signal(number)
            rest = process.stdout.read()
            assert process.wait(20) == 128 + number
        finally:
            process.kill()
    assert rest.endswith("Stopped before the end. Nothing is left behind.\n")
    assert "Traceback" not in rest
    assert left_in(tmp_path) == []


def test_a_missing_program_is_one_message(tmp_path: Path) -> None:
    completed = subprocess.run(
        DEMO,
        cwd=ROOT,
        env=environment(tmp_path) | {"AFTERCARE_TEMPORAL_CLI": "no-such-temporal"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert completed.returncode == 2
    assert completed.stderr == "AFTERCARE_TEMPORAL_CLI names no-such-temporal, which is not a program\n"
    assert left_in(tmp_path) == []


def sections(text: str) -> dict[int, str]:
    """The output of each scenario, by its number, without line breaks."""
    parts = re.split(r"(?m)^ ?(\d+)  (?=\S)", text.split("The money")[0])
    return {int(number): " ".join(line.split()) for number, line in zip(parts[1::2], parts[2::2], strict=True)}
