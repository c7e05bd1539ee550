"""A composition root: the demo. Weeks of claims and years of cover, on a stack of their own, in a minute.

No room imports it. It knows the product from outside: everything it does and says goes through the HTTP API. The mails
are read where they are written, once none of a story's waits in the outbox. Each story says how it has to end; ``main``
answers 0 when all of them did.
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

from demo import pages
from demo.client import Client, NoAnswer, Refused
from demo.customer import differences
from demo.mailbox import Mailbox
from demo.pages import Played
from demo.stories import STORIES
from demo.story import AnyStory
from dev import Stack, scratch_settings
from preflight import StackError
from settings import Settings, SettingsError, describe
from store.database import Database

_AT_ONCE: Final = 4
"""So many stories are played side by side: more of them would only wait for each other."""
_PATIENCE_SECONDS: Final = 300.0
_FOLDER: Final = "aftercare-demo-"


def main(stories: Sequence[AnyStory] = STORIES) -> int:
    """Play `stories`; 0 when each ended as told, 1 when one did not, 128 and the signal's number when stopped.

    Raises:
        StackError: the stack cannot start, or this machine is far too busy.
        SettingsError: a variable of the surroundings is wrong.
    """
    return asyncio.run(_Demo(pages.console(), stories).run())


class _Demo:
    def __init__(self, console: Console, stories: Sequence[AnyStory]) -> None:
        self._console = console
        self._stories = stories
        self._board = pages.Board(len(stories))
        self._stopped_by = 0
        self._stack: Stack | None = None

    async def run(self) -> int:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stop, number, task)
        try:
            with _scratch_folder() as folder:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await self._on_a_stack(_settings(folder))
        except TimeoutError:
            sentence = f"The demo was not done after {_PATIENCE_SECONDS:.0f} s: this machine is very busy"
            raise StackError(f"{sentence}. Nothing is left behind") from None
        except asyncio.CancelledError:  # our own: it is how a signal leaves the `async with`
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
        began = clock()
        self._console.print("Starting Temporal, worker and API on free ports...")
        self._stack = Stack(settings, on_note=self._note)
        async with self._stack as stack:
            pages.show(self._console, pages.opening(self._stories, stack.ui_url))
            database = Database(settings.database_url)
            try:
                async with Client(stack.api_url) as client:
                    stories = await self._play_all(client, Mailbox(settings.mail_folder, database))
            except* NoAnswer as errors:
                raise StackError(_silence(stack, errors)) from None
            finally:
                await database.close()
            pages.show(self._console, pages.money_table(stories))
            pages.show(self._console, pages.closing(stories, clock() - began))
        return 0 if all(played.as_told for played in stories) else 1

    def _note(self, sentence: str) -> None:
        self._console.print(Text(f"! {sentence}", style="bold yellow"))

    async def _play_all(self, client: Client, mailbox: Mailbox) -> list[Played]:
        """Play some side by side and show each in its turn."""
        seats = asyncio.Semaphore(_AT_ONCE)

        async def take_a_seat(number: int, story: AnyStory) -> Played:
            async with seats:
                return await self._play(client, mailbox, number, story)

        with self._watched():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(take_a_seat(n, story)) for n, story in enumerate(self._stories, 1)]
                return [await self._shown(task) for task in tasks]

    def _watched(self) -> contextlib.AbstractContextManager[object]:
        if not self._console.is_terminal:
            return contextlib.nullcontext()
        return Live(self._board, console=self._console, transient=True, refresh_per_second=8)

    async def _shown(self, task: asyncio.Task[Played]) -> Played:
        played = await task
        pages.show(self._console, pages.chapter(played))
        return played

    async def _play(self, client: Client, mailbox: Mailbox, number: int, story: AnyStory) -> Played:
        report, wrong = None, []
        try:
            report = await story.play_on(client, mailbox, number, lambda step: self._board.step(number, story, step))
            wrong = differences(report.ending, story.told)
        except Refused as error:
            wrong = [str(error)]
        self._board.end(number)
        return Played(number, story, report, wrong)


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=_FOLDER)
    except OSError as error:
        raise StackError(f"The demo needs a folder for temporary files: {error.strerror}. TMPDIR names one") from error


def _silence(stack: Stack, errors: ExceptionGroup[NoAnswer]) -> str:
    """Why nothing more can be played: what was asked, and what the parts said last."""
    lines = [f"The stack does not answer, perhaps because this machine is very busy. {errors.exceptions[0]}"]
    lines += [f"  {part}: {line}" for part in ("worker", "api") for line in stack.tail(part)[-3:]]
    return "\n".join(lines)


def _settings(home: str) -> Settings:
    try:
        return scratch_settings(Path(home))
    except ValidationError as error:
        raise SettingsError(describe(error)) from None
