"""Workflow part: the update and signal handlers of a claim, registered by name for every claim workflow."""

from collections.abc import Awaitable, Callable

from temporalio import workflow

from domain.claim import Claim
from messages.claims import DECISIONS, SIGNALS, Decision, Event

UpdateHandler = Callable[[Decision], Awaitable[Claim]]
UpdateValidator = Callable[[Decision], None]
SignalHandler = Callable[[Event], None]


def register_handlers(handle: UpdateHandler, validate: UpdateValidator, receive: SignalHandler) -> None:
    """Register one update for each decision and one signal for each event, by their names."""
    for action, decision_type in DECISIONS.items():
        handler, validator = _update_functions(handle, validate)
        handler.__annotations__ = {"decision": decision_type, "return": Claim}
        validator.__annotations__ = {"decision": decision_type, "return": None}
        workflow.set_update_handler(action.value, handler, validator=validator)
    for name, event_type in SIGNALS.items():
        receiver = _signal_function(receive)
        receiver.__annotations__ = {"event": event_type, "return": None}
        workflow.set_signal_handler(name, receiver)


# The SDK decodes by a function's annotations, so each message type needs functions of its own.


def _update_functions(handle: UpdateHandler, validate: UpdateValidator) -> tuple[UpdateHandler, UpdateValidator]:
    async def handler(decision: Decision) -> Claim:
        return await handle(decision)

    def validator(decision: Decision) -> None:
        validate(decision)

    return handler, validator


def _signal_function(receive: SignalHandler) -> SignalHandler:
    def receiver(event: Event) -> None:
        receive(event)

    return receiver
