"""API: the timeline of a claim."""

from api.openapi_examples import with_example
from api.responses.base import Moment, Page, View
from domain.dates import in_local_time, local_text
from store.reads.queries import EventView as StoredEvent

_EVENT = {
    "id": 7,
    "at": "2026-11-23T15:20:00Z",
    "local_time": "2026-11-23 07:20:00 America/Los_Angeles",
    "kind": "dispatched",
    "title": "The replacement is on its way.",
    "details": "UPS 1Z999",
    "actor": "warehouse",
}


class EventView(View):
    """An event of the timeline. `id` increases; `kind` is for programs, `title` for people; `actor` is who did it.

    `local_time` is `at` as people in the device's region read it; title and details give days in that zone too.
    """

    model_config = with_example(_EVENT)

    id: int
    at: Moment
    local_time: str
    kind: str
    title: str
    details: str
    actor: str

    @classmethod
    def of(cls, event: StoredEvent, zone: str) -> "EventView":
        """`zone` is the claim's time zone."""
        return cls(
            id=event.id,
            at=event.at,
            local_time=local_text(event.at, zone),
            kind=event.kind,
            title=in_local_time(event.title, zone),
            details=in_local_time(event.details, zone),
            actor=event.actor,
        )


class EventList(Page[EventView]):
    model_config = with_example({"items": [_EVENT], "next_cursor": None})
