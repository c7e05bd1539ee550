"""What a soak counts and finds, and how it is shown."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.payments.invariants import RULES

INVARIANTS: Final = [number for number, _ in RULES]
"""By number. The sixth is the first five with responses lost, the fifteenth all of them with webhooks sent again and in
any order: both happen to every claim of the soak."""

console = Console(width=100)


@dataclass
class Tally:
    """What was counted, and what was found wrong: `wrong` claim id -> sentences, `broken` by invariant.

    `turned_away`: the refusals of customers without a claim, for another reason than their card.
    """

    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    turned_away: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    broken: Counter[int] = field(default_factory=Counter)
    timelines: dict[str, list[str]] = field(default_factory=dict)
    """Of the claims that were found wrong."""


def show(tallies: dict[str, Tally]) -> None:
    table = Table("", *(policy.replace("_", " ") for policy in tallies), title="The money of many claims")
    for name in dict.fromkeys(name for tally in tallies.values() for name in tally.counts):
        table.add_row(name, *(str(tally.counts[name]) for tally in tallies.values()))
    table.add_section()
    for name in sorted({name for tally in tallies.values() for name in tally.outcomes}):
        table.add_row(name.replace("_", " "), *(str(tally.outcomes[name]) for tally in tallies.values()))
    table.add_section()
    for number in INVARIANTS:
        kept = (
            f"{tally.counts['claims'] - tally.broken[number]} of {tally.counts['claims']}" for tally in tallies.values()
        )
        table.add_row(f"invariant {number} holds", *kept)
    table.add_section()
    table.add_row("violations", *(str(sum(map(len, tally.wrong.values()))) for tally in tallies.values()))
    console.print(table)
    for tally in tallies.values():
        for claim_id, violated in tally.wrong.items():
            console.print(f"[bold red]{claim_id}[/] {'; '.join(violated)}", soft_wrap=True)
            console.print(", ".join(tally.timelines.get(claim_id, [])), soft_wrap=True)
        for refusal in tally.turned_away:
            console.print(f"[bold red]no claim[/] {refusal}", soft_wrap=True)
