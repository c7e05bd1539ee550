"""Demo: the output before, during and after the scenarios, for a terminal or a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from demo.api_client import Json
from demo.claim_steps import ClaimReport
from demo.cover_steps import CoverReport
from demo.customer_steps import ZONES, LoggedRequest, money
from demo.scenario import CoverScenario, Scenario
from domain.kinds import Service

_WIDTH: Final = 100
_WITHOUT_DETAILS: Final = frozenset({"submitted", "dispatch_requested"})
"""Events whose details are not printed: the terms' version, the warehouse's reference."""


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The result of a scenario. `wrong` is empty when it ended as expected; no `report` when it broke off."""

    number: int
    scenario: Scenario
    report: ClaimReport | CoverReport | None
    wrong: list[str]

    @property
    def as_expected(self) -> bool:
        return not self.wrong


def console() -> Console:
    """A console for the terminal; for a file or a pipe one of fixed width without colours."""
    on_screen = Console(highlight=False)
    return on_screen if on_screen.is_terminal else Console(highlight=False, width=_WIDTH)


def show(on: Console, page: RenderableType) -> None:
    """Print `page`; outside a terminal without trailing spaces."""
    if on.is_terminal:
        on.print(page)
        return
    with on.capture() as captured:
        on.print(page)
    for line in captured.get().splitlines():
        on.out(line.rstrip(), highlight=False)
    on.file.flush()


def introduction(scenarios: Sequence[Scenario], ui_url: str) -> RenderableType:
    """The introduction: what is shown, and where to watch it."""
    cover = sum(isinstance(scenario, CoverScenario) for scenario in scenarios)
    return Text.assemble(
        "\nAftercare looks after a device-protection programme: plans are bought and renewed, damaged and lost devices "
        "replaced, repaired and maintained. A claim is a process of weeks that waits for parcels, people and "
        "deadlines, so each one is a Temporal workflow.\n\n",
        f"{len(scenarios) - cover} claims are run now, then {cover} scenarios of plans, through the HTTP API alone, on "
        "a stack of their own: the real Temporal server, a worker and the API. Each claim has its own clock, which is "
        "moved forward while it waits. Dates are those of the customer's region. A name like R-PUR-1 is a rule of the "
        "programme: docs/rules.md lists them.\n\n",
        f"While this runs, Temporal shows them at {ui_url}\n",
    )


class Progress:
    """The running scenarios with their current steps, for a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._ended = 0
        self._steps: dict[int, tuple[Scenario, str]] = {}
        self._spinner = Spinner("dots")

    def step(self, number: int, scenario: Scenario, what: str) -> None:
        self._steps[number] = (scenario, what)

    def end(self, number: int) -> None:
        self._steps.pop(number, None)
        self._ended += 1

    def __rich__(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        rows.add_row(self._spinner, f"{self._ended} of {self._total} scenarios have ended")
        for number, (scenario, what) in sorted(self._steps.copy().items()):
            rows.add_row("", Text.assemble(f"{number:>2}  ", (scenario.title, "bold"), (f"  {what}", "dim")))
        return rows


def scenario_section(result: ScenarioResult) -> RenderableType:
    """The output of one scenario."""
    scenario, report = result.scenario, result.report
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{result.number:>2}  {scenario.title}", "bold cyan"),
            (f"  {scenario.customer}, {scenario.model}, {ZONES[scenario.region]}", "dim"),
        ),
        _line("", "", scenario.given),
        "",
    ]
    match report:
        case ClaimReport():
            parts += [_timeline(scenario, report), "", *_claim_summary(report)]
        case CoverReport():
            parts += [
                _request_table(report),
                "",
                *(_line("", "", f"Workflow {name}", "dim") for name in report.workflows),
            ]
    if result.as_expected:
        parts.append(_line("✓", "bold green", scenario.then, "green"))
    else:
        parts.append(_line("✗", "bold red", "This is not the expected result:", "bold red"))
        parts += [_line("", "", wrong, "red") for wrong in result.wrong]
    return Group(*parts, "")


def _timeline(scenario: Scenario, report: ClaimReport) -> RenderableType:
    """The claim's events, logged requests and mails in order of time, in the region's time zone."""
    zone = ZoneInfo(ZONES[scenario.region])
    opened = _moment(report.claim["opened_at"])
    first = opened.astimezone(zone)
    requests = [(request.at.replace(microsecond=0), _logged_request(request)) for request in report.requests]
    # Lines of the same second are sorted: requests before the claim, its events, requests about them, mails.
    lines = [each for each in requests if each[0] <= opened]
    lines += [(_moment(event["at"]), _event(event)) for event in report.events]
    lines += [each for each in requests if each[0] > opened]
    lines += [(mail.at, Text.assemble(("mail: ", "dim"), (mail.subject, "italic"))) for mail in report.mails]
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="dim")
    rows.add_column()
    shown = None
    for at, what in sorted(lines, key=lambda line: line[0]):
        local = at.astimezone(zone)
        day = (local.date() - first.date()).days
        new = day != shown
        rows.add_row(f"day {day:>2}" if new else "", f"{local:%a %d %b}" if new else "", f"{local:%H:%M:%S}", what)
        shown = day
    return Padding(rows, (0, 0, 0, 4))


def _request_table(report: CoverReport) -> RenderableType:
    """The logged requests with their responses."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True, style="bold")
    rows.add_column()
    for request in report.requests:
        rows.add_row(request.request, request.response)
    return Padding(rows, (0, 0, 0, 4))


def _logged_request(request: LoggedRequest) -> Text:
    return Text.assemble((f"{request.request}: ", "bold"), request.response)


def _event(event: Json) -> Text:
    details = event["details"] if event["kind"] not in _WITHOUT_DETAILS else ""
    return Text.assemble(event["title"], (f"  {details}" if details else "", "dim"))


def _claim_summary(report: ClaimReport) -> Iterator[RenderableType]:
    claim, ending = report.claim, report.ending
    for reason in claim["reasons"]:
        yield _line("", "", f"{reason['rule']}: {reason['message']}")
    returning = claim["return"]
    if returning and claim["service"] == Service.CARE_EXPRESS:
        due = _moment(returning["due_at"]).astimezone(ZoneInfo(returning["time_zone"]))
        yield _line("", "", f"Due {due:%a %d %b %Y %H:%M:%S %Z}.")
    where = f", now on {claim['replacement_serial_number']}" if claim["replacement_serial_number"] else ""
    mails = f"{len(report.mails)} mails sent."
    yield _line("", "", f"{mails} Replacements left on the plan: {ending.left}{where}.")
    yield _line("", "", f"Workflow {claim['workflow_id']}", "dim")


def _line(mark: str, style: str, text: str, text_style: str = "") -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=3, justify="right")
    row.add_row(Text(mark, style=style), Text(text, style=text_style))
    return row


def money_table(results: Iterable[ScenarioResult]) -> RenderableType:
    """A table with every claim's amounts, from the claim and its ledger."""
    table = Table(title="The money", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.padding = (0, 1, 0, 0)
    table.add_column("", justify="right")
    table.add_column("scenario", no_wrap=True)
    table.add_column("outcome")
    table.add_column("")
    for name in ("fee", "hold", "captured", "refunded", "paid", "owed"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in results:
        report = result.report
        if isinstance(result.scenario, CoverScenario) or isinstance(report, CoverReport):
            continue
        number = Text(str(result.number), style="" if result.as_expected else "bold red")
        if report is None:
            table.add_row(number, result.scenario.title, Text("broke off", style="red"))
            continue
        ending, hold = report.ending, report.claim["hold"]
        held = money(hold["amount"]) if hold else ""
        amounts = (ending.fee, held, ending.captured, ending.refunded, ending.paid, ending.owed)
        outcome = (ending.outcome or ending.state).replace("_", " ")
        currency = report.claim["fee"]["currency"]
        table.add_row(
            number,
            result.scenario.title,
            outcome,
            currency,
            *(amount.removeprefix(currency).strip() for amount in amounts),
        )
    note = (
        "fee, hold, captured, owed: from the claim; refunded, paid: from its ledger. "
        "paid is what the customer has paid in the end, beside the plan."
    )
    return Group(table, Text(note, style="dim"))


def summary_of_all(results: list[ScenarioResult], seconds: float) -> RenderableType:
    """Where to look next, and whether all scenarios ended as expected."""
    unexpected = [result for result in results if not result.as_expected]
    verdict = Text(f"All {len(results)} scenarios ended as expected, in {seconds:.0f} s.", style="bold green")
    if unexpected:
        titles = ", ".join(f"{result.number} ({result.scenario.title})" for result in unexpected)
        verdict = Text(f"Not as expected: {titles}. See ✗ above for the differences.", style="bold red")
    return Group(
        "",
        Text("Where to look", style="bold"),
        Text(
            "This stack ends now and leaves nothing behind. `make dev` starts one that stays: Temporal's pages at "
            "http://127.0.0.1:8233, the API's reference at http://127.0.0.1:8000/docs. A claim's workflow has the "
            "claim's id, a purchase's the plan's. Its summary says what it is, its current details what it waits "
            "for, its history every step and timer. Lists that help, as queries under Workflows: "
            'ClaimState = "awaiting_return" · HoldState = "captured" · ClaimAttention IS NOT NULL. '
            "The daily renewal reminders stand under Schedules."
        ),
        "",
        verdict,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
