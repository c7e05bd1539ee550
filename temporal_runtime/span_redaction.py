"""Temporal: what a span may hold when it leaves the process: ids, names of operations, outcomes, types of errors.

Spans are made by three libraries, which also record queries, messages of errors and stack traces. An attribute that is
not listed here is left out, so a new release of a library tells no more.
"""

from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

_ATTRIBUTES: Final = frozenset(
    {
        "aftercare.operation",
        "aftercare.outcome",
        "aftercare.payment_key",
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "temporalActivityType",
        "temporalRunID",
        "temporalWorkflowID",
    }
)
"""Without the path and its query, which may name people, and an update's id, which may be a caller's text."""


class RedactingExporter(SpanExporter):
    """Passes spans on to `exporter` with the attributes above; of an exception its type is left (`error.type`)."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    attributes = {name: value for name, value in (span.attributes or {}).items() if name in _ATTRIBUTES}
    for event in span.events:
        error = (event.attributes or {}).get("exception.type")
        if error is not None:
            attributes["error.type"] = error
    return ReadableSpan(
        span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
