"""Activities: responses of the simulated gateway, stored under their idempotency keys as JSON."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import bindparam, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.payments.gateway import Declined, GatewayRefused, KeyReused, Payment
from store.database import execute
from store.tables.simulated_gateway import GatewayResponseRow
from store.upsert import insert_once, table_of

PAYMENT: Final = TypeAdapter(Payment)

_RESPONSES = table_of(GatewayResponseRow)
_BY_KEY: Final = select(_RESPONSES).where(_RESPONSES.c.key == bindparam("of_key"))
_STORE: Final = update(_RESPONSES).where(_RESPONSES.c.key == bindparam("of_key"))


async def response_once(
    session: AsyncSession, key: str, parameters: tuple[object, ...], effect: Callable[[], Awaitable[Payment]]
) -> dict[str, Any]:
    """Run `effect` for the first request under `key`; every later one gets the stored response.

    Effect and response are in one transaction, so neither can exist without the other. Raises KeyReused for other
    parameters.
    """
    fingerprint = _fingerprint(parameters)
    # Whoever inserts the row acts; another request under the same key waits here for its commit.
    row = {"key": key, "fingerprint": fingerprint, "answer": {}}
    if await insert_once(session, GatewayResponseRow, row):
        response = await _response_of(effect)
        await execute(session, _STORE, {"of_key": key, "answer": response})
        return response
    stored = (await execute(session, _BY_KEY, {"of_key": key})).one()
    if stored.fingerprint != fingerprint:
        raise KeyReused(key)
    return dict(stored.answer)


def payment_from(response: dict[str, Any]) -> Payment:
    """The payment of a response. Raises its Declined or GatewayRefused."""
    if "declined" in response:
        raise Declined(response["declined"], response["retryable"])
    if "refused" in response:
        raise GatewayRefused(response["refused"])
    return PAYMENT.validate_python(response["payment"])


async def _response_of(effect: Callable[[], Awaitable[Payment]]) -> dict[str, Any]:
    try:
        return {"payment": PAYMENT.dump_python(await effect(), mode="json")}
    except Declined as declined:
        return {"declined": declined.code, "retryable": declined.retryable}
    except GatewayRefused as refused:
        return {"refused": refused.state}


def _fingerprint(parameters: tuple[object, ...]) -> str:
    return hashlib.sha256(json.dumps([str(each) for each in parameters]).encode()).hexdigest()
