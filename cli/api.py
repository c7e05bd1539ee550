"""CLI: ``aftercare api``."""

from __future__ import annotations

import signal

from cli.common import CommandError, EndWithStdin, prepared_settings, require_schema
from devstack.exit_with_parent import exit_when_stdin_closes
from temporal_runtime.client import data_converter
from temporal_runtime.connection import configured_namespace, connect

_GRACEFUL_SHUTDOWN_SECONDS = 5


def api(end_with_stdin: EndWithStdin = False) -> None:
    """Run the HTTP API. TEMPORAL_ADDRESS names the server."""
    if end_with_stdin:
        exit_when_stdin_closes()
    settings = prepared_settings()
    require_schema(settings.database_url)
    import uvicorn

    from api.app import create_app
    from api.config import ApiConfig

    converter = data_converter(settings)
    config = ApiConfig(
        database_url=settings.database_url,
        temporal_client=lambda: connect(wait_seconds=settings.connect_seconds, converter=converter),
        task_queue=settings.task_queue,
        keys=dict(settings.api_keys),
        webhook_secrets=settings.senders(),
        development=settings.development,
        secret=settings.signing_secret(),
        temporal_ui_url=settings.temporal_ui_url,
        namespace=configured_namespace(),
        policy=settings.policy,
        open_pages=settings.open_pages,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            server_header=False,
            # An open event stream does not end by itself.
            timeout_graceful_shutdown=_GRACEFUL_SHUTDOWN_SECONDS,
        )
    )
    # uvicorn raises the signal again after its shutdown; a requested stop is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    address = f"{settings.api_host}:{settings.api_port}"
    try:
        server.run()
    except SystemExit as error:  # uvicorn exits when it cannot listen
        raise CommandError(f"The API cannot listen on {address}; choose another port: AFTERCARE_API_PORT") from error
    if not server.started:
        raise CommandError(f"The API did not start on {address}; its log says why")
