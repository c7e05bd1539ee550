"""An earlier release and this one, each as its own processes on one Temporal server and one database.

`releases/0.2.0.tar.xz` is the code of release 0.2.0 as it was, kept here because a clone may be shallow. It was made by
`git archive 50861dc activities api cli devstack domain messages settings.py store temporal_runtime worker.py
workflows`, packed by `xz -9e`.
"""

import asyncio
import sys
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from devstack.environment import base_environment
from devstack.processes import ChildProcess

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
_COMMAND_SECONDS: Final = 60.0


class Release:
    """The code in `folder` with its environment variables. What its processes log is in `lines`."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.lines: list[str] = []
        self._environment = base_environment() | variables | {"PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"}
        self._folder = folder

    async def run(self, *words: str) -> str:
        """The output of `aftercare ...`, which must succeed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli", *words),
            cwd=self._folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_COMMAND_SECONDS):
            output = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"aftercare {' '.join(words)}: {output}"
        return output

    @asynccontextmanager
    async def process(self, *words: str, **variables: str) -> AsyncIterator[ChildProcess]:
        """`aftercare ...` during the block, stopped by SIGTERM."""
        child = ChildProcess(
            words[0],
            [sys.executable, "-P", "-m", "cli", *words, "--end-with-stdin"],
            self._environment | variables,
            on_line=self.lines.append,
            on_note=self.lines.append,
        )
        await child.start()
        try:
            yield child
        finally:
            await child.stop(10)


def unpacked(release: str, folder: Path) -> Path:
    """The folder with the code of `release`."""
    with tarfile.open(HERE / "releases" / f"{release}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder
