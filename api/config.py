"""API: the configuration of the application. Reads no environment variables."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from temporalio.client import Client

from domain.policy import Policy


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Everything that differs between two installations.

    `temporal_client` connects to Temporal and may raise; it is called on the serving loop until it succeeds.
    `keys` maps a bearer key to its role. `webhook_secrets` maps a sender of webhooks (`stripe`, `carrier-ups`) to its
    secret. `secret` signs quotes. `terms_version` names the terms customers agree to.
    `open_pages` are `docs` and `metrics`, as far as they are served.
    `requests_per_key` and `requests_per_address` (without a valid key) are those of a minute, 0 for any number.
    """

    database_url: str = field(repr=False)
    temporal_client: Callable[[], Awaitable[Client]]
    task_queue: str
    keys: Mapping[str, str] = field(repr=False)
    development: bool
    secret: str = field(repr=False)
    temporal_ui_url: str
    policy: Policy = field(default_factory=Policy)
    namespace: str = "default"
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    terms_version: str = "2026-01"
    open_pages: frozenset[str] = frozenset()
    requests_per_key: int = 0
    requests_per_address: int = 0
