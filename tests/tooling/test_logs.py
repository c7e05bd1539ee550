"""Log lines as JSON: one object a line, with the ids of its request, workflow, run and trace."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from cli.logs import json_formatter

log = logging.getLogger("aftercare.test")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What was logged, as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(json_formatter())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield written
    log.removeHandler(handler)


def parsed(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_is_one_object_with_time_level_and_logger(lines: io.StringIO) -> None:
    log.warning("two\nlines of %s", "clm_1")
    (line,) = parsed(lines)
    assert (line["event"], line["level"], line["logger"]) == ("two\nlines of clm_1", "warning", "aftercare.test")
    assert line["timestamp"].endswith("Z")


def test_a_traceback_is_in_its_line(lines: io.StringIO) -> None:
    try:
        raise ValueError("no such hold")
    except ValueError:
        log.exception("it failed")
    (line,) = parsed(lines)
    assert "ValueError: no such hold" in line["exception"]


async def test_a_line_of_an_activity_names_workflow_run_activity_and_attempt(lines: io.StringIO) -> None:
    @activity.defn
    async def capture_hold() -> None:
        log.info("captured")

    environment = ActivityEnvironment()
    await environment.run(capture_hold)
    (line,) = parsed(lines)
    info = environment.info
    assert (line["workflow_id"], line["run_id"]) == (info.workflow_id, info.workflow_run_id)
    assert (line["activity"], line["attempt"]) == (info.activity_type, info.attempt)


async def test_a_line_of_a_request_names_it(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-7"):
        log.info("inside")
    log.info("outside")
    assert [line.get("request_id") for line in parsed(lines)] == ["r-7", None]


def test_a_line_within_a_span_names_its_trace(lines: io.StringIO) -> None:
    with use_span(NonRecordingSpan(SpanContext(trace_id=0xA, span_id=0xB, is_remote=False))):
        log.info("inside")
    log.info("outside")
    inside, outside = parsed(lines)
    assert (inside["trace_id"], inside["span_id"]) == ("a".zfill(32), "b".zfill(16))
    assert "trace_id" not in outside
