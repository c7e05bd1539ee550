"""docs/roles.md: which role may call which route, read from the routes of the application.

`python -m tests.roles_table` writes the table; with `--check` it exits 1 when the table is stale.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import version_1_routers
from api.auth import RequireRole, Role
from api.webhook_auth import SignedRoute

ROOT = Path(__file__).parents[1]
TABLE = Path("docs/roles.md")
_ROLES = (Role.CUSTOMER_SERVICE, Role.WAREHOUSE, Role.STAFF, Role.FINANCE)
_HEAD = """# Roles

Who may call which route: each role what its work needs, and no more. `admin` may call all of them. Made by
`python -m tests.roles_table` from the routes; `make check` says when it is stale.

Customer service makes, changes and cancels on behalf of customers. The warehouse reads claims, ships, scans, inspects
and completes. Staff decide, do and read what customer service does, and read evidence. Finance reads money, evidence
and reports; in a device it sees no owner. Webhooks carry a signature instead of a key, health needs none.
([Decision 46](decisions/0046-least-right.md).)

| Route | Customer service | Warehouse | Staff | Finance |
|---|---|---|---|---|
"""


def permissions() -> dict[str, frozenset[Role]]:
    """Each route of production that needs a key, with its roles besides admin; all when any key will do."""
    routes = [route for router in version_1_routers(in_development=False) for route in router.routes]
    return {
        f"{method} /v1{route.path}": frozenset(_required(route.dependant) or _ROLES) - {Role.ADMIN}
        for route in routes
        if isinstance(route, APIRoute) and not isinstance(route, SignedRoute)
        for method in sorted(route.methods or ())
    }


def _required(dependant: Dependant) -> tuple[Role, ...]:
    """The roles that the route's own check names. Raises LookupError for a route that checks no key."""
    checks = [each.call for each in dependant.dependencies if isinstance(each.call, RequireRole)]
    if not checks:
        raise LookupError("a route checks no key")
    return next((check.roles for check in checks if check.roles), ())


def render(found: dict[str, frozenset[Role]]) -> str:
    """The table as it stands in docs/roles.md."""
    rows = []
    for route in sorted(found, key=lambda route: (route.split()[1], route)):
        marks = " | ".join("yes" if role in found[route] else "" for role in _ROLES)
        rows.append(f"| `{route}` | {marks} |")
    return _HEAD + "\n".join(rows) + "\n"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Write the table, or check it. Returns the exit code."""
    wanted, table = render(permissions()), root / TABLE
    if "--check" not in arguments:
        table.write_text(wanted, encoding="utf-8")
        return 0
    if table.exists() and table.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{TABLE} is stale: run `.venv/bin/python -m tests.roles_table` and commit it.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
