"""API: authentication by bearer key and authorization by role. Only digests of keys are kept."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from api.problems import Code, Problem


class Role(StrEnum):
    CUSTOMER_SERVICE = "customer_service"
    WAREHOUSE = "warehouse"
    STAFF = "staff"
    FINANCE = "finance"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request. `owner` is a short digest that identifies the key."""

    role: Role
    owner: str


class ApiKeys:
    """The keys of this installation. Raises ValueError for an unknown role."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._callers = [(_digest(key), Caller(Role(role), _digest(key).hex()[:12])) for key, role in keys.items()]

    def caller(self, headers: Headers) -> Caller | None:
        """The caller of the key in the Authorization header. Compares with every key, each in constant time."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        digest = _digest(token.strip())
        found = None
        for known, caller in self._callers:
            if hmac.compare_digest(known, digest):
                found = caller
        return found if scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
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
        self._roles = roles

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]
        return self.authorize(request)

    def authorize(self, request: Request) -> Caller:
        """The caller. Raises Problem without a valid key (401) or with one of another role (403)."""
        keys: ApiKeys = request.app.state.keys
        caller = keys.caller(request.headers)
        if caller is None:
            raise Problem(Code.UNAUTHORIZED, "Send a valid key: Authorization: Bearer <key>.")
        if self._roles and caller.role not in (*self._roles, Role.ADMIN):
            required = " or ".join(self._roles)
            raise Problem(Code.FORBIDDEN, f"This needs the role {required}; the key's role is {caller.role}.")
        return caller


AnyRole = Annotated[Caller, Security(RequireRole())]
Warehouse = Annotated[Caller, Security(RequireRole(Role.WAREHOUSE))]
WarehouseOrStaff = Annotated[Caller, Security(RequireRole(Role.WAREHOUSE, Role.STAFF))]
Staff = Annotated[Caller, Security(RequireRole(Role.STAFF))]
CustomerServiceOrStaff = Annotated[Caller, Security(RequireRole(Role.CUSTOMER_SERVICE, Role.STAFF))]
Finance = Annotated[Caller, Security(RequireRole(Role.FINANCE))]
FinanceOrStaff = Annotated[Caller, Security(RequireRole(Role.FINANCE, Role.STAFF))]
