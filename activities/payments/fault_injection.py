"""Activities: fault injection for the simulated gateway: lost responses; webhooks late, repeated, out of order.

Every fault is drawn from one seed, so the same requests in the same order meet the same faults again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, TypeVar

from pydantic import Field

EventT = TypeVar("EventT")


@dataclass(frozen=True, slots=True)
class FaultInjection:
    """`lose_answers` and `repeat` are probabilities; `delay_seconds` is the longest delay of a webhook.

    While the file `silent_file` exists, no request reaches the gateway.
    """

    lose_answers: Annotated[float, Field(ge=0, lt=1)] = 0
    repeat: Annotated[float, Field(ge=0, le=1)] = 0
    shuffle: bool = False
    delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    seed: int = 1
    silent_file: str = ""

    def random(self) -> Random:
        """The generator that the faults are drawn from."""
        return Random(self.seed)  # noqa: S311  # faults are no secret

    def loses_response(self, random: Random) -> bool:
        """Whether a response is lost after the request took effect."""
        return random.random() < self.lose_answers

    def is_silent(self) -> bool:
        """Whether the gateway gets no request now."""
        return bool(self.silent_file) and Path(self.silent_file).exists()

    def schedule(self, events: Sequence[EventT], random: Random) -> list[tuple[float, EventT]]:
        """The deliveries of `events` in order, some repeated, each with its delay in seconds from now."""
        sent = [event for event in events for _ in range(1 + (random.random() < self.repeat))]
        if self.shuffle:
            random.shuffle(sent)
        delayed = [(random.uniform(0, self.delay_seconds), event) for event in sent]
        return sorted(delayed, key=lambda each: each[0])
