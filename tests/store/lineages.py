"""Rows of lineages to write and read in the tests of the database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert
from sqlmodel import select

from store.database import Database
from store.tables.devices import LineageRow
from store.upsert import table_of

NOW = datetime(2025, 11, 3, 17, 30, 12, 345678, tzinfo=UTC)
LINEAGES = table_of(LineageRow)
INSERT_LINEAGE = insert(LINEAGES)


def lineage(lineage_id: str, created_at: datetime = NOW) -> LineageRow:
    return LineageRow(id=lineage_id, owner_name="Ada", owner_email="ada@example.com", created_at=created_at)


def lineage_values(lineage_id: str) -> dict[str, Any]:
    return {"id": lineage_id, "owner_name": "Ada", "owner_email": "ada@example.com", "created_at": NOW}


async def lineage_ids(database: Database) -> list[str]:
    return sorted(lineage_id for (lineage_id,) in await database.fetch(select(LINEAGES.c.id)))
