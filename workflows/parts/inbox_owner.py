"""Workflow part: what the inbox of a claim calls of its workflow."""

from typing import Protocol

from messages.claims import Decision, Event


class InboxOwner(Protocol):
    """What the inbox calls of its workflow."""

    def accepts_during_step(self, decision: Decision) -> bool:
        """Whether `handle_during_step` can execute the decision while a step is in flight."""

    async def handle_during_step(self, message: Event | Decision) -> None:
        """Record an event, or execute a decision, while a step is in flight."""

    def history_is_long(self) -> bool:
        """Whether the next wait continues as new."""

    def release_handlers(self) -> None:
        """End every waiting handler that is not the inbox's."""

    def continue_as_new(self) -> None:
        """Raise the SDK's continue-as-new error."""
