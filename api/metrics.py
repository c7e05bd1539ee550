"""API: metrics for Prometheus. Requests are labelled by route and not by path, which has unbounded values."""

import time
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.kinds import ClaimState
from domain.reconciliation import Code

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
_UNKNOWN = "unknown"


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
        self._claims = Gauge("aftercare_open_claims", "Open claims by state", ("state",), registry=self._registry)

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

    def render(
        self,
        open_claims: dict[ClaimState, int] | None,
        reconciled: tuple[datetime, dict[Code, int]] | None = None,
    ) -> bytes:
        """All metrics in Prometheus' text format; without open claims while the database is unavailable."""
        self._findings.clear()
        if reconciled is not None:
            self._reconciled.set(reconciled[0].timestamp())
            for code, number in reconciled[1].items():
                self._findings.labels(code.value).set(number)
        if open_claims is None:
            self._claims.clear()
        for state, number in (open_claims or {}).items():
            self._claims.labels(state.value).set(number)
        return generate_latest(self._registry)


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
