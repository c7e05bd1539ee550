"""Messages: the base class of everything that is written into Temporal's history."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """Immutable. Unknown fields are ignored, so that a history written by a newer worker can still be read."""

    model_config = ConfigDict(frozen=True, extra="ignore")
