"""API: API keys. The secret is in the response to its making alone."""

from typing import Self

from pydantic import Field

from api.auth import Role
from api.openapi_examples import with_example
from api.responses.base import Moment, Page, View
from store.api_keys import ApiKey

_EXAMPLE = {
    "id": "key_nb2wk3dpmf2gk4tt",
    "owner": "Depot Portland",
    "role": "warehouse",
    "scopes": None,
    "created_at": "2026-11-30T09:00:00Z",
    "created_by": "admin",
    "expires_at": "2027-11-30T00:00:00Z",
    "last_used_at": None,
    "revoked_at": None,
    "revoked_by": None,
}


class KeyView(View):
    """A key without its secret."""

    model_config = with_example(_EXAMPLE)

    id: str
    owner: str = Field(description="The person or system that uses the key.")
    role: Role = Field(description="What the key may do.")
    scopes: tuple[str, ...] | None = Field(description="What narrows the role; null when nothing does.")
    created_at: Moment = Field(description="When the key was made: RFC 3339 in UTC, whole seconds.")
    created_by: str = Field(description="Who made it: name and key, a role, or `command line`.")
    expires_at: Moment | None = Field(
        description="When the key ends by itself: RFC 3339 in UTC, whole seconds; null for never."
    )
    last_used_at: Moment | None = Field(
        description="The last use, at most a minute behind: RFC 3339 in UTC, whole seconds; null before the first."
    )
    revoked_at: Moment | None = Field(description="When it was revoked: RFC 3339 in UTC, whole seconds; null if not.")
    revoked_by: str | None = Field(description="Who revoked it; null while it is not.")

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        return cls.model_validate(key)


class NewKeyView(KeyView):
    """A key with its token, which is shown this once."""

    model_config = with_example({**_EXAMPLE, "token": "key_nb2wk3dpmf2gk4tt.<43 characters>"})

    token: str = Field(description="What the caller sends as `Authorization: Bearer <token>`. It is stored nowhere.")

    @classmethod
    def made(cls, key: ApiKey, token: str) -> Self:
        return cls(**key.model_dump(), token=token)


class KeyList(Page[KeyView]):
    model_config = with_example({"items": [_EXAMPLE], "next_cursor": None})
