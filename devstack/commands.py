"""Local stack: the command line of its Temporal server, and settings for a temporary stack."""

from __future__ import annotations

from pathlib import Path

from activities.payments.fault_injection import FaultInjection
from devstack.preflight import HOST, free_ports
from domain.policy import Policy
from messages.search import SEARCH_ATTRIBUTES
from settings import Settings
from settings.constants import DEVELOPMENT_KEY
from temporal_runtime.namespace import indexed_type_name

_DYNAMIC_CONFIG = (
    # Time skipping for a single workflow: the development fast-forward and the demo use it.
    "frontend.WorkflowTimeSkippingEnabled=true",
    # The dev server has one shard and by default polls its queues 20 times a second, which delays each step by 40 ms.
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    # Timers fire to the millisecond instead of the second.
    'history.timerProcessorMaxTimeShift="1ms"',
)


def scratch_settings(home: Path) -> Settings:
    """Development settings on free ports with all data in ``home``; environment variables are ignored.

    Requests are not limited: load tests and benchmarks send all of theirs with one key.
    """
    api_port, temporal_port, ui_port, codec_port = free_ports(4)
    return Settings(
        environment="development",
        home=home,
        api_host=HOST,
        api_port=api_port,
        temporal_port=temporal_port,
        temporal_ui_port=ui_port,
        temporal_ui_url="",
        codec_host=HOST,
        codec_port=codec_port,
        encryption_keys=None,
        encryption_keys_file=None,
        encryption_keys_command="",
        database_url="",
        payments="simulated",
        simulated_mischief=FaultInjection(),
        smtp_url=None,
        api_keys={DEVELOPMENT_KEY: "admin"},
        rate_limit_per_key=0,
        rate_limit_per_address=0,
        webhook_secrets={},
        secret=None,
        task_queue="aftercare",
        build_id="",
        worker_metrics="",
        policy=Policy(),
    )


def temporal_command(binary: Path, settings: Settings) -> list[str]:
    """The command that runs the development server with the project's search attributes."""
    command = [str(binary), "server", "start-dev", "--disable-config-file", "--disable-config-env"]
    command += ["--ip", HOST, "--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
    command += ["--ui-disable-news-fetch", "--log-level", "error"]
    command += ["--ui-codec-endpoint", f"http://{HOST}:{settings.codec_port}"]
    command += ["--db-filename", str(settings.home / "temporal.db")]
    # Write-ahead log with synchronous=NORMAL: 3.5 times the throughput; a killed process still loses nothing.
    command += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=1"]
    for value in _DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    for key in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{key.name}={indexed_type_name(key)}"]
    return command
