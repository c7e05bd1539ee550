"""Local stack: the environment variables of its child processes: what each needs, and no secret of another part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from settings import Settings
from settings.constants import SIMULATED

_INHERITED: Final = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV LD_LIBRARY_PATH DYLD_LIBRARY_PATH "
    "SSL_CERT_FILE SSL_CERT_DIR HTTPS_PROXY https_proxy NO_PROXY no_proxy TERM COLORTERM NO_COLOR FORCE_COLOR".split()
)
"""Paths, locale, certificates. A variable that is not named here may be anybody's secret."""
_INHERITED_PREFIXES: Final = ("LC_", "PYTHON")
_LIBRARY_PREFIXES: Final = ("PG", "OTEL_")
"""Options of libpq and of OpenTelemetry, for worker, API and codec server."""
_OF_API: Final = frozenset({"api_keys", "oidc_client_secret"})
"""Settings that the API alone reads."""
_OF_WORKER: Final = frozenset({"stripe_api_key", "smtp_url"})
"""Settings that the worker alone reads."""
_OF_API_AND_WORKER: Final = frozenset({"webhook_secrets", "secret", "database_url"})
"""Settings that neither Temporal nor the codec server reads."""


def base_environment(source: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that every child gets: none of Aftercare's, of Temporal's, or of anything else."""
    return {name: value for name, value in source.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)}


def worker_environment(settings: Settings, temporal_address: str) -> dict[str, str]:
    """All variables of a worker. Of the webhooks' secrets it gets the simulated gateway's, which it signs with."""
    own = {name: secret for name, secret in settings.webhook_secrets.items() if name == SIMULATED}
    settings = settings.model_copy(update={"webhook_secrets": own})
    return _python_environment(settings.to_environment(without=_OF_API), temporal_address)


def api_environment(settings: Settings, temporal_address: str) -> dict[str, str]:
    """All variables of an API process."""
    return _python_environment(settings.to_environment(without=_OF_WORKER), temporal_address)


def codec_environment(settings: Settings, temporal_address: str) -> dict[str, str]:
    """All variables of a codec server; it asks nobody for a key in development."""
    return _python_environment(
        settings.to_environment(without=_OF_API | _OF_WORKER | _OF_API_AND_WORKER), temporal_address
    )


def _python_environment(variables: dict[str, str], temporal_address: str) -> dict[str, str]:
    inherited = base_environment() | {
        name: value for name, value in os.environ.items() if name.startswith(_LIBRARY_PREFIXES)
    }
    checkout = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (checkout, inherited.get("PYTHONPATH", ""))))
    return (
        inherited
        | variables
        | {
            "TEMPORAL_ADDRESS": temporal_address,
            # A profile for another cluster must not reach the local stack.
            "TEMPORAL_CONFIG_FILE": os.devnull,
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
        }
    )
