"""Workflow part: notices that are sent at set times."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from temporalio import workflow

from messages.mail import MailKind


@dataclass
class RemindersData:
    due: dict[MailKind, datetime] = field(default_factory=dict)


class Reminders:
    """Each kind is sent once; `data.due` has those still to be sent."""

    def __init__(self, data: RemindersData | None = None) -> None:
        self._data = data or RemindersData()

    @property
    def data(self) -> RemindersData:
        return self._data

    def set(self, due: Mapping[str, datetime]) -> None:
        """Replace all reminders by `due`; one whose time has passed is left out."""
        self._data.due = {MailKind(kind): at for kind, at in due.items() if at > workflow.now()}

    def move(self, due: Mapping[str, datetime]) -> None:
        """Change the times of those still to be sent. A kind is sent once a claim (R-NOT-1)."""
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
        """Remove all that are due and return the latest; the others were overtaken by an outage and are not sent."""
        passed = {kind: at for kind, at in self._data.due.items() if at < workflow.now()}
        self._data.due = {kind: at for kind, at in self._data.due.items() if kind not in passed}
        return max(passed, key=lambda kind: passed[kind], default=None)
