"""Messages: the renewal reminders of R-NOT-1, a page of terms at a time."""

from abc import ABC, abstractmethod
from datetime import date, datetime

from temporalio import activity

from messages.base import Message


class RemindRegion(Message):
    """Remind the owners of a region's terms as of `as_of`, None for the scheduled day.

    A run that continues as new has its progress here: `after` is the last term it looked at, `sent` counts the
    reminders it sent.
    """

    region: str
    as_of: date | None = None
    after: str | None = None
    sent: int = 0
    looked_at: int = 0


class RemindPage(Message):
    """Look at up to `size` terms after `after` and send what is due on `as_of`; `at` is the moment it is sent.

    `as_of` None means the day on which `scheduled_at` falls in the region's zone.
    """

    region: str
    as_of: date | None
    scheduled_at: datetime
    at: datetime
    after: str | None
    size: int


class Reminder(Message):
    serial_number: str
    kind: str


class PageReminded(Message):
    """`next` is where to continue, None at the end. `sent` lists what this page sent, `looked_at` counts its terms."""

    as_of: date
    next: str | None
    looked_at: int
    sent: tuple[Reminder, ...]


class RegionReminded(Message):
    """The whole run. `reminders` lists what was sent, the first thousand."""

    as_of: date
    looked_at: int
    sent: int
    reminders: tuple[Reminder, ...] = ()


class Renewals(ABC):
    """Terms that end soon, and their owners. A reminder is sent once a term and kind, whatever is retried."""

    @activity.defn
    @abstractmethod
    async def remind_page(self, request: RemindPage) -> PageReminded: ...
