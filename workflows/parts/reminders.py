"""Workflows, a part: notices that go out by themselves at their time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from messages.mail import MailKind


@dataclass
class RemindersData:
    due: dict[MailKind, datetime] = field(default_factory=dict)


class Reminders:
    """Each kind is sent once; `data.due` are those still to come."""

    def __init__(self, data: RemindersData | None = None) -> None:
        self._data = data or RemindersData()

    @property
    def data(self) -> RemindersData:
        return self._data

    def set(self, due: Mapping[str, datetime]) -> None:
        """Send these, and no others; one whose time has passed already is left out."""
        self._data.due = {MailKind(kind): at for kind, at in due.items() if at > workflow.now()}

    def move(self, due: Mapping[str, datetime]) -> None:
        """Other times for those still to come. A kind that was sent is not sent again (R-NOT-1: once a claim)."""
        self._data.due = {kind: due.get(kind, at) for kind, at in self._data.due.items()}

    def clear(self) -> None:
        self._data.due = {}

    @property
    def next_at(self) -> datetime | None:
        return min(self._data.due.values(), default=None)

    @property
    def summary(self) -> str:
        """What the next timer is for."""
        kind = min(self._data.due, key=lambda kind: self._data.due[kind])
        return f"mail: {kind.replace('_', ' ')}"

    def take_latest(self) -> MailKind | None:
        """The latest whose time has come; what an outage has overtaken is not sent any more."""
        come = {kind: at for kind, at in self._data.due.items() if at < workflow.now()}
        self._data.due = {kind: at for kind, at in self._data.due.items() if kind not in come}
        return max(come, key=lambda kind: come[kind], default=None)
