"""API: the audit trail: middleware that stores who did or read what before the response leaves."""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import Caller
from api.error_handlers import DATABASE_UNAVAILABLE
from api.openapi_operations import OPERATION_IDS
from api.problems import unavailable
from domain.inspection import normalise_serial
from store.audit_trail import AuditEntry, AuditTrail

log = logging.getLogger("aftercare.api")

SAME_READ: Final = timedelta(minutes=10)
"""A caller who reads the same again within it makes no second entry: a page that is polled is one act of looking."""
_MAX_REMEMBERED: Final = 10_000
_COMMANDS: Final = frozenset({"POST", "PATCH", "DELETE"})
_CHANGES_NOTHING: Final = frozenset({"request_quote", "request_cover_change"})
"""Commands by their method alone."""
_OPERATIONS: Final = {
    method: [
        (compile_path(name.partition(" ")[2])[0], operation_id)
        for name, operation_id in OPERATION_IDS.items()
        if name.startswith(f"{method} ")
    ]
    for method in (*_COMMANDS, "GET")
}
"""By method, the pattern of each path with its operation's id."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entry is about. `other` is the id of a plan, a parcel or a key."""

    claim_id: str | None = None
    serial_number: str | None = None
    other: str | None = None


@dataclass(frozen=True, slots=True)
class _Actor:
    id: str
    name: str
    role: str | None


def concerns(request: Request, subject: Subject) -> None:
    """Say what a command is about, where its path does not."""
    request.state.audit_subject = subject


def discloses(request: Request, subjects: Iterable[Subject]) -> None:
    """Say that the response names the owners of these devices, or addresses of these claims."""
    request.state.audit_disclosed = list(subjects)


def sent_by(request: Request, sender: str) -> None:
    """Name the sender of a webhook whose signature is right."""
    request.state.audit_sender = sender


class AuditMiddleware:
    """Middleware inside `AuthenticationMiddleware`. Stores an entry for every command, reported event and disclosure.

    An entry that cannot be stored turns the response into 503: nobody gets personal data without an entry, and the
    caller of a command repeats it under its Idempotency-Key, gets the first response and leaves an entry then.
    """

    def __init__(self, app: ASGIApp, trail: AuditTrail, now: Callable[[], datetime]) -> None:
        self._app = app
        self._trail = trail
        self._now = now
        self._reads: OrderedDict[tuple[str, str, Subject], datetime] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        failed = False

        async def audited(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start":
                try:
                    await self._store(scope, message["status"])
                except DATABASE_UNAVAILABLE as error:
                    failed = True
                    log.warning("%s %s: no audit entry could be stored: %s", scope["method"], scope["path"], error)
                    await unavailable("The database").response(scope["path"])(scope, receive, send)
            if not failed:
                await send(message)

        try:
            await self._app(scope, receive, audited)
        except Exception:
            # The response, 500, is made outside of this middleware, and the command may have had an effect.
            with contextlib.suppress(*DATABASE_UNAVAILABLE):
                await self._store(scope, 500)
            raise

    async def _store(self, scope: Scope, status: int) -> None:
        state: Mapping[str, Any] = scope["state"]
        caller: Caller | None = state["caller"]
        sender: str | None = state.get("audit_sender")
        if caller is None and sender is None:
            return
        now = self._now()
        who = _actor(caller) if caller is not None else _Actor(f"webhook:{sender}", sender or "", None)
        if scope["method"] in _COMMANDS:
            found = _operation(scope)
            if found is None or found[0] in _CHANGES_NOTHING:
                return
            action, subjects = found[0], [state.get("audit_subject") or _subject_of(found[1])]
        else:
            subjects = state.get("audit_disclosed", []) if status < 400 else []
            found = _operation(scope) if subjects else None
            action = found[0] if found else ""
            subjects = [each for each in subjects if not self._is_repeated(who.id, action, each, now)]
        if not subjects:
            return
        await self._trail.add(
            [
                AuditEntry(
                    at=now,
                    actor_id=who.id,
                    actor=who.name,
                    role=who.role,
                    action=action,
                    claim_id=subject.claim_id,
                    serial_number=subject.serial_number,
                    subject=subject.other,
                    request_id=state.get("request_id"),
                    status=status,
                )
                for subject in subjects
            ]
        )
        if scope["method"] not in _COMMANDS:
            self._remember(who.id, action, subjects, now)

    def _is_repeated(self, actor_id: str, action: str, subject: Subject, now: datetime) -> bool:
        before = self._reads.get((actor_id, action, subject))
        return before is not None and before <= now < before + SAME_READ

    def _remember(self, actor_id: str, action: str, subjects: Iterable[Subject], now: datetime) -> None:
        for subject in subjects:
            self._reads[actor_id, action, subject] = now
            self._reads.move_to_end((actor_id, action, subject))
        while len(self._reads) > _MAX_REMEMBERED:
            self._reads.popitem(last=False)


def _actor(caller: Caller) -> _Actor:
    if caller.name:
        return _Actor(caller.id, caller.name, caller.role)
    return _Actor(f"environment:{caller.id}", caller.role, caller.role)


def _operation(scope: Scope) -> tuple[str, Mapping[str, str]] | None:
    """The id and the path parameters of the operation; None where there is none.

    By the path, since a stored response comes without the route that made it.
    """
    for path, operation_id in _OPERATIONS[scope["method"]]:
        if (found := path.match(scope["path"])) is not None:
            return operation_id, found.groupdict()
    return None


def _subject_of(parameters: Mapping[str, str]) -> Subject:
    """What the path names. A text that can be no id is left out: callers write it."""
    known = {name: text for name, text in parameters.items() if text.isascii() and text.isprintable()}
    serial = normalise_serial(known.get("serial", ""))
    other = next((known[name] for name in ("plan_id", "parcel_id", "key_id") if name in known), None)
    return Subject(_short(known.get("claim_id")), _short(serial or None), _short(other))


def _short(text: str | None) -> str | None:
    return text if text is not None and len(text) <= 100 else None
