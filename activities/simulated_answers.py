"""Activities: answers of the simulated gateway as it remembers them under their keys, as JSON."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import TypeAdapter

from activities.gateway import Declined, Payment, Refused

PAYMENT: Final = TypeAdapter(Payment)


def fingerprint(asked: tuple[object, ...]) -> str:
    """A digest of what was asked."""
    return hashlib.sha256(json.dumps([str(part) for part in asked]).encode()).hexdigest()


async def answer_of(effect: Callable[[], Awaitable[Payment]]) -> dict[str, Any]:
    """What the effect led to: a payment, or one of two ways of saying no."""
    try:
        return {"payment": PAYMENT.dump_python(await effect(), mode="json")}
    except Declined as no:
        return {"declined": no.code, "retryable": no.retryable}
    except Refused as no:
        return {"refused": no.state}


def payment_from(answer: dict[str, Any]) -> Payment:
    """The remembered payment. Raises the remembered Declined or Refused."""
    if "declined" in answer:
        raise Declined(answer["declined"], answer["retryable"])
    if "refused" in answer:
        raise Refused(answer["refused"])
    return PAYMENT.validate_python(answer["payment"])
