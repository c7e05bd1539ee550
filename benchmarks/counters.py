"""Benchmarks: exact counts: events, bytes and transitions of a workflow, statements of this process."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine, event
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

_OUTBOX: Final = "outbox_mails"
_ONLY_POLLS: Final = "aftercare_only_polls"


@dataclass(frozen=True, slots=True)
class HistoryCost:
    """One execution's history. `kinds` counts its events by their names as Temporal gives them, without the prefix."""

    events: int
    history_bytes: int
    transitions: int
    kinds: Counter[str]


async def history_cost(client: Client, workflow_id: str) -> HistoryCost:
    """What the server keeps of the execution. Raises RPCError when there is none."""
    handle = client.get_workflow_handle(workflow_id)
    info = (await handle.describe()).raw_description.workflow_execution_info
    history = await handle.fetch_history()
    return HistoryCost(
        events=info.history_length,
        history_bytes=info.history_size_bytes,
        transitions=info.state_transition_count,
        kinds=Counter(EventType.Name(each.event_type).removeprefix("EVENT_TYPE_") for each in history.events),
    )


@dataclass
class Statements:
    """What was sent to a database. `texts` counts statements by their text.

    `polls`: the transactions that sent nothing but a poll of the outbox of mails.
    """

    transactions: int = 0
    polls: int = 0
    texts: Counter[str] = field(default_factory=Counter)

    @property
    def statements(self) -> int:
        return self.texts.total()

    def without_outbox_polls(self) -> "Statements":
        """All but the polls of the outbox of mails: they depend on the clock, not on the number of claims."""
        texts = {text: count for text, count in self.texts.items() if not _is_poll(text)}
        return Statements(self.transactions - self.polls, texts=Counter(texts))

    @property
    def selects(self) -> int:
        return sum(count for text, count in self.texts.items() if text.startswith("SELECT"))


@contextmanager
def on_statement(callback: Callable[[str, Any], None]) -> Iterator[None]:
    """Call `callback` with each statement and its values that this process sends to a database within the block."""

    def executed(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, _many: bool) -> None:
        callback(text, values)

    event.listen(Engine, "before_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", executed)


@contextmanager
def count_statements() -> Iterator[Statements]:
    """Count the statements that this process sends to its databases within the block, without BEGIN and COMMIT."""
    statements = Statements()

    def executed(connection: Any, _cursor: Any, text: str, _values: Any, _context: Any, _many: bool) -> None:
        if text.startswith(("BEGIN", "PRAGMA")):  # sent as statements on SQLite, by the driver on PostgreSQL
            return
        statements.texts[" ".join(text.split())] += 1
        if not _is_poll(text) and connection.info.pop(_ONLY_POLLS, False):
            statements.polls -= 1

    def begun(connection: Any) -> None:
        statements.transactions += 1
        statements.polls += 1
        connection.info[_ONLY_POLLS] = True

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "begin", begun)
    try:
        yield statements
    finally:
        event.remove(Engine, "begin", begun)
        event.remove(Engine, "before_cursor_execute", executed)


def _is_poll(text: str) -> bool:
    return text.startswith("SELECT") and _OUTBOX in text
