"""Temporal: the metrics of a worker for Prometheus: the SDK's own, and those that activities record."""

from functools import cache
from typing import Final

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

_GATEWAY_BUCKETS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@cache
def metrics_runtime(address: str) -> Runtime:
    """A runtime that serves metrics at `address`, "host:port"; one for each address of the process.

    Raises ValueError or RuntimeError when the address is none or is in use.
    """
    return Runtime(
        telemetry=TelemetryConfig(
            metrics=PrometheusConfig(
                bind_address=address,
                counters_total_suffix=True,
                unit_suffix=True,
                durations_as_seconds=True,
                histogram_bucket_overrides={"aftercare_gateway_request": _GATEWAY_BUCKETS},
            )
        )
    )
