"""Store, write side: which of the gateway's customers and cards stand behind the tokens that customers give us."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.once import insert_once
from store.payment_tables import SavedCardRow


async def saved_card(session: AsyncSession, subject: str, token: str) -> SavedCardRow | None:
    """What `token` stands for in this claim or purchase; None when it has not been used there."""
    return await session.get(SavedCardRow, (subject, token))


async def save_card_once(session: AsyncSession, card: SavedCardRow) -> SavedCardRow:
    """Keep `card`, or answer what somebody else has kept for its token meanwhile."""
    await insert_once(session, SavedCardRow, card.model_dump())
    return await session.get_one(SavedCardRow, (card.subject, card.token))


async def customers_of(session: AsyncSession, subject: str) -> tuple[str, ...]:
    """The gateway's customers that payments of this claim or purchase can be found under."""
    rows = select(SavedCardRow.customer).where(col(SavedCardRow.subject) == subject).distinct()
    return tuple(sorted((await session.exec(rows)).all()))
