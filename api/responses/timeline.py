"""API: the timeline of a claim."""

from api.openapi_examples import with_example
from api.responses.base import Moment, Page, View
from store.reads.queries import EventView as StoredEvent

_EVENT = {
    "id": 7,
    "at": "2026-11-23T15:20:00Z",
    "kind": "dispatched",
    "title": "The replacement is on its way.",
    "details": "UPS 1Z999",
    "actor": "warehouse",
}


class EventView(View):
    """An event of the timeline. `id` increases; `kind` is for programs, `title` for people; `actor` is who did it."""

    model_config = with_example(_EVENT)

    id: int
    at: Moment
    kind: str
    title: str
    details: str
    actor: str

    @classmethod
    def of(cls, event: StoredEvent) -> "EventView":
        return cls(
            id=event.id, at=event.at, kind=event.kind, title=event.title, details=event.details, actor=event.actor
        )


class EventList(Page[EventView]):
    model_config = with_example({"items": [_EVENT], "next_cursor": None})
