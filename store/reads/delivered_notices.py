"""Store, read side: which notices of a claim were delivered."""

from typing import Final

from sqlalchemy import bindparam, select

from store.database import Database
from store.tables.mails import MailRow
from store.upsert import table_of

_SENT: Final = table_of(MailRow)
_SELECT_KINDS: Final = select(_SENT.c.kind).distinct().where(_SENT.c.claim_id == bindparam("claim_id"))


async def delivered_kinds(database: Database, claim_id: str) -> tuple[str, ...]:
    """The kinds of the claim's mails that the mail server has accepted, in alphabetical order."""
    return tuple(sorted(row.kind for row in await database.fetch(_SELECT_KINDS, {"claim_id": claim_id})))
