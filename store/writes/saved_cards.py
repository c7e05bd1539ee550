"""Store, write side: the gateway's customer and payment method for each card token."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from store.tables.saved_cards import SavedCardRow
from store.upsert import insert_once


async def saved_card(session: AsyncSession, subject: str, token: str) -> SavedCardRow | None:
    """The card of `token` in this claim or purchase; None when it has not been used there."""
    return await session.get(SavedCardRow, (subject, token))


async def save_card_once(session: AsyncSession, card: SavedCardRow) -> SavedCardRow:
    """Store `card`; returns the stored one, which a concurrent caller may have written first."""
    await insert_once(session, SavedCardRow, card.model_dump())
    return await session.get_one(SavedCardRow, (card.subject, card.token))


async def customers_of(session: AsyncSession, subject: str) -> tuple[str, ...]:
    """The gateway's customers of this claim or purchase, by which its payments can be found."""
    rows = select(SavedCardRow.customer).where(col(SavedCardRow.subject) == subject).distinct()
    return tuple(sorted((await session.exec(rows)).all()))
