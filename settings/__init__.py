"""The settings, read once from environment variables and passed on. No layer imports this module.

Every variable starts with ``AFTERCARE_``. The connection to Temporal is configured by Temporal's own variables
(``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, profiles; see ``temporal_runtime.connection``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from activities.payments.fault_injection import FaultInjection
from domain.policy import Policy
from domain.spreading import MOST_MINUTES
from messages.lanes import Lane
from settings.checks import environment_reasons
from settings.constants import CONCURRENCY, DEMO_CARRIER, DEVELOPMENT_KEY, PREFIX, SIMULATED
from settings.credentials import (
    checked_groups,
    checked_keys,
    checked_secrets,
    parse_groups,
    parse_keys,
    parse_secrets,
)
from settings.own_secret import own_secret
from settings.problems import describe
from settings.values import (
    check_policy,
    check_policy_numbers,
    check_smtp_url,
    check_text,
    unknown_variables,
)

HOME_VERSION = "2"
"""Version of the data folder's layout. Raise it when a release cannot use the folders of older ones."""

Port = Annotated[int, Field(ge=1, le=65535)]


class SettingsError(Exception):
    """The settings are invalid. The message has one line for each problem and says what to do."""


def _parse_names(text: object) -> object:
    return {name.strip() for name in text.split(",") if name.strip()} if isinstance(text, str) else text


RoleOfKey = Annotated[dict[str, str], NoDecode, BeforeValidator(parse_keys), AfterValidator(checked_keys)]
RoleOfGroup = Annotated[dict[str, str], NoDecode, BeforeValidator(parse_groups), AfterValidator(checked_groups)]
OpenPages = Annotated[frozenset[Literal["docs", "metrics"]], NoDecode, BeforeValidator(_parse_names)]
SecretOfSender = Annotated[dict[str, str], NoDecode, BeforeValidator(parse_secrets), AfterValidator(checked_secrets)]


class Settings(BaseSettings):
    """Everything that differs between two installations. ``load_settings`` reads them with readable errors."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    environment: Literal["development", "production"] = "development"
    home: Annotated[Path, BeforeValidator(lambda home: Path(home).expanduser().absolute())] = Path(".aftercare")
    """The data folder: databases, mails, the signing secret of development."""
    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    api_drain_seconds: Annotated[float, Field(ge=0, le=600)] = 5
    """How long a stopping API goes on serving after it has become unready; half a second in development."""
    temporal_port: Port = 7233
    """Where ``aftercare dev`` puts its Temporal server. Other commands follow ``TEMPORAL_ADDRESS``."""
    temporal_ui_port: Port = 8233
    codec_host: str = "127.0.0.1"
    codec_port: Port = 8234
    """Where the codec server listens, which decrypts payloads for Temporal's UI."""
    temporal_cli: Path | None = None
    """Another ``temporal`` program than the one installed beside Python."""
    temporal_ui_url: str = ""
    """URL of Temporal's UI; derived from the port by default."""
    connect_seconds: Annotated[float, Field(gt=0, le=600)] = 20
    """How long a starting process waits for Temporal to answer."""
    database_url: str = Field(default="", repr=False)
    """An async SQLAlchemy URL; a SQLite file in ``home`` by default."""
    payments: Literal["simulated", "stripe"] = "simulated"
    simulated_mischief: FaultInjection = Field(default_factory=FaultInjection)
    """Faults that the simulated gateway injects, as JSON: '{"lose_answers": 0.2, "repeat": 0.3, "shuffle": true}'."""
    stripe_api_key: SecretStr | None = None
    """Stripe's secret or restricted key: a test key in development, a live key in production. Only the worker needs it;
    the API does not."""
    stripe_api_base: str | None = None
    """A server with Stripe's API in place of Stripe; development only."""
    smtp_url: SecretStr | None = None
    """A mail server, see ``activities.mail.smtp_address``; without it mails are written to ``home/mail``."""
    api_keys: RoleOfKey = Field(default_factory=dict, repr=False)
    """Bearer key to role: ``role:key,role:key`` or a JSON object ``{"key": "role"}``."""
    public_url: str = ""
    """Where browsers reach the API: ``https://aftercare.example``. In development the API's own address."""
    oidc_issuer: str = ""
    """The OpenID Connect provider that staff sign in with; empty: nobody signs in."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    """Left out for a public client, which proves itself by PKCE alone."""
    oidc_scopes: Annotated[str, Field(pattern=r"(^| )openid( |$)")] = "openid profile email"
    oidc_roles_claim: str = "groups"
    """The claim with the person's groups or roles; ``realm_access.roles`` is a claim inside a claim."""
    oidc_roles: RoleOfGroup = Field(default_factory=dict)
    """Group of the provider to role: ``staff:group,finance:group`` or a JSON object ``{"group": "role"}``."""
    session_idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    """A session ends when it was not used for so long."""
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    """A session ends so long after the sign-in."""
    rate_limit_per_key: Annotated[int, Field(ge=0, le=10_000_000)] = 6_000
    """Requests a minute of a key, and of an address without a valid one, at each API process; 0: any number."""
    rate_limit_per_address: Annotated[int, Field(ge=0, le=10_000_000)] = 300
    webhook_secrets: SecretOfSender = Field(default_factory=dict, repr=False)
    """Sender of webhooks to the secret it signs with: ``stripe:secret,carrier-ups:secret`` or a JSON object."""
    secret: SecretStr | None = None
    """Signs quotes. Every API process of one installation needs the same."""
    encryption_keys: SecretStr | None = None
    """Keys that encrypt what Temporal stores: ``id:key,id:key``, each key 32 bytes in base64. The first one encrypts.
    Development makes its own."""
    encryption_keys_file: Path | None = None
    """A file with these keys, one on a line."""
    encryption_keys_command: str = ""
    """A command that prints these keys, for example a client of a key management service."""
    policy: Policy = Field(default_factory=Policy)
    """The programme's parameters as JSON: AFTERCARE_POLICY='{"cure_days": 0}'. New claims get the new values."""
    spread_minutes: Annotated[int, Field(ge=0, le=MOST_MINUTES)] = 50
    """Over how many minutes deadlines and reminders of one instant are spread (R-CLM-13); none in development."""
    mail_sender: str | None = None
    """As in ``Aftercare <care@example.com>``."""
    mail_per_second: Annotated[float, Field(gt=0, le=100_000)] = 50
    """How many of the claims' mails are sent a second at most."""
    return_addresses: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] | None = None
    """Where customers send units, by region: ``{"US": ["Aftercare Returns", "1 Depot Road", ...]}``."""
    task_queue: Annotated[str, Field(min_length=1)] = "aftercare"
    """The task queue of the workflows; those of the other lanes begin with it (``messages.lanes``)."""
    worker_concurrency: dict[Lane, Annotated[int, Field(ge=1, le=10_000)]] = Field(default_factory=dict)
    """How many tasks of a lane one worker has under way, as JSON: '{"money": 20}'. The others keep their default."""
    gateway_per_second: Annotated[float, Field(gt=0, le=100_000)] = 50
    """How many payment requests all workers begin a second at most."""
    build_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = ""
    """The worker's version, for example a commit. Empty: the worker has none (``aftercare temporal deploy``)."""
    worker_metrics: Annotated[str, Field(pattern=r"^([^:]+|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$|^$")] = ""
    """``host:port`` where a worker serves metrics for Prometheus; empty: nowhere."""
    worker_grace_seconds: Annotated[float, Field(ge=0, le=600)] = 6
    """How long a stopping worker waits for running activities. The local stack has 10 s for everything."""
    worker_cached_claims: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """How many open claims a worker caches. The others are replayed from their histories when a task arrives."""
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    open_pages: OpenPages = frozenset()
    """What is served without a key: ``docs`` (the reference and its document), ``metrics``. In development both."""

    @field_validator("log_level", "log_format", "environment", "payments", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url", "mail_sender", "temporal_ui_url", "stripe_api_base", "oidc_issuer", "public_url")
    @classmethod
    def _text(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value:
            check_text(info.field_name or "", value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_smtp_url(url.get_secret_value())
        return url

    @field_validator("policy", mode="wrap")
    @classmethod
    def _policy(cls, given: object, read: ValidatorFunctionWrapHandler) -> Policy:
        check_policy(given)
        policy: Policy = read(given)
        check_policy_numbers(policy)
        return policy

    @model_validator(mode="before")
    @classmethod
    def _derive(cls, given: dict[str, Any]) -> dict[str, Any]:
        values = dict(given)
        if values.get("environment", "development") == "development":
            values.setdefault("api_keys", {DEVELOPMENT_KEY: "admin"})
            values.setdefault("open_pages", {"docs", "metrics"})
            values.setdefault("api_drain_seconds", 0.5)
            values.setdefault("spread_minutes", 0)
        home = Path(values.get("home") or cls.model_fields["home"].default).expanduser().absolute()
        values["database_url"] = values.get("database_url") or f"sqlite:///{home / 'aftercare.db'}"
        ui_port = values.get("temporal_ui_port") or cls.model_fields["temporal_ui_port"].default
        values["temporal_ui_url"] = values.get("temporal_ui_url") or f"http://127.0.0.1:{ui_port}"
        return values

    @model_validator(mode="after")
    def _check(self) -> Self:
        reasons = environment_reasons(self)
        if reasons:
            raise ValueError("\n".join(reasons))
        return self

    def concurrency(self, lane: Lane) -> int:
        """How many tasks of the lane one worker has under way."""
        return self.worker_concurrency.get(lane, CONCURRENCY[lane])

    @property
    def development(self) -> bool:
        return self.environment == "development"

    @property
    def api_url(self) -> str:
        """URL of the API on this machine."""
        host = "127.0.0.1" if self.api_host in ("0.0.0.0", "::") else self.api_host  # noqa: S104
        return f"http://{host}:{self.api_port}"

    @property
    def browser_url(self) -> str:
        """URL at which browsers reach the API."""
        return (self.public_url or self.api_url).rstrip("/")

    @property
    def mail_folder(self) -> Path:
        return self.home / "mail"

    def signing_secret(self) -> str:
        """The configured secret, or the one of the data folder (development)."""
        return self.secret.get_secret_value() if self.secret is not None else self.own_secret("secret")

    def own_secret(self, name: str) -> str:
        """The secret `name` of the data folder, 32 bytes in hexadecimal, made at the first call. For development."""
        return own_secret(self.home, name)

    def senders(self) -> dict[str, str]:
        """Every sender of webhooks with its secret. In development the default senders' secrets are derived."""
        if not self.development:
            return dict(self.webhook_secrets)
        key = self.signing_secret().encode()
        derived = {
            name: hmac.new(key, f"webhooks:{name}".encode(), hashlib.sha256).hexdigest()
            for name in (SIMULATED, DEMO_CARRIER)
        }
        return derived | self.webhook_secrets

    def to_environment(self, without: Collection[str] = ()) -> dict[str, str]:
        """These settings as environment variables, for a child process with the same settings but those `without`."""
        variables: dict[str, str] = {}
        for name in type(self).model_fields.keys() - set(without):
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            elif isinstance(value, Mapping):
                value = json.dumps(dict(value))
            elif isinstance(value, frozenset):
                value = ",".join(sorted(value))
            elif isinstance(value, Policy | FaultInjection):
                value = json.dumps(asdict(value))
            variables[PREFIX + name.upper()] = "" if value is None else str(value)
        return variables


def load_settings() -> Settings:
    """Settings from the environment.

    Raises:
        SettingsError: one line for each invalid variable. Values are not repeated in it.
    """
    problems = unknown_variables(os.environ, Settings.model_fields)
    try:
        settings = Settings()
    except ValidationError as error:
        problems.append(describe(error))
    except UnreadableSetting as error:
        # The only complex type that pydantic-settings reads itself is JSON. Its message names the field.
        field = str(error).partition('"')[2].partition('"')[0]
        problems.append(f"{PREFIX}{field.upper()}: not JSON")
    else:
        if not problems:
            return settings
    raise SettingsError("\n".join(problems))
