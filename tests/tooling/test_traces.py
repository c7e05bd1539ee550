"""Traces: which of OpenTelemetry's variables switch them on, and what of a span leaves the process."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from settings import SettingsError
from temporal_runtime.span_redaction import RedactingExporter
from temporal_runtime.traces import receiver

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "aftercare"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        (ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, None),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, None),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ],
)
def test_traces_are_off_unless_a_receiver_is_named(variables: dict[str, str], named: str | None) -> None:
    assert receiver(variables) == named


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is 'zipkin'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "by http/protobuf alone"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "by http/protobuf alone"),
    ],
)
def test_what_cannot_be_sent_so_is_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        receiver(ENDPOINT | variables)


def test_a_span_leaves_with_ids_and_outcomes_and_the_type_of_an_error_alone() -> None:
    sent = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(sent)))
    attributes = {"url.query": "q=Ada", "temporalUpdateID": "for Ada", "temporalWorkflowID": "clm_1"}
    with (
        pytest.raises(ValueError, match="Ada"),
        provider.get_tracer("test").start_as_current_span("RunActivity:save_claim", attributes=attributes),
    ):
        raise ValueError("Ada has no address")
    (span,) = sent.get_finished_spans()
    assert (span.name, dict(span.attributes or {})) == (
        "RunActivity:save_claim",
        {"temporalWorkflowID": "clm_1", "error.type": "ValueError"},
    )
    assert not span.status.is_ok
    assert "Ada" not in span.to_json()
