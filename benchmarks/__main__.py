"""Benchmarks: what a claim costs, each figure beside a baseline of the same run. `python -m benchmarks --help`."""

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

if __name__ == "__main__":
    app()
