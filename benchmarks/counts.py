"""Benchmarks: what of one process can be counted, the same every time: events, bytes, transitions, statements."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine, event
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

_OUTBOX: Final = "outbox_mails"


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
    """What a database was asked while it was watched. `texts` counts statements by their text."""

    transactions: int = 0
    texts: Counter[str] = field(default_factory=Counter)

    @property
    def statements(self) -> int:
        return self.texts.total()

    def without_looks(self) -> "Statements":
        """All but the looks into the outbox of mails: they go by the clock, whatever the number of claims."""
        texts = {
            text: asked for text, asked in self.texts.items() if not text.startswith("SELECT") or _OUTBOX not in text
        }
        return Statements(self.transactions, Counter(texts))

    @property
    def selects(self) -> int:
        return sum(asked for text, asked in self.texts.items() if text.startswith("SELECT"))


@contextmanager
def overheard(hear: Callable[[str, Any], None]) -> Iterator[None]:
    """Tell `hear` each statement, with its values, that this process sends to any database while the block lasts."""

    def executed(_connection: Any, _cursor: Any, text: str, values: Any, _context: Any, _many: bool) -> None:
        hear(text, values)

    event.listen(Engine, "before_cursor_execute", executed)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", executed)


@contextmanager
def watched() -> Iterator[Statements]:
    """Count what this process asks of all its databases while the block lasts. BEGIN and COMMIT are not counted."""
    seen = Statements()

    def executed(text: str, _values: Any) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):  # sent as statements on SQLite, by the driver on PostgreSQL
            seen.texts[" ".join(text.split())] += 1

    def begun(_connection: Any) -> None:
        seen.transactions += 1

    event.listen(Engine, "begin", begun)
    try:
        with overheard(executed):
            yield seen
    finally:
        event.remove(Engine, "begin", begun)
