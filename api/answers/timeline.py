"""API: what happened to a claim, line by line."""

from api.answers.base import Moment, Page, View
from api.examples import shows
from store.views import EventView as StoredEvent

_EVENT = {
    "id": 7,
    "at": "2026-11-23T15:20:00Z",
    "kind": "dispatched",
    "title": "The replacement is on its way.",
    "details": "UPS 1Z999",
    "actor": "warehouse",
}


class EventView(View):
    """A line of the timeline. `id` rises; `kind` is for programs, `title` for people; `actor` is who did it."""

    model_config = shows(_EVENT)

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
    model_config = shows({"items": [_EVENT], "next_cursor": None})
