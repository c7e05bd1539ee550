"""Activities: trouble a gateway makes on request, in development: answers lost, webhooks late, twice, in disorder.

What happens to whom is drawn from one seed, so the same requests in the same order meet the same trouble again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated, TypeVar

from pydantic import Field

ThingT = TypeVar("ThingT")


@dataclass(frozen=True, slots=True)
class Mischief:
    """How much of it: `lose_answers` and `repeat` are shares of 1; no webhook is held back beyond `delay_seconds`."""

    lose_answers: Annotated[float, Field(ge=0, lt=1)] = 0
    repeat: Annotated[float, Field(ge=0, le=1)] = 0
    shuffle: bool = False
    delay_seconds: Annotated[float, Field(ge=0, le=600)] = 0
    seed: int = 1

    def dice(self) -> Random:
        """What it is drawn from."""
        return Random(self.seed)  # noqa: S311  # trouble is no secret

    def loses(self, dice: Random) -> bool:
        """Whether an answer gets lost after the gateway has acted."""
        return dice.random() < self.lose_answers

    def journey(self, things: Sequence[ThingT], dice: Random) -> list[tuple[float, ThingT]]:
        """In which order `things` arrive, some of them twice, each with the seconds it takes from now on."""
        sent = [thing for thing in things for _ in range(1 + (dice.random() < self.repeat))]
        if self.shuffle:
            dice.shuffle(sent)
        late = [(dice.uniform(0, self.delay_seconds), thing) for thing in sent]
        return sorted(late, key=lambda taken: taken[0])
