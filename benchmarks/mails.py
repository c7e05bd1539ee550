"""Benchmarks: the end of a claim's mails, which are delivered beside it: the outbox is empty."""

import asyncio
from typing import Final

from sqlalchemy import Engine, func, select

from store.tables.metadata import METADATA

MAILS_PER_SECOND: Final = 100_000
"""The most there can be: what a mail server is spared in life is no limit here."""
_LOOK_SECONDS: Final = 0.02
_OUT_SECONDS: Final = 120.0


async def mails_out(engine: Engine) -> None:
    """Until every mail that was written is out. Raises TimeoutError, or AssertionError when one was given up."""
    table = METADATA.tables["outbox_mails"]
    query = select(func.count(), func.count(table.c.failed_at))
    async with asyncio.timeout(_OUT_SECONDS):
        while True:
            with engine.connect() as connection:
                there, given_up = connection.execute(query).one()
            if given_up:
                raise AssertionError(f"{given_up} mails were given up")
            if not there:
                return
            await asyncio.sleep(_LOOK_SECONDS)
