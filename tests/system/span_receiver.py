"""A receiver of spans by OTLP over HTTP, as a collector is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from devstack.preflight import HOST


@dataclass(frozen=True)
class SentSpan:
    """A span as it was sent; ids in hexadecimal, `parent` empty for the first span of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    links: tuple[str, ...]


@dataclass
class SpanReceiver:
    """`requests`: what was sent, as it came."""

    endpoint: str
    requests: list[Message] = field(default_factory=list)

    def spans(self) -> list[SentSpan]:
        return [span for request in list(self.requests) for span in _spans(request)]

    def named(self, name: str, trace: str) -> list[SentSpan]:
        return [span for span in self.spans() if (span.name, span.trace) == (name, trace)]


def _spans(request: Any) -> Iterator[SentSpan]:
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            trace, number, parent = (each.hex() for each in (span.trace_id, span.span_id, span.parent_span_id))
            links = tuple(link.trace_id.hex() for link in span.links)
            yield SentSpan(service, span.name, trace, number, parent, _attributes(span.attributes), links)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def span_receiver() -> Iterator[SpanReceiver]:
    """A receiver on a free port."""
    received: list[Message] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *_arguments: Any) -> None:
            """It does not write to standard error."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield SpanReceiver(f"http://{HOST}:{server.server_port}", received)
        finally:
            server.shutdown()
            thread.join()
