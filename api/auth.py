"""API: authentication by bearer key and authorization by role. Only digests of keys are kept."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from api.problems import Code, Problem
from api.scopes import permits


class Role(StrEnum):
    CUSTOMER_SERVICE = "customer_service"
    WAREHOUSE = "warehouse"
    STAFF = "staff"
    FINANCE = "finance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request. `id` identifies the key: its id, or a short digest of a key of the environment.

    `name` is the key's owner, empty for a key of the environment. `scopes` narrow the role, None when nothing does.
    """

    role: Role
    id: str
    name: str = ""
    scopes: frozenset[str] | None = None

    @property
    def actor(self) -> str:
        """Who acts, as timelines and other records keep it: name and key, or the role alone."""
        return f"{self.name} ({self.id})" if self.name else self.role


class KeyLookup(Protocol):
    async def caller(self, token: str) -> Caller | None:
        """The caller whose key this is; None when it is none of ours, has expired or was revoked."""


class ApiKeys:
    """The keys of the environment. Raises ValueError for an unknown role, and for an empty key."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        if not all(keys):
            raise ValueError("an empty key would let everybody in")
        self._callers = [(digest_of(key), Caller(Role(role), digest_of(key).hex()[:12])) for key, role in keys.items()]

    async def caller(self, token: str) -> Caller | None:
        """Compares with every key, each in constant time."""
        digest = digest_of(token)
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def bearer_token(headers: Headers) -> str:
    """What stands behind `Bearer` in the Authorization header; empty without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def no_key() -> Problem:
    """401: no key came, or none of ours."""
    return Problem(Code.UNAUTHORIZED, "Send a valid key: Authorization: Bearer <key>.")


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class RequireRole(HTTPBearer):
    """A dependency that admits these roles, or every role when none is named. An admin may do everything.

    It is the OpenAPI security scheme as well: each further dependency would cost time in every request.
    """

    def __init__(self, *roles: Role) -> None:
        super().__init__(
            scheme_name="HTTPBearer",
            auto_error=False,
            description="A key of this installation; `dev` in development.",
        )
        self.roles = roles

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]
        return self.authorize(request)

    def authorize(self, request: Request) -> Caller:
        """The caller. Raises Problem without a valid key (401) or with one of another role or scope (403)."""
        caller: Caller | None = request.state.caller
        if caller is None:
            raise no_key()
        if self.roles and caller.role not in (*self.roles, Role.ADMIN):
            required = " or ".join(self.roles)
            raise Problem(Code.FORBIDDEN, f"This needs the role {required}; the key's role is {caller.role}.")
        if caller.scopes is not None and not permits(caller.scopes, request.method, request.url.path):
            raise Problem(Code.FORBIDDEN, f"The key's scopes do not cover this: {', '.join(sorted(caller.scopes))}.")
        return caller


AnyRole = Annotated[Caller, Security(RequireRole())]
DeviceReader = Annotated[Caller, Security(RequireRole(Role.CUSTOMER_SERVICE, Role.STAFF, Role.FINANCE))]
Warehouse = Annotated[Caller, Security(RequireRole(Role.WAREHOUSE))]
WarehouseOrStaff = Annotated[Caller, Security(RequireRole(Role.WAREHOUSE, Role.STAFF))]
Admin = Annotated[Caller, Security(RequireRole(Role.ADMIN))]
Staff = Annotated[Caller, Security(RequireRole(Role.STAFF))]
CustomerServiceOrStaff = Annotated[Caller, Security(RequireRole(Role.CUSTOMER_SERVICE, Role.STAFF))]
Finance = Annotated[Caller, Security(RequireRole(Role.FINANCE))]
FinanceOrStaff = Annotated[Caller, Security(RequireRole(Role.FINANCE, Role.STAFF))]
