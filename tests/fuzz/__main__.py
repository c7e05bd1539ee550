"""`python -m tests.fuzz --help`: Schemathesis against the local stack. Ends with 1 when it finds a failure."""

import asyncio
import random
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from devstack.commands import scratch_settings
from tests.fuzz.runs import Fuzzed, cases, run
from tests.system.test_crashes import running

app = typer.Typer(add_completion=False)


@app.command()
def main(
    examples: Annotated[int, typer.Option(min=1, help="Random requests for each operation, at most.")] = 100,
    seed: Annotated[int | None, typer.Option(help="The same seed, the same requests; random without one.")] = None,
) -> None:
    """Send requests that the OpenAPI document allows, and others, to the local stack, and judge the responses."""
    chosen = random.randrange(1 << 31) if seed is None else seed  # noqa: S311
    fuzzed = asyncio.run(fuzz(["--phases", "examples,coverage,fuzzing", f"-n{examples}", "--seed", str(chosen)]))
    typer.echo(fuzzed.output)
    if fuzzed.failures:
        raise typer.Exit(1)


async def fuzz(options: list[str]) -> Fuzzed:
    with tempfile.TemporaryDirectory(prefix="aftercare-fuzz-") as folder:
        settings = scratch_settings(Path(folder) / "home")
        async with running(settings) as (stack, claims_api):
            names = await cases(claims_api)
            return await run(f"{stack.api_url}/openapi.json", names, Path(folder), settings.senders(), options)


if __name__ == "__main__":
    app()
