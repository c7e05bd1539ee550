"""Store, read side: counts for the metrics. Each is one grouped query over an index."""

from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kinds import Attention, ClaimState
from store.tables.claims import AttentionRow, ClaimRow


async def open_claims(session: AsyncSession) -> dict[ClaimState, int]:
    """Every state but closed with its number of claims, including zeros."""
    running = [state for state in ClaimState if state is not ClaimState.CLOSED]
    # An index serves IN with the states listed, but not a condition "not closed".
    counted = select(ClaimRow.state, func.count()).where(col(ClaimRow.state).in_([state.value for state in running]))
    found = dict((await session.exec(counted.group_by(ClaimRow.state))).all())
    return {state: found.get(state.value, 0) for state in running}


async def oldest_open_claims(session: AsyncSession) -> dict[ClaimState, datetime]:
    """For each state with open claims, when the oldest of them was opened."""
    running = [state.value for state in ClaimState if state is not ClaimState.CLOSED]
    oldest = select(ClaimRow.state, func.min(ClaimRow.opened_at)).where(col(ClaimRow.state).in_(running))
    found = (await session.exec(oldest.group_by(ClaimRow.state))).all()
    return {ClaimState(state): opened_at for state, opened_at in found}


async def attention_counts(session: AsyncSession) -> dict[Attention, int]:
    """Every attention code with the number of claims that have it, including zeros."""
    counted = select(AttentionRow.code, func.count()).group_by(AttentionRow.code)
    found = dict((await session.exec(counted)).all())
    return {code: found.get(code.value, 0) for code in Attention}
