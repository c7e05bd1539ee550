"""API: metrics for Prometheus. Requests are labelled by route and not by path, which has unbounded values."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.kinds import Attention, ClaimState
from domain.reconciliation import Code
from store.reads.ledger_totals import Totals

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class ProgrammeCounts:
    """What the database says of the programme. `reconciled`: when the last reconciliation ended, and its findings."""

    open_claims: Mapping[ClaimState, int] = field(default_factory=dict)
    oldest: Mapping[ClaimState, datetime] = field(default_factory=dict)
    attention: Mapping[Attention, int] = field(default_factory=dict)
    mails: Mapping[str, int] = field(default_factory=dict)
    reconciled: tuple[datetime, Mapping[Code, int]] | None = None
    waiting_events: int = 0
    money: Totals = field(default_factory=Totals)


class Metrics:
    """Metrics in the application's own registry, so that two applications in one process stay separate."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "aftercare_http_requests_total",
            "Requests by route and status",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "aftercare_http_request_seconds",
            "Time to the first byte of the response",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._claims = self._gauge("aftercare_open_claims", "Open claims by state", "state")
        self._oldest = self._gauge(
            "aftercare_oldest_open_claim_timestamp_seconds", "When the oldest open claim of a state was opened", "state"
        )
        self._attention = self._gauge("aftercare_claims_with_attention", "Claims that staff must look at", "code")
        self._mails = self._gauge("aftercare_mails", "Mails that are not sent, by what became of them", "status")
        self._waiting = Gauge(
            "aftercare_waiting_events",
            "Events reported about claims that the claims could not be told yet",
            registry=self._registry,
        )
        self._held = self._money("held", "Amount of all open holds")
        self._at_risk = self._money("held_at_risk", "Amount of the open holds that could not be renewed")
        self._captured = self._money("captured", "Amount ever taken from cards, by captures and charges; never falls")
        self._refunded = self._money("refunded", "Amount ever given back to cards; never falls")
        self._findings = Gauge(
            "aftercare_reconciliation_findings",
            "What the last reconciliation found, by code; nothing before the first",
            ("code",),
            registry=self._registry,
        )
        self._reconciled = Gauge(
            "aftercare_reconciliation_finished_timestamp_seconds",
            "When the last reconciliation was finished; 0 before the first",
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        metrics = self._children.get((method, route, status))
        if metrics is None:
            # Cached: the lookup by labels takes longer than the counting.
            metrics = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
            self._children[method, route, status] = metrics
        metrics[0].inc()
        metrics[1].observe(seconds)

    def render(self, programme: ProgrammeCounts | None) -> bytes:
        """All metrics in Prometheus' text format; those of the programme are left out while there is no database."""
        now = programme or ProgrammeCounts()
        if now.reconciled is not None:
            self._reconciled.set(now.reconciled[0].timestamp())
        _set(self._findings, now.reconciled[1] if now.reconciled else {})
        _set(self._claims, now.open_claims)
        _set(self._oldest, {state: at.timestamp() for state, at in now.oldest.items()})
        _set(self._attention, now.attention)
        _set(self._mails, now.mails)
        self._waiting.set(now.waiting_events)
        _set(self._held, now.money.held)
        _set(self._at_risk, now.money.at_risk)
        _set(self._captured, now.money.captured)
        _set(self._refunded, now.money.refunded)
        return generate_latest(self._registry)

    def _money(self, name: str, what: str) -> Gauge:
        return self._gauge(f"aftercare_{name}_amount", f"{what}, in minor units of the currency (cents)", "currency")

    def _gauge(self, name: str, description: str, label: str) -> Gauge:
        return Gauge(name, description, (label,), registry=self._registry)


def _set(gauge: Gauge, values: Mapping[Any, float]) -> None:
    """Replace all values of the gauge."""
    gauge.clear()
    for label, value in values.items():
        gauge.labels(str(label)).set(value)


class MetricsMiddleware:
    """The outermost middleware: it also counts requests that reach no route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status: int | None = None

        def count(code: int) -> None:
            nonlocal status
            status = code
            self._metrics.count(_method(scope), _route(scope), code, time.perf_counter() - started)

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start" and status is None:
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if status is None:
                count(500)
            raise


def _route(scope: Scope) -> str:
    """The path template of the matched route. A route's own template lacks the prefix of its router."""
    template: str | None = getattr(scope.get("route"), "path", None)
    if template is None:
        return _UNKNOWN
    segments = scope["path"].split("/")
    return "/".join(segments[: len(segments) - template.count("/")]) + template


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "OTHER"
