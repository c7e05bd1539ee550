"""CLI: ``aftercare keys``: the API keys of the database, for the first one and for those who have no key at hand."""

from __future__ import annotations

import getpass
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from api.scopes import SCOPES
from cli.common import CommandError, run_with_database
from settings import SettingsError
from settings.constants import ROLES

if TYPE_CHECKING:
    from store.api_keys import ApiKey, StoredApiKeys
    from store.database import Database

ResultT = TypeVar("ResultT")
keys_app = typer.Typer(no_args_is_help=True, help="API keys: make, list, rotate, revoke them.")

ACTOR: Final = "command line"
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, key_...")]


@keys_app.command("create")
def create(
    owner: Annotated[str, typer.Option(help="The person or system that will use it, as records will name it.")],
    role: Annotated[str, typer.Option(help=f"What it may do: {', '.join(ROLES)}.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="Narrows the role: claims, claims:read, read; several are possible.")
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="DATE", help="The day (UTC) on which it ends.")] = None,
) -> None:
    """Make a key and print its token, once: on standard output, what it is on standard error."""
    from store.api_keys import KeyRequest, new_key_id

    if role not in ROLES:
        raise SettingsError(f"--role is one of {', '.join(ROLES)}")
    if unknown := sorted(set(scope or ()) - SCOPES):
        raise SettingsError(f"--scope {unknown[0]} is none of {', '.join(sorted(SCOPES))}")
    if not owner.strip() or not owner.isprintable() or len(owner) > 200:
        raise SettingsError("--owner names somebody in one line of at most 200 characters")
    now, expires_at = _now(), _day(expires)
    if expires_at is not None and expires_at <= now:
        raise SettingsError(f"--expires {expires} has passed")
    request = KeyRequest(owner.strip(), role, tuple(scope) if scope else None, expires_at)
    key_id = new_key_id()
    made = _change(lambda keys: keys.create(key_id, request, ACTOR, now), "create_key", key_id, 201)
    assert made is not None  # its id is random
    _show(*made)


@keys_app.command("list")
def list_keys(as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False) -> None:
    """Show the keys, newest first, the revoked and expired ones too; without their secrets."""
    keys = run_with_database(_all_keys)
    if as_json:
        typer.echo(json.dumps([key.model_dump(mode="json") for key in keys], indent=2))
    elif keys:
        Console().print(_table(keys))
    else:
        typer.echo("No key was made yet: `aftercare keys create`")


@keys_app.command("rotate")
def rotate(
    key: KeyId,
    overlap_hours: Annotated[int, typer.Option(min=0, max=720, help="How long the old secret stays valid.")] = 24,
) -> None:
    """Give a key another secret and print its new token, once."""
    overlap = timedelta(hours=overlap_hours)
    rotated = _change(lambda keys: keys.rotate(key, overlap, _now()), "rotate_key", key, 201)
    if rotated is None:
        raise CommandError(f"{key} is no key, was revoked or has expired")
    _show(*rotated)


@keys_app.command("revoke")
def revoke(key: KeyId) -> None:
    """End a key for ever. Every process of the API has noticed after five seconds."""
    revoked = _change(lambda keys: keys.revoke(key, ACTOR, _now()), "revoke_key", key, 200)
    if revoked is None:
        raise CommandError(f"{key} is no key")
    typer.echo(f"{key} of {revoked.owner} is revoked since {revoked.revoked_at:%Y-%m-%d %H:%M:%S} UTC")


async def _all_keys(database: Database) -> list[ApiKey]:
    from store.api_keys import StoredApiKeys

    keys = StoredApiKeys(database)
    found: list[ApiKey] = []
    cursor = None
    while True:
        page = await keys.page(200, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _change(
    work: Callable[[StoredApiKeys], Awaitable[ResultT | None]], action: str, key_id: str, status: int
) -> ResultT | None:
    """Do `work`, and when it did something leave an entry in the audit trail with the operator's name here."""
    operator = getpass.getuser()

    async def run(database: Database) -> ResultT | None:
        from store.api_keys import StoredApiKeys
        from store.audit_trail import AuditEntry, AuditTrail

        result = await work(StoredApiKeys(database))
        if result is not None:
            entry = AuditEntry(
                at=_now(),
                actor_id=f"{ACTOR}:{operator}",
                actor=operator,
                role=None,
                action=action,
                subject=key_id,
                status=status,
            )
            await AuditTrail(database).add([entry])
        return result

    return run_with_database(run)


def _show(key: ApiKey, token: str) -> None:
    typer.echo(f"{key.id}: {key.role} for {key.owner}. The token is shown this once:", err=True)
    typer.echo(token)


def _table(keys: list[ApiKey]) -> Table:
    table = Table("key", "owner", "may", "last used", "ends")
    table.columns[0].no_wrap = True
    for key in keys:
        ends = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "never"
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        table.add_row(key.id, key.owner, " ".join([key.role, *(key.scopes or ())]), used, ends)
    return table


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _day(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text is not None else None
    except ValueError:
        raise SettingsError(f"--expires is a day like 2027-11-30, not {text!r}") from None
