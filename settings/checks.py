"""Checks of the settings against their environment: what production and development refuse, all reasons at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from activities.payments.fault_injection import FaultInjection
from settings.constants import DEVELOPMENT_KEY, SIMULATED
from settings.credentials import MIN_SECRET_LENGTH, too_short

if TYPE_CHECKING:
    from settings import Settings

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def environment_reasons(settings: Settings) -> list[str]:
    """Why these settings do not fit their environment, a line each. No value is repeated."""
    return [*([] if settings.development else _production(settings)), *_stripe(settings), *_sign_in(settings)]


def _production(settings: Settings) -> list[str]:
    reasons: list[str] = []
    if DEVELOPMENT_KEY in settings.api_keys:
        reasons.append("the API key 'dev' is for development only: remove it from AFTERCARE_API_KEYS")
    if settings.payments == "simulated":
        reasons.append("payments are simulated, no card would ever be charged: set AFTERCARE_PAYMENTS=stripe")
    if settings.simulated_mischief != FaultInjection():
        reasons.append("trouble is for development only: remove AFTERCARE_SIMULATED_MISCHIEF")
    if SIMULATED in settings.webhook_secrets:
        reasons.append("the simulated gateway sends no webhooks here: remove it from AFTERCARE_WEBHOOK_SECRETS")
    if settings.secret is None:
        reasons.append(
            f"no secret to sign quotes with: set AFTERCARE_SECRET to {MIN_SECRET_LENGTH} random characters or more"
        )
    elif too_short([settings.secret.get_secret_value()]):
        reasons.append(f"AFTERCARE_SECRET is too short: use {MIN_SECRET_LENGTH} random characters or more")
    if too_short(key for key in settings.api_keys if key != DEVELOPMENT_KEY):
        reasons.append(f"AFTERCARE_API_KEYS has a key of fewer than {MIN_SECRET_LENGTH} characters: make it longer")
    if too_short(settings.webhook_secrets.values()):
        reasons.append(
            f"AFTERCARE_WEBHOOK_SECRETS has a secret of fewer than {MIN_SECRET_LENGTH} characters: make it longer"
        )
    if not (settings.encryption_keys or settings.encryption_keys_file or settings.encryption_keys_command):
        reasons.append(
            "no key encrypts what Temporal stores: set AFTERCARE_ENCRYPTION_KEYS=id:key, "
            "AFTERCARE_ENCRYPTION_KEYS_FILE or AFTERCARE_ENCRYPTION_KEYS_COMMAND"
        )
    return reasons


def _stripe(settings: Settings) -> list[str]:
    """A live key in production and a test key in development. The key is not repeated."""
    kind = "test" if settings.development else "live"
    reasons: list[str] = []
    prefixes = f"sk_{kind}_", f"rk_{kind}_"
    if settings.stripe_api_key and not settings.stripe_api_key.get_secret_value().startswith(prefixes):
        reasons.append(
            "AFTERCARE_STRIPE_API_KEY is no test key, and development must move no money: use sk_test_..."
            if settings.development
            else "AFTERCARE_STRIPE_API_KEY is no live key, no card would ever be charged: use sk_live_..."
        )
    if settings.stripe_api_base and not settings.development:
        reasons.append("AFTERCARE_STRIPE_API_BASE is for development only: remove it")
    return reasons


def _sign_in(settings: Settings) -> list[str]:
    """Everything for a sign-in or nothing of it, over addresses that nobody on the way can read."""
    if not settings.oidc_issuer:
        given = settings.oidc_client_id or settings.oidc_client_secret or settings.oidc_roles
        return ["nobody can sign in: set AFTERCARE_OIDC_ISSUER as well, or none of AFTERCARE_OIDC_"] if given else []
    reasons: list[str] = []
    if not settings.oidc_client_id:
        reasons.append("the provider of sign-in has to know us: set AFTERCARE_OIDC_CLIENT_ID")
    if not settings.oidc_roles:
        reasons.append("no group has a role, so nobody could sign in: set AFTERCARE_OIDC_ROLES='staff:<group>'")
    if not (settings.development or settings.public_url):
        reasons.append("the provider sends people back to us: set AFTERCARE_PUBLIC_URL to this API's https address")
    for name, url in (("OIDC_ISSUER", settings.oidc_issuer), ("PUBLIC_URL", settings.public_url)):
        parts = urlsplit(url)
        if url and parts.scheme != "https" and not (settings.development and parts.hostname in _LOOPBACK):
            reasons.append(f"AFTERCARE_{name} is not encrypted: use https (http is for loopback in development)")
        if parts.query or parts.fragment:
            reasons.append(f"AFTERCARE_{name} has a query or a fragment: leave them out")
    if urlsplit(settings.public_url).path not in ("", "/"):
        reasons.append("AFTERCARE_PUBLIC_URL has a path: the API is served at the root of its host")
    return reasons
