"""CLI: the log lines of every process: text for people, or JSON with the ids of request, workflow, run and trace."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from opentelemetry import trace
from temporalio import activity, workflow

from settings import Settings


def configure_logging(settings: Settings) -> None:
    """Log to standard error as the settings say. Lines name claims and serial numbers, and nobody's name or address."""
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(json_formatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    logging.getLogger("uvicorn.access").addFilter(WithoutQuery())
    # Readiness checks send many requests a second.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    if settings.log_level != "debug":  # alembic logs each migration it considers
        logging.getLogger("alembic").setLevel(logging.WARNING)


def json_formatter() -> logging.Formatter:
    """One JSON object a line: timestamp (UTC), level, logger, event, and the ids of where it happened."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.contextvars.merge_contextvars,
            _add_temporal_ids,
            _add_trace_ids,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )


def _add_temporal_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The workflow, run and activity in which the line was logged; a claim's workflow id is the claim's id."""
    if activity.in_activity():
        info = activity.info()
        event["workflow_id"], event["run_id"] = info.workflow_id, info.workflow_run_id
        event["activity"], event["attempt"] = info.activity_type, info.attempt
    elif workflow.in_workflow():
        running = workflow.info()
        event["workflow_id"], event["run_id"] = running.workflow_id, running.run_id
    return event


def _add_trace_ids(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The trace and the span in which the line was logged, while traces are on."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"], event["span_id"] = (
            trace.format_trace_id(context.trace_id),
            trace.format_span_id(context.span_id),
        )
    return event


class WithoutQuery(logging.Filter):
    """Removes the query from uvicorn's access log: a search names people."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.partition("?")[0] if isinstance(argument, str) and argument.startswith("/") else argument
                for argument in record.args
            )
        return True
