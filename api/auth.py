"""API: who asks. A bearer key names a role; a route names the roles it takes. Keeps digests, never keys."""

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
    """`owner` tells one key from another without being it."""

    role: Role
    owner: str


class Keys:
    """The keys of this installation. Raises ValueError for a role that does not exist."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._callers = [(_digest(key), Caller(Role(role), _digest(key).hex()[:12])) for key, role in keys.items()]

    def caller(self, headers: Headers) -> Caller | None:
        """Whose key the Authorization header carries. Compares with every key, each in constant time."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = _digest(token.strip())
        found = None
        for digest, caller in self._callers:
            if hmac.compare_digest(digest, given):
                found = caller
        return found if scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


class Allowed(HTTPBearer):
    """A dependency that lets these roles in (none named: every role). An admin may do everything.

    It is the reference's word for the header as well, in one: each dependency more is a cost of every request.
    """

    def __init__(self, *roles: Role) -> None:
        super().__init__(
            scheme_name="HTTPBearer",
            auto_error=False,
            description="A key of this installation; `dev` in development.",
        )
        self._roles = roles

    async def __call__(self, request: Request) -> Caller:  # type: ignore[override]
        return self.admitted(request)

    def admitted(self, request: Request) -> Caller:
        """Who asks. Raises Problem for whoever has no key, or one of another role."""
        keys: Keys = request.app.state.keys
        caller = keys.caller(request.headers)
        if caller is None:
            raise Problem(Code.UNAUTHORIZED, "Send a valid key: Authorization: Bearer <key>.")
        if self._roles and caller.role not in (*self._roles, Role.ADMIN):
            needed = " or ".join(self._roles)
            raise Problem(Code.FORBIDDEN, f"This needs the role {needed}; the key's role is {caller.role}.")
        return caller


AnyRole = Annotated[Caller, Security(Allowed())]
Warehouse = Annotated[Caller, Security(Allowed(Role.WAREHOUSE))]
ShippingDesk = Annotated[Caller, Security(Allowed(Role.WAREHOUSE, Role.STAFF))]
Staff = Annotated[Caller, Security(Allowed(Role.STAFF))]
CustomerDesk = Annotated[Caller, Security(Allowed(Role.CUSTOMER_SERVICE, Role.STAFF))]
Finance = Annotated[Caller, Security(Allowed(Role.FINANCE))]
ChargebackDesk = Annotated[Caller, Security(Allowed(Role.FINANCE, Role.STAFF))]
