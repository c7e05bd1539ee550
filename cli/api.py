"""CLI: ``aftercare api``."""

from __future__ import annotations

import resource
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.common import CommandError, EndWithStdin, prepared_settings, require_schema, serve
from devstack.exit_with_parent import exit_when_stdin_closes
from temporal_runtime.client import data_converter
from temporal_runtime.connection import configured_namespace, connect
from temporal_runtime.traces import traces

if TYPE_CHECKING:
    from temporalio.client import Interceptor

    from api.services import Services
    from api.shutdown import GracefulServer
    from settings import Settings

_STOP_SECONDS: Final = 20
"""How long requests in flight may take to end: longer than each of the API's own timeouts."""
_DEVELOPMENT_STOP_SECONDS: Final = 5
"""The local stack has 7 s."""
_MAX_CONNECTIONS: Final = 4096
_MAX_BACKLOG: Final = 512
_OTHER_DESCRIPTORS: Final = 64
"""Files, databases and Temporal."""


def api(end_with_stdin: EndWithStdin = False) -> None:
    """Run the HTTP API. TEMPORAL_ADDRESS names the server."""
    if end_with_stdin:
        exit_when_stdin_closes()
    settings = prepared_settings()
    require_schema(settings.database_url)
    with traces("aftercare-api") as interceptors:
        server = _server(settings, interceptors)
        # uvicorn raises the signal again after its shutdown; a requested stop is no failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        serve(server, "The API", "AFTERCARE_API_PORT")
    if not server.started:
        raise CommandError(f"The API did not start on {settings.api_host}:{settings.api_port}; its log says why")


def _server(settings: Settings, interceptors: Sequence[Interceptor]) -> GracefulServer:
    """The server of the application; `interceptors` are those of its Temporal client."""
    import uvicorn

    from api.app import create_app
    from api.config import ApiConfig
    from api.http_protocol import limited_protocol
    from api.shutdown import GracefulServer

    converter = data_converter(settings)
    config = ApiConfig(
        database_url=settings.database_url,
        temporal_client=lambda: connect(
            wait_seconds=settings.connect_seconds, converter=converter, interceptors=interceptors
        ),
        task_queue=settings.task_queue,
        keys=dict(settings.api_keys),
        webhook_secrets=settings.senders(),
        development=settings.development,
        secret=settings.signing_secret(),
        temporal_ui_url=settings.temporal_ui_url,
        namespace=configured_namespace(),
        policy=settings.policy,
        open_pages=settings.open_pages,
        requests_per_key=settings.rate_limit_per_key,
        requests_per_address=settings.rate_limit_per_address,
    )
    app = create_app(config)
    services: Services = app.state.services
    connections, backlog = _connection_limits()
    services.streams.limit(connections // 2)
    return GracefulServer(
        uvicorn.Config(
            app,
            host=settings.api_host,
            port=settings.api_port,
            http=limited_protocol(connections),
            backlog=backlog,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_DEVELOPMENT_STOP_SECONDS if settings.development else _STOP_SECONDS,
        ),
        services.shutdown,
        services.streams.close,
        settings.api_drain_seconds,
    )


def _connection_limits() -> tuple[int, int]:
    """How many connections the API may hold, and the backlog. Raises the process's limit of descriptors if it may.

    asyncio accepts a whole backlog before any of its connections can be closed, so there are descriptors for both.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_CONNECTIONS + _MAX_BACKLOG + _OTHER_DESCRIPTORS
    if soft == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS, _MAX_BACKLOG
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    backlog = min(_MAX_BACKLOG, soft // 8)
    return max(16, min(wanted, soft) - backlog - _OTHER_DESCRIPTORS), backlog
