"""Benchmarks: wait until all mails are delivered, which another workflow does."""

import asyncio
from typing import Final

from sqlalchemy import Engine, func, select

from store.tables.metadata import METADATA

MAILS_PER_SECOND: Final = 100_000
"""AFTERCARE_MAIL_PER_SECOND so high that it limits nothing here."""
_POLL_SECONDS: Final = 0.02
_TIMEOUT_SECONDS: Final = 120.0


async def wait_for_delivery(engine: Engine) -> None:
    """Return when the outbox is empty. Raises TimeoutError, or AssertionError when a mail has failed for good."""
    table = METADATA.tables["outbox_mails"]
    query = select(func.count(), func.count(table.c.failed_at))
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        while True:
            with engine.connect() as connection:
                there, failed = connection.execute(query).one()
            if failed:
                raise AssertionError(f"{failed} mails have failed")
            if not there:
                return
            await asyncio.sleep(_POLL_SECONDS)
