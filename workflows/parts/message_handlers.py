"""Workflows, a part: the update and signal handlers of a claim, registered by name for every process alike."""

from collections.abc import Awaitable, Callable

from temporalio import workflow

from domain.claim import Claim
from messages.claims import DECISIONS, SIGNALS, Decision, Event

Handle = Callable[[Decision], Awaitable[Claim]]
Validate = Callable[[Decision], None]
Receive = Callable[[Event], None]


def register_handlers(handle: Handle, validate: Validate, receive: Receive) -> None:
    """One update for each decision, one signal for each event; clients send them by these names."""
    for action, decision_type in DECISIONS.items():
        handler, validator = _of_update(handle, validate)
        handler.__annotations__ = {"decision": decision_type, "return": Claim}
        validator.__annotations__ = {"decision": decision_type, "return": None}
        workflow.set_update_handler(action.value, handler, validator=validator)
    for name, event_type in SIGNALS.items():
        receiver = _of_signal(receive)
        receiver.__annotations__ = {"event": event_type, "return": None}
        workflow.set_signal_handler(name, receiver)


# The SDK decodes by a function's annotations, so each message type has functions of its own.


def _of_update(handle: Handle, validate: Validate) -> tuple[Handle, Validate]:
    async def handler(decision: Decision) -> Claim:
        return await handle(decision)

    def validator(decision: Decision) -> None:
        validate(decision)

    return handler, validator


def _of_signal(receive: Receive) -> Receive:
    def receiver(event: Event) -> None:
        receive(event)

    return receiver
