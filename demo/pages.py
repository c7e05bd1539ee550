"""How the demo looks: what it prints before, while and after its stories, on a screen as well as into a file."""

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

from demo.case import Report
from demo.client import Answer
from demo.cover import CoverReport
from demo.customer import ZONES, Said, money
from demo.story import AnyStory, CoverStory
from domain.kinds import Service

_WIDTH: Final = 100
_QUIET: Final = frozenset({"submitted", "dispatch_requested"})
"""Events whose details are for programs: the terms' version, the warehouse's own reference."""


@dataclass(frozen=True, slots=True)
class Played:
    """A story that was played. `wrong` is empty when it ended as told; no `report` when it broke off."""

    number: int
    story: AnyStory
    report: Report | CoverReport | None
    wrong: list[str]

    @property
    def as_told(self) -> bool:
        return not self.wrong


def console() -> Console:
    """The terminal; or, where the output goes into a file or another program, lines of one width and no colours."""
    on_screen = Console(highlight=False)
    return on_screen if on_screen.is_terminal else Console(highlight=False, width=_WIDTH)


def show(on: Console, page: RenderableType) -> None:
    """Print `page`; outside a screen without the spaces that fill its lines."""
    if on.is_terminal:
        on.print(page)
        return
    with on.capture() as captured:
        on.print(page)
    for line in captured.get().splitlines():
        on.out(line.rstrip(), highlight=False)
    on.file.flush()


def opening(stories: Sequence[AnyStory], ui_url: str) -> RenderableType:
    """What the reader is about to see."""
    cover = sum(isinstance(story, CoverStory) for story in stories)
    return Text.assemble(
        "\nAftercare looks after a device-protection programme: plans are bought and renewed, damaged and lost devices "
        "replaced, repaired and maintained. A claim is a process of weeks that waits for parcels, people and "
        "deadlines, so each one is a Temporal workflow.\n\n",
        f"{len(stories) - cover} claims are played now, then {cover} stories of plans, through the HTTP API alone, on "
        "a stack of their own: the real Temporal server, a worker and the API. Each claim has its own clock, which is "
        "moved forward while it waits. Dates in the left-hand columns are those of the customer's region; the "
        "workflows' own words speak UTC. A name like R-PUR-1 is a rule of the programme: docs/rules.md lists them.\n\n",
        f"While this runs, Temporal shows them at {ui_url}\n",
    )


class Board:
    """Which stories are being played, and what happens in them right now; for a screen."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._ended = 0
        self._steps: dict[int, tuple[AnyStory, str]] = {}
        self._spinner = Spinner("dots")

    def step(self, number: int, story: AnyStory, what: str) -> None:
        self._steps[number] = (story, what)

    def end(self, number: int) -> None:
        self._steps.pop(number, None)
        self._ended += 1

    def __rich__(self) -> RenderableType:
        rows = Table.grid(padding=(0, 1))
        rows.add_row(self._spinner, f"{self._ended} of {self._total} stories have ended")
        for number, (story, what) in sorted(self._steps.copy().items()):
            rows.add_row("", Text.assemble(f"{number:>2}  ", (story.title, "bold"), (f"  {what}", "dim")))
        return rows


def chapter(played: Played) -> RenderableType:
    """One story from beginning to end."""
    story, report = played.story, played.report
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{played.number:>2}  {story.title}", "bold cyan"),
            (f"  {story.customer}, {story.model}, {ZONES[story.region]}", "dim"),
        ),
        _line("", "", story.plot),
        "",
    ]
    match report:
        case Report():
            parts += [_timeline(story, report), "", *_afterwards(report)]
        case CoverReport():
            parts += [_dialogue(report), "", *(_line("", "", f"Workflow {name}", "dim") for name in report.workflows)]
    if played.as_told:
        parts.append(_line("✓", "bold green", story.moral, "green"))
    else:
        parts.append(_line("✗", "bold red", "This is not how the story was told:", "bold red"))
        parts += [_line("", "", wrong, "red") for wrong in played.wrong]
    return Group(*parts, "")


def _timeline(story: AnyStory, report: Report) -> RenderableType:
    """What the claim says happened, and between it the mails, in the region's days."""
    zone = ZoneInfo(ZONES[story.region])
    opened = _moment(report.claim["opened_at"])
    first = opened.astimezone(zone)
    asked = [(said.at.replace(microsecond=0), _said(said)) for said in report.said]
    # What is told in the same second stays in this order: asked before the claim, its events, asked about them, mails.
    told = [each for each in asked if each[0] <= opened]
    told += [(_moment(event["at"]), _event(event)) for event in report.events]
    told += [each for each in asked if each[0] > opened]
    told += [(mail.at, Text.assemble(("mail: ", "dim"), (mail.subject, "italic"))) for mail in report.mails]
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, style="dim")
    rows.add_column()
    shown = None
    for at, what in sorted(told, key=lambda line: line[0]):
        local = at.astimezone(zone)
        day = (local.date() - first.date()).days
        new = day != shown
        rows.add_row(f"day {day:>2}" if new else "", f"{local:%a %d %b}" if new else "", f"{local:%H:%M:%S}", what)
        shown = day
    return Padding(rows, (0, 0, 0, 4))


def _dialogue(report: CoverReport) -> RenderableType:
    """What was asked, and the answers."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True, style="bold")
    rows.add_column()
    for said in report.said:
        rows.add_row(said.asked, said.answer)
    return Padding(rows, (0, 0, 0, 4))


def _said(said: Said) -> Text:
    return Text.assemble((f"{said.asked}: ", "bold"), said.answer)


def _event(event: Answer) -> Text:
    details = event["details"] if event["kind"] not in _QUIET else ""
    return Text.assemble(event["title"], (f"  {details}" if details else "", "dim"))


def _afterwards(report: Report) -> Iterator[RenderableType]:
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


def money_table(stories: Iterable[Played]) -> RenderableType:
    """Every claim's money, as the claim and its ledger have it."""
    table = Table(title="The money", title_justify="left", title_style="bold", box=None, padding=(0, 1), pad_edge=False)
    table.add_column("", justify="right")
    table.add_column("story", no_wrap=True)
    table.add_column("outcome")
    table.add_column("")
    for name in ("fee", "hold", "captured", "refunded", "paid"):
        table.add_column(name, justify="right", no_wrap=True)
    for played in stories:
        report = played.report
        if isinstance(played.story, CoverStory) or isinstance(report, CoverReport):
            continue
        number = Text(str(played.number), style="" if played.as_told else "bold red")
        if report is None:
            table.add_row(number, played.story.title, Text("broke off", style="red"))
            continue
        ending, hold = report.ending, report.claim["hold"]
        amounts = (ending.fee, money(hold["amount"]) if hold else "", ending.captured, ending.refunded, ending.paid)
        outcome = (ending.outcome or ending.state).replace("_", " ")
        currency = report.claim["fee"]["currency"]
        table.add_row(
            number,
            played.story.title,
            outcome,
            currency,
            *(amount.removeprefix(currency).strip() for amount in amounts),
        )
    note = (
        "fee, hold, captured: from the claim; refunded, paid: from its ledger. "
        "paid is what the customer has paid in the end, beside the plan."
    )
    return Group(table, Text(note, style="dim"))


def closing(stories: list[Played], seconds: float) -> RenderableType:
    """Whether all went as told, and where to go on."""
    wrong = [played for played in stories if not played.as_told]
    result = Text(f"All {len(stories)} stories ended as told, in {seconds:.0f} s.", style="bold green")
    if wrong:
        titles = ", ".join(f"{played.number} ({played.story.title})" for played in wrong)
        result = Text(f"Not as told: {titles}. See ✗ above for what was told and what was found.", style="bold red")
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
        result,
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
