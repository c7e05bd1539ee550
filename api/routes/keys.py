"""API: API keys: made, listed, rotated, revoked. A token is in one response and is stored nowhere."""

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.audit import Subject, concerns
from api.auth import Admin
from api.idempotency import Key
from api.openapi import read_problems, write_problems
from api.problems import Code, Problem, invalid, not_found
from api.requests.keys import KeyBody, RotationBody
from api.responses.keys import KeyList, KeyView, NewKeyView
from api.routes.claims import Cursor
from api.services import ServicesDep
from store.api_keys import new_key_id

router = APIRouter(prefix="/keys", tags=["Keys"])


def _valid_key_id(key_id: str) -> str:
    if re.fullmatch(r"key_[a-z2-7]{16}", key_id) is None:
        raise not_found("such key")
    return key_id


KeyInPath = Annotated[
    str, Path(description="The key's id.", examples=["key_nb2wk3dpmf2gk4tt"]), AfterValidator(_valid_key_id)
]


class KeyQuery(BaseModel):
    """One page of the list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200)
    cursor: Cursor | None = None


@router.post("", status_code=201, summary="Make a key", responses=write_problems(Code.FORBIDDEN, Code.CONFLICT))
async def create_key(body: KeyBody, services: ServicesDep, caller: Admin, key: Key, request: Request) -> NewKeyView:
    """The only response with the token. A request that is repeated under its Idempotency-Key makes no second key and
    gets 409: rotate the key for another token, or revoke it."""
    request.state.final = False  # the response is not stored: it has the secret
    now = services.now()
    if body.expires_at is not None and body.expires_at <= now:
        raise invalid("expires_at", "lies in the past")
    key_id = new_key_id(key.value)
    concerns(request, Subject(other=key_id))
    made = await services.api_keys.create(key_id, body.request(), caller.actor, now)
    if made is None:
        detail = f"This request made {key_id} before; its token was shown once. Rotate the key for another token."
        raise Problem(Code.CONFLICT, detail)
    return NewKeyView.made(*made)


@router.get("", summary="List keys", responses=read_problems(Code.FORBIDDEN))
async def keys(services: ServicesDep, caller: Admin, query: Annotated[KeyQuery, Query()]) -> KeyList:
    """Newest first, the revoked and expired ones too. Keys of the environment are not among them."""
    page = await services.api_keys.page(query.limit, query.cursor)
    return KeyList(items=[KeyView.of(each) for each in page.items], next_cursor=page.next_cursor)


@router.post(
    "/{key_id}/rotation",
    status_code=201,
    summary="Give a key another secret",
    responses=write_problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.CONFLICT),
)
async def rotate_key(
    key_id: KeyInPath,
    services: ServicesDep,
    caller: Admin,
    key: Key,
    request: Request,
    body: RotationBody | None = None,
) -> NewKeyView:
    """The secret until now is valid for `overlap_hours` more. A repeated request gives another secret yet."""
    request.state.final = False
    overlap = timedelta(hours=(body or RotationBody()).overlap_hours)
    rotated = await services.api_keys.rotate(key_id, overlap, services.now())
    if rotated is not None:
        return NewKeyView.made(*rotated)
    if await services.api_keys.get(key_id) is None:
        raise not_found(f"key {key_id}")
    raise Problem(Code.CONFLICT, f"{key_id} was revoked or has expired: make another key.")


@router.post("/{key_id}/revocation", summary="Revoke a key", responses=write_problems(Code.FORBIDDEN, Code.NOT_FOUND))
async def revoke_key(key_id: KeyInPath, services: ServicesDep, caller: Admin, key: Key) -> KeyView:
    """For ever, with all its secrets. Every process of the API has noticed after five seconds."""
    revoked = await services.api_keys.revoke(key_id, caller.actor, services.now())
    if revoked is None:
        raise not_found(f"key {key_id}")
    return KeyView.of(revoked)
