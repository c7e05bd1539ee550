"""API: bodies about API keys."""

from typing import Annotated

from pydantic import Field

from api.auth import Role
from api.openapi_examples import with_example
from api.requests.base import WHOLE_NUMBER, Body, Instant, Line
from api.requests.text_form import TextForm
from api.scopes import SCOPES
from store.api_keys import KeyRequest

Scope = Annotated[
    str, TextForm(f"^(?:{'|'.join(sorted(SCOPES, reverse=True))})$", f"one of {', '.join(sorted(SCOPES))}")
]


class KeyBody(Body):
    """A new key. `owner` names the person or system that will use it; one key each, so that records name who acted."""

    model_config = with_example({"owner": "Depot Portland", "role": "warehouse", "expires_at": "2027-11-30T00:00:00Z"})

    owner: Line = Field(description="The person or system that will use the key, as records will name it.")
    role: Role = Field(description="What the key may do; docs/roles.md has the table.")
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=50)] | None = Field(
        None,
        description="Narrows the role: `claims` (everything below `/v1/claims`), `claims:read` (its GETs), `read` "
        "(every GET). Left out: whatever the role may do.",
    )
    expires_at: Instant | None = Field(
        None, description="When the key ends by itself: RFC 3339 in UTC, whole seconds; left out, never."
    )

    def request(self) -> KeyRequest:
        return KeyRequest(self.owner, self.role, self.scopes, self.expires_at)


class RotationBody(Body):
    """How long the secret until now stays valid beside the new one."""

    model_config = with_example({"overlap_hours": 24})

    overlap_hours: Annotated[int, Field(strict=True, ge=0, le=720), WHOLE_NUMBER] = Field(
        24, description="Whole hours in which both secrets are valid, 0 to 720."
    )
