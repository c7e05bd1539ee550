"""API: scopes, which narrow what a key's role allows to parts of the API, or to reading."""

from collections.abc import Collection
from typing import Final

AREAS: Final = frozenset(
    {
        "audit",
        "claims",
        "devices",
        "dispatch-requests",
        "keys",
        "plan-questions",
        "products",
        "quotes",
        "reconciliations",
        "unclaimed-parcels",
    }
)
"""The first part of a path after `/v1/`."""
READ: Final = "read"
SCOPES: Final = AREAS | {f"{area}:{READ}" for area in AREAS} | {READ}
"""`claims`: everything below `/v1/claims` that the role may do. `claims:read`: its GETs. `read`: every GET."""


def permits(scopes: Collection[str], method: str, path: str) -> bool:
    """Whether one of the scopes covers the request."""
    area = path.removeprefix("/v1/").partition("/")[0]
    sufficient = {area, f"{area}:{READ}", READ} if method == "GET" else {area}
    return not sufficient.isdisjoint(scopes)
