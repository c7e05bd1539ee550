"""CLI: ``aftercare codec-server``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from cli.common import EndWithStdin, prepared_settings, serve
from devstack.exit_with_parent import exit_when_stdin_closes

_MAX_CONNECTIONS: Final = 128
"""Browsers of the staff."""


def codec_server(end_with_stdin: EndWithStdin = False) -> None:
    """Run the codec server, which decrypts payloads for Temporal's UI and command line."""
    if end_with_stdin:
        exit_when_stdin_closes()
    settings = prepared_settings()
    import uvicorn

    from api.auth import ApiKeys
    from api.codec_server import create_codec_server
    from api.http_protocol import limited_protocol
    from api.requests.base import now
    from api.stored_keys import KnownKeys
    from store.api_keys import StoredApiKeys
    from store.database import Database
    from temporal_runtime.encryption_keys import load_encryption_keys
    from temporal_runtime.payload_encryption import PayloadEncryption

    ui = urlsplit(settings.temporal_ui_url)
    database = Database(settings.database_url)
    keys = KnownKeys(ApiKeys(settings.api_keys), StoredApiKeys(database), now)

    @contextlib.asynccontextmanager
    async def lifespan(_app: object) -> AsyncIterator[None]:
        async with keys.writing_uses():
            yield
        await database.close()

    app = create_codec_server(
        PayloadEncryption(load_encryption_keys(settings)),
        None if settings.development else keys,
        f"{ui.scheme}://{ui.netloc}",
        lifespan,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.codec_host,
            port=settings.codec_port,
            http=limited_protocol(_MAX_CONNECTIONS),
            log_config=None,
            server_header=False,
        )
    )
    serve(server, "The codec server", "AFTERCARE_CODEC_PORT")
