"""Benchmarks: what a claim costs, each figure beside a baseline of the same run. `python -m benchmarks --help`."""

from typing import Annotated

import typer
from rich.console import Console

from benchmarks.report import Report

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
console = Console(width=140)

Postgres = Annotated[bool, typer.Option("--postgres", help="PostgreSQL instead of SQLite.")]


def _show(report: Report) -> None:
    report.show(console)
    console.print(f"Written to {report.write()}")


@app.callback()
def _one_of_several() -> None:
    """Keeps a single subcommand a subcommand."""


@app.command()
def floor(
    claims: Annotated[int, typer.Option(help="How many in each round.")] = 150,
    at_once: Annotated[int, typer.Option(help="How many of them are under way.")] = 24,
    rounds: Annotated[int, typer.Option(help="Of each of the two.")] = 3,
    alone: Annotated[int, typer.Option(help="How many one after another in each round.")] = 12,
    postgres: Postgres = False,
) -> None:
    """A Premium claim beside a bare workflow with the same waits, messages and outside effects."""
    from benchmarks.floor.benchmark import Sizes, measure

    _show(measure(Sizes(claims, at_once, rounds, alone), postgres=postgres))


@app.command()
def waiting(
    claims: Annotated[int, typer.Option(min=2, help="How many claims are open in the end.")] = 10_000,
    first: Annotated[int, typer.Option(min=1, help="How many are open for the baseline.")] = 1000,
    messages: Annotated[int, typer.Option(min=1, help="Messages of each kind to cached claims, and to any.")] = 200,
    cached: Annotated[int, typer.Option(min=1, help="How many claims the worker keeps in memory.")] = 1000,
    idle: Annotated[float, typer.Option(min=1, help="For how many seconds idle processes are watched.")] = 30,
    postgres: Postgres = False,
) -> None:
    """Many open claims on one worker: memory, idle CPU, latency of messages, restarts."""
    from benchmarks.waiting.benchmark import Size, measure

    _show(measure(Size(claims, first, messages, cached, idle), postgres))


@app.command()
def peer(
    claims: Annotated[int, typer.Option(help="How many claims each side is given, each time.")] = 40,
    at_once: Annotated[int, typer.Option(help="How many of them at once.")] = 24,
    rounds: Annotated[int, typer.Option(help="How often; the sides take turns, the last round kills workers.")] = 2,
) -> None:
    """The same claim on DBOS and on Temporal: claims a second, CPU, latency, and what a killed worker costs."""
    from benchmarks.peer import environment as peer_environment

    options = {"--claims": claims, "--at-once": at_once, "--rounds": rounds}
    raise typer.Exit(peer_environment.run([str(part) for pair in options.items() for part in pair], console))


@app.command()
def populate(
    claims: Annotated[int, typer.Option(help="How many, each with its device.")] = 100_000,
    sqlite: Annotated[str, typer.Option(help="A new file.")] = "",
    postgres: Annotated[str, typer.Option(help="The address of an empty database.")] = "",
) -> None:
    """Write a generated programme of stored claims into a new database."""
    from benchmarks.growth.programme import populate as write

    if bool(sqlite) == bool(postgres):
        raise typer.BadParameter("name one of --sqlite FILE and --postgres URL")
    console.print(write(postgres or f"sqlite:///{sqlite}", claims))


@app.command()
def api(
    claims: Annotated[int, typer.Option(help="How many are stored.")] = 10_000,
    clients: Annotated[int, typer.Option(help="How many concurrent clients.")] = 50,
    seconds: Annotated[float, typer.Option(help="A turn's.")] = 4.0,
    rounds: Annotated[int, typer.Option(help="Turns of each.")] = 3,
    postgres: Postgres = False,
) -> None:
    """Status page and claim under many clients, beside a FastAPI route that returns a constant."""
    from benchmarks.api.benchmark import measure

    _show(measure(claims, clients, seconds, rounds, postgres))


@app.command()
def growth(
    sizes: Annotated[str, typer.Option(help="Stored claims, of which the smallest is the baseline.")] = "1000,100000",
    repeats: Annotated[int, typer.Option(help="How often each query is run at each size.")] = 100,
    postgres: Postgres = False,
    stored: Annotated[
        list[str] | None,
        typer.Option(metavar="SIZE=ADDRESS", help="What `populate` wrote, once for each size, instead of new ones."),
    ] = None,
) -> None:
    """What a request costs the database, by how many claims and devices are stored."""
    from benchmarks.growth.benchmark import measure

    pairs = (place.partition("=") for place in stored or ())
    addresses = {int(size): address for size, _, address in pairs}
    _show(measure([int(size) for size in sizes.split(",")], repeats, postgres, console, addresses))


@app.command(name="all")
def everything() -> None:
    """A small size of each, one after another: five minutes on two cores, once the peer is installed."""
    floor(claims=60, rounds=2, alone=8)
    waiting(claims=240, first=60, messages=20, cached=60, idle=5)
    growth(sizes="1000,10000")
    api()
    peer(claims=20, at_once=12, rounds=1)


if __name__ == "__main__":
    app()
