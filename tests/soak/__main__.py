"""`python -m tests.soak --help`: the soak as a command. Ends with 1 when an invariant of the money does not hold."""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from demo.api_client import Json
from tests.soak.installation import soak
from tests.soak.tally import INVARIANTS, console, show

RESULTS: Final = Path(".aftercare") / "benchmarks"

app = typer.Typer(add_completion=False)


@app.command()
def main(
    claims: Annotated[int, typer.Option(min=3, help="Claims in all, a third under each policy.")] = 1000,
    kills: Annotated[int, typer.Option(min=0, help="How often the worker is killed under each policy.")] = 10,
    troubles: Annotated[
        int,
        typer.Option(
            min=0, help="So many holds captured by hand, workflows reset and gateway outages under each policy."
        ),
    ] = 3,
    seed: Annotated[int, typer.Option(help="The same seed, the same people.")] = 1,
    lost: Annotated[
        float, typer.Option(min=0, max=0.9, help="The share of the gateway's answers that get lost.")
    ] = 0.2,
    at_once: Annotated[int, typer.Option(min=1, help="Claims that are driven side by side.")] = 24,
    postgres: Annotated[bool, typer.Option("--postgres", help="PostgreSQL instead of SQLite.")] = False,
) -> None:
    """Live many Premium claims at random on the real parts and hold their money against the invariants."""
    began = time.monotonic()
    tallies = asyncio.run(soak(claims, kills, seed, lost, at_once, postgres, troubles))
    show(tallies)
    seconds = time.monotonic() - began
    console.print(f"{claims} claims, {lost:.0%} of the gateway's answers lost, in {seconds / 60:.1f} min.")
    RESULTS.mkdir(parents=True, exist_ok=True)
    found: Json = {
        policy: {
            "counts": tally.counts,
            "checked": dict.fromkeys(INVARIANTS, tally.counts["claims"]),
            "broken": tally.broken,
            "outcomes": tally.outcomes,
            "wrong": tally.wrong,
            "turned_away": tally.turned_away,
        }
        for policy, tally in tallies.items()
    }
    options = {"claims": claims, "kills": kills, "seed": seed, "lost": lost, "seconds": round(seconds)}
    engine = {"engine": "PostgreSQL" if postgres else "SQLite"}
    (RESULTS / "soak.json").write_text(json.dumps(engine | options | {"policies": found}, indent=2))
    if any(tally.wrong or tally.turned_away for tally in tallies.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
