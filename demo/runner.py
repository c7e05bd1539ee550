"""Demo: runs the scenarios on a stack of their own: weeks of claims and years of cover in a minute.

Everything goes through the HTTP API. Mails are read from the folder that they are written to, once none of a scenario's
mails is left in the outbox. ``main`` returns 0 when every scenario had its expected result.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from demo import output
from demo.api_client import ApiClient, ApiUnavailable, RequestRejected
from demo.customer_steps import differences
from demo.mailbox import Mailbox
from demo.output import ScenarioResult
from demo.scenario import Scenario
from demo.scenarios import SCENARIOS
from devstack.commands import scratch_settings
from devstack.preflight import StackError
from devstack.stack import Stack
from settings import Settings, SettingsError
from settings.problems import describe
from store.database import Database

_PARALLEL: Final = 4
"""How many scenarios run in parallel: more of them would only wait for each other."""
_TIMEOUT_SECONDS: Final = 300.0
_FOLDER_PREFIX: Final = "aftercare-demo-"


def main(scenarios: Sequence[Scenario] = SCENARIOS) -> int:
    """Run `scenarios`; 0 when each ended as expected, 1 when one did not, 128 and the signal's number when stopped.

    Raises:
        StackError: the stack cannot start, or this machine is far too busy.
        SettingsError: an environment variable is invalid.
    """
    return asyncio.run(_Demo(output.console(), scenarios).run())


class _Demo:
    def __init__(self, console: Console, scenarios: Sequence[Scenario]) -> None:
        self._console = console
        self._scenarios = scenarios
        self._progress = output.Progress(len(scenarios))
        self._stopped_by = 0
        self._stack: Stack | None = None

    async def run(self) -> int:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stop, number, task)
        try:
            with _temporary_folder() as folder:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    return await self._on_a_stack(_settings(folder))
        except TimeoutError:
            sentence = f"The demo was not done after {_TIMEOUT_SECONDS:.0f} s: this machine is very busy"
            raise StackError(f"{sentence}. Nothing is left behind") from None
        except asyncio.CancelledError:  # from `_stop`, which leaves the `async with` by it
            if not self._stopped_by:
                raise
            self._console.print("Stopped before the end. Nothing is left behind.")
            return 128 + self._stopped_by

    def _stop(self, number: int, task: asyncio.Task[int]) -> None:
        if not self._stopped_by:
            self._stopped_by = number
            task.cancel()
        elif self._stack is not None:
            self._stack.kill_all_now()

    async def _on_a_stack(self, settings: Settings) -> int:
        clock = asyncio.get_running_loop().time
        started = clock()
        self._console.print("Starting Temporal, worker and API on free ports...")
        self._stack = Stack(settings, on_note=self._note)
        async with self._stack as stack:
            output.show(self._console, output.introduction(self._scenarios, stack.ui_url))
            database = Database(settings.database_url)
            try:
                async with ApiClient(stack.api_url) as client:
                    scenarios = await self._run_all(client, Mailbox(settings.mail_folder, database))
            except* ApiUnavailable as errors:
                raise StackError(_unavailable_message(stack, errors)) from None
            finally:
                await database.close()
            output.show(self._console, output.money_table(scenarios))
            output.show(self._console, output.summary_of_all(scenarios, clock() - started))
        return 0 if all(result.as_expected for result in scenarios) else 1

    def _note(self, sentence: str) -> None:
        self._console.print(Text(f"! {sentence}", style="bold yellow"))

    async def _run_all(self, client: ApiClient, mailbox: Mailbox) -> list[ScenarioResult]:
        """Run some in parallel and show their results in order."""
        limit = asyncio.Semaphore(_PARALLEL)

        async def run_limited(number: int, scenario: Scenario) -> ScenarioResult:
            async with limit:
                return await self._run_scenario(client, mailbox, number, scenario)

        with self._live_progress():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(run_limited(n, scenario)) for n, scenario in enumerate(self._scenarios, 1)]
                return [await self._show_result(task) for task in tasks]

    def _live_progress(self) -> contextlib.AbstractContextManager[object]:
        if not self._console.is_terminal:
            return contextlib.nullcontext()
        return Live(self._progress, console=self._console, transient=True, refresh_per_second=8)

    async def _show_result(self, task: asyncio.Task[ScenarioResult]) -> ScenarioResult:
        result = await task
        output.show(self._console, output.scenario_section(result))
        return result

    async def _run_scenario(
        self, client: ApiClient, mailbox: Mailbox, number: int, scenario: Scenario
    ) -> ScenarioResult:
        report, wrong = None, []
        try:
            report = await scenario.run_on(
                client, mailbox, number, lambda step: self._progress.step(number, scenario, step)
            )
            wrong = differences(report.ending, scenario.expected)
        except RequestRejected as error:
            wrong = [str(error)]
        self._progress.end(number)
        return ScenarioResult(number, scenario, report, wrong)


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=_FOLDER_PREFIX)
    except OSError as error:
        raise StackError(f"The demo needs a folder for temporary files: {error.strerror}. TMPDIR names one") from error


def _unavailable_message(stack: Stack, errors: ExceptionGroup[ApiUnavailable]) -> str:
    """Why the demo cannot go on: the request, and the last lines of worker and API."""
    lines = [f"The stack does not answer, perhaps because this machine is very busy. {errors.exceptions[0]}"]
    lines += [f"  {part}: {line}" for part in ("worker", "api") for line in stack.tail(part)[-3:]]
    return "\n".join(lines)


def _settings(home: str) -> Settings:
    try:
        return scratch_settings(Path(home))
    except ValidationError as error:
        raise SettingsError(describe(error)) from None
