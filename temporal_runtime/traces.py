"""Temporal: traces by OpenTelemetry: a request, its workflow, their activities and the gateway's requests in one trace.

Off unless a variable of OpenTelemetry's own names a receiver (OTLP over HTTP). Decision 0060 has what a span may hold.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from typing import Final

from temporalio.client import Interceptor

from settings import SettingsError

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


_LAST_SPANS_SECONDS: Final = 2.0
"""How long an ending process waits until its last spans are sent."""


def receiver(environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that names the receiver of the spans; None when traces are off.

    Raises SettingsError for an exporter or a protocol that is not supported.
    """
    named = next((name for name in _ENDPOINTS if environment.get(name)), None)
    exporter = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    if named is None or exporter == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if exporter != "otlp":
        raise SettingsError(f"OTEL_TRACES_EXPORTER is {exporter!r}: there are otlp and none")
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise SettingsError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}: traces are sent by http/protobuf alone")
    return named


@contextmanager
def traces(service: str) -> Iterator[list[Interceptor]]:
    """Trace this process as `service` until the block ends, then send what is left for two seconds at most.

    Returns the interceptors of its Temporal client, which the workers of the client inherit: none while traces are off.
    Raises SettingsError.
    """
    named = receiver()
    if named is None:
        yield []
        return
    try:
        # The SDK is an optional dependency and slow to import.
        from opentelemetry import propagate, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        from temporalio.contrib.opentelemetry import TracingInterceptor

        from temporal_runtime.span_redaction import RedactingExporter
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "opentelemetry":
            raise
        raise SettingsError(f"{named} needs OpenTelemetry's SDK: pip install 'aftercare[traces]'") from None
    # The operator's own name, if any, is more than ours.
    named_by_operator = OTELResourceDetector().detect().attributes
    provider = TracerProvider(
        shutdown_on_exit=False, resource=Resource.create({"service.name": service, **named_by_operator})
    )
    provider.add_span_processor(BatchSpanProcessor(RedactingExporter(OTLPSpanExporter())))
    trace.set_tracer_provider(provider)
    # Baggage is a caller's free text: it must not reach Temporal's headers, which are stored unencrypted.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    try:
        yield [TracingInterceptor(provider.get_tracer("aftercare"))]
    finally:
        # A receiver that does not answer must not hold up the end of the process; its own limit is 30 s.
        ending = Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_SPANS_SECONDS)
