"""Settings: their defaults, and the messages for invalid values."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.payments.fault_injection import FaultInjection
from settings import Settings, SettingsError, load_settings
from settings.constants import DEMO_CARRIER, SIMULATED

STAFF_KEY, WAREHOUSE_KEY = "0f7c" * 8, "9a1b" * 8
LONG = "s3cr3t-" * 5
PRODUCTION = {
    "AFTERCARE_ENVIRONMENT": "production",
    "AFTERCARE_PAYMENTS": "stripe",
    "AFTERCARE_STRIPE_API_KEY": "sk_live_4711",
    "AFTERCARE_SECRET": "0123456789abcdef0123456789abcdef",
    "AFTERCARE_API_KEYS": f"staff:{STAFF_KEY},warehouse:{WAREHOUSE_KEY}",
    "AFTERCARE_ENCRYPTION_KEYS_FILE": "/run/secrets/aftercare-encryption-keys",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"AFTERCARE_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_development_needs_nothing(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.development
    assert settings.home == tmp_path / ".aftercare"
    assert settings.database_url == f"sqlite:///{tmp_path}/.aftercare/aftercare.db"
    assert settings.api_keys == {"dev": "admin"}
    assert (settings.api_host, settings.api_port, settings.spread_minutes) == ("127.0.0.1", 8000, 0)
    assert settings.temporal_ui_url == "http://127.0.0.1:8233"


def test_the_pages_address_follows_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_TEMPORAL_UI_PORT="9000")
    assert load_settings().temporal_ui_url == "http://127.0.0.1:9000"
    given(monkeypatch, AFTERCARE_TEMPORAL_UI_URL="https://temporal.example")
    assert load_settings().temporal_ui_url == "https://temporal.example"


def test_production_starts_when_everything_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PRODUCTION)
    assert load_settings().api_keys == {STAFF_KEY: "staff", WAREHOUSE_KEY: "warehouse"}
    given(monkeypatch, AFTERCARE_API_KEYS="")  # those of the database are enough
    assert load_settings().api_keys == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AFTERCARE_API_KEYS", f"admin:dev,staff:{STAFF_KEY}", "'dev' is for development only"),
        ("AFTERCARE_PAYMENTS", "simulated", "AFTERCARE_PAYMENTS=stripe"),
        ("AFTERCARE_STRIPE_API_KEY", "sk_test_4711", "no live key, no card would ever be charged"),
        ("AFTERCARE_STRIPE_API_BASE", "http://127.0.0.1:8420", "AFTERCARE_STRIPE_API_BASE is for development only"),
        ("AFTERCARE_SECRET", "", "AFTERCARE_SECRET"),
        ("AFTERCARE_SECRET", "short", "too short"),
        ("AFTERCARE_SECRET", " " * 40, "too short"),
        ("AFTERCARE_API_KEYS", f"admin:{LONG},staff:{'k' * 31}", "AFTERCARE_API_KEYS has a key of fewer than 32"),
        ("AFTERCARE_API_KEYS", '{"short": "admin"}', "AFTERCARE_API_KEYS has a key of fewer than 32"),
        ("AFTERCARE_WEBHOOK_SECRETS", "stripe:whsec_1", "AFTERCARE_WEBHOOK_SECRETS has a secret of fewer than 32"),
        ("AFTERCARE_WEBHOOK_SECRETS", '{"carrier-ups": "x"}', "AFTERCARE_WEBHOOK_SECRETS has a secret of fewer than"),
        ("AFTERCARE_WEBHOOK_SECRETS", f"simulated:{LONG}", "AFTERCARE_WEBHOOK_SECRETS"),
        ("AFTERCARE_ENCRYPTION_KEYS_FILE", "", "no key encrypts what Temporal stores"),
        ("AFTERCARE_SIMULATED_MISCHIEF", '{"repeat": 0.1}', "AFTERCARE_SIMULATED_MISCHIEF"),
    ],
)
def test_production_refuses_development_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    given(monkeypatch, **PRODUCTION | {name: value})
    with pytest.raises(SettingsError, match=words):
        load_settings()


@pytest.mark.parametrize("key", ["sk_test_4711", "rk_test_4711"])
def test_development_pays_with_a_test_key(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    given(monkeypatch, AFTERCARE_PAYMENTS="stripe", AFTERCARE_STRIPE_API_KEY=key)
    assert load_settings().payments == "stripe"


def test_development_refuses_a_key_that_moves_money(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_PAYMENTS="stripe", AFTERCARE_STRIPE_API_KEY="sk_live_4711")
    with pytest.raises(SettingsError, match="no test key, and development must move no money") as refusal:
        load_settings()
    assert "4711" not in str(refusal.value)


def test_production_names_every_reason_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_ENVIRONMENT="production")
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AFTERCARE_API_PORT", "70000"),
        ("AFTERCARE_ENVIRONMENT", "staging"),
        ("AFTERCARE_LOG_LEVEL", "loud"),
        ("AFTERCARE_SIMULATED_MISCHIEF", '{"lose_answers": 1.1}'),
        ("AFTERCARE_SIMULATED_MISCHIEF", '{"repeat": -1}'),
        ("AFTERCARE_SIMULATED_MISCHIEF", '{"looseanswers": 0.1}'),
        ("AFTERCARE_API_KEYS", "hush-4711"),
        ("AFTERCARE_API_KEYS", "hush-4711:staff"),
        ("AFTERCARE_API_KEYS", '{"hush-4711"'),
        ("AFTERCARE_API_KEYS", '["hush-4711"]'),
        ("AFTERCARE_API_KEYS", '{"": "admin"}'),
        ("AFTERCARE_API_KEYS", '{"hush 4711": "admin"}'),
        ("AFTERCARE_API_KEYS", '{" hush-4711": "admin"}'),
        ("AFTERCARE_API_KEYS", '{"hush\\u00a04711": "admin"}'),
        ("AFTERCARE_API_KEYS", '{"hush-4711": {"role": "admin"}}'),
        ("AFTERCARE_API_KEYS", "staff:,admin:hush-4711"),
        ("AFTERCARE_API_KEYS", "staff:hush 4711"),
        ("AFTERCARE_API_KEYS", "staff: hush-4711"),
        ("AFTERCARE_API_KEYS", "staff:hush-4711,warehouse:hush-4711"),
        ("AFTERCARE_API_KEYS", '{"hush-4711": "staff", "hush-4711": "warehouse"}'),
        ("AFTERCARE_WEBHOOK_SECRETS", "hush-4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", "stripe:hush 4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", '{"stripe": ""}'),
        ("AFTERCARE_WEBHOOK_SECRETS", '{"stripe": "hush-4711", "stripe": "hush-4712"}'),
        ("AFTERCARE_WEBHOOK_SECRETS", "stripe:hush-4711,carrier-ups:hush-4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", "stripe:"),
        ("AFTERCARE_WEBHOOK_SECRETS", ":hush-4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", "Stripe:hush-4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", "carrier-:hush-4711"),
        ("AFTERCARE_WEBHOOK_SECRETS", "stripe:hush-4711,stripe:hush-4712"),
        ("AFTERCARE_WEBHOOK_SECRETS", '{"hush-4711"'),
    ],
)
def test_a_refusal_names_the_variable_and_repeats_no_key(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    given(monkeypatch, **{name: value})
    with pytest.raises(SettingsError, match=name) as refusal:
        load_settings()
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AFTERCARE_SMTP_URL", "mail.example:hush", "the mail server's address is"),
        ("AFTERCARE_SMTP_URL", "http://u:hush@mail.example", "the mail server's address is"),
        ("AFTERCARE_DATABASE_URL", "mysql://u:hush@db/x", "postgresql://user:password@host/name or sqlite:///path"),
        ("AFTERCARE_DATABASE_URL", "hush", "postgresql://user:password@host/name or sqlite:///path"),
        ("AFTERCARE_DATABASE_URL", "postgresql://db:hush/x", "postgresql://user:password@host/name or sqlite"),
        ("AFTERCARE_MAIL_SENDER", "Aftercare <hush", "care@example.com"),
        ("AFTERCARE_TEMPORAL_UI_URL", "hush", "https://host:8233"),
        ("AFTERCARE_STRIPE_API_BASE", "hush:80", "https://host:8233"),
        ("AFTERCARE_POLICY", '{"cure_dyas": 0}', "'cure_dyas' is no key of the policy: did you mean cure_days"),
        ("AFTERCARE_POLICY", '{"nonsense_of_ours": 0}', "is no key of the policy: remove it"),
        ("AFTERCARE_POLICY", '{"cure_days": "hush"}', "cure_days: Input should be a valid integer"),
        ("AFTERCARE_POLICY", '{"cure_days": -1}', "cure_days is -1: it must not be below zero"),
        ("AFTERCARE_POLICY", "{hush", "not JSON"),
        ("AFTERCARE_SIMULATED_MISCHIEF", "{hush", "not JSON"),
        ("AFTERCARE_RETURN_ADDRESSES", '{"US": []}', "US: "),
        ("AFTERCARE_API_PROT", "1", "AFTERCARE_API_PROT is no setting: did you mean AFTERCARE_API_PORT"),
        ("aftercare_api_keyz", "hush", "aftercare_api_keyz is no setting: did you mean AFTERCARE_API_KEYS"),
        ("AFTERCARE_NONSENSE", "hush", "AFTERCARE_NONSENSE is no setting: remove it"),
    ],
)
def test_a_wrong_setting_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    given(monkeypatch, **{name: value})
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert words in str(refused.value)
    assert name in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert "hush" not in str(refused.value)


def test_a_misspelt_variable_and_a_wrong_value_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_API_PROT="1", AFTERCARE_API_PORT="70000", AFTERCARE_LOG_LEVEL="loud")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@db/aftercare",
        "postgresql+psycopg://db/aftercare?sslmode=require",
        "postgresql:///?service=aftercare",
        "postgres://db/aftercare",
        "sqlite:////var/lib/aftercare.db",
        "sqlite://",
    ],
)
def test_every_form_of_a_databases_url_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    given(monkeypatch, AFTERCARE_DATABASE_URL=url)
    assert load_settings().database_url == url


def test_variables_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_TEST_CLAIMS="500", AFTERCARE_API_PORT="8001")
    assert load_settings().api_port == 8001


def test_keys_are_pairs_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_API_KEYS=" staff:a:b , admin:c ")
    assert load_settings().api_keys == {"a:b": "staff", "c": "admin"}
    given(monkeypatch, AFTERCARE_API_KEYS='{"a:b": "staff"}')
    assert load_settings().api_keys == {"a:b": "staff"}


@pytest.mark.parametrize("keys", [{"": "admin"}, {"two words": "admin"}, {"caf\xe9": "admin"}])
def test_an_unusable_key_is_refused_however_it_is_given(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a key"):
        Settings(api_keys=keys)


def test_development_takes_short_keys_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, AFTERCARE_API_KEYS="admin:x", AFTERCARE_WEBHOOK_SECRETS="carrier-demo:secret")
    assert load_settings().api_keys == {"x": "admin"}


def test_webhook_secrets_are_pairs_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PRODUCTION, AFTERCARE_WEBHOOK_SECRETS=f" stripe:{LONG}:2 , carrier-ups:{LONG} ")
    assert load_settings().senders() == {"stripe": f"{LONG}:2", "carrier-ups": LONG}
    given(monkeypatch, AFTERCARE_WEBHOOK_SECRETS=f'{{"stripe": "{LONG},2"}}')
    assert load_settings().senders() == {"stripe": f"{LONG},2"}


def test_production_has_only_the_configured_webhook_senders(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PRODUCTION)
    assert load_settings().senders() == {}


def test_development_makes_secrets_for_its_own_senders(tmp_path: Path) -> None:
    made = Settings(home=tmp_path).senders()
    assert set(made) == {SIMULATED, DEMO_CARRIER}
    assert len({*made.values(), Settings(home=tmp_path).signing_secret()}) == 3
    assert Settings(home=tmp_path).senders() == made
    assert Settings(home=tmp_path, webhook_secrets={DEMO_CARRIER: "x"}).senders() == made | {DEMO_CARRIER: "x"}


def test_no_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql+psycopg://aftercare:hush@db/aftercare"
    given(monkeypatch, **PRODUCTION, AFTERCARE_DATABASE_URL=url, AFTERCARE_WEBHOOK_SECRETS=f"stripe:{LONG}")
    printed = repr(load_settings())
    assert "hush" not in printed
    assert STAFF_KEY not in printed
    assert LONG not in printed
    assert "4711" not in printed
    assert PRODUCTION["AFTERCARE_SECRET"] not in printed


def test_a_child_sees_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "x",
        api_port=8123,
        api_keys={"a:b": "staff"},
        webhook_secrets={"stripe": "a,b:c"},
        simulated_mischief=FaultInjection(lose_answers=0.2, shuffle=True),
        smtp_url=SecretStr("smtp://u:p@localhost:25"),
    )
    given(monkeypatch, **settings.to_environment())
    assert load_settings() == settings


def test_the_secret_of_development_is_made_once(tmp_path: Path) -> None:
    first = Settings(home=tmp_path).signing_secret()
    assert len(first) == 64
    assert Settings(home=tmp_path).signing_secret() == first
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    assert Settings(home=tmp_path, secret=SecretStr("given")).signing_secret() == "given"


def test_reference_and_metrics_are_open_in_development_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().open_pages == {"docs", "metrics"}
    given(monkeypatch, **PRODUCTION)
    assert load_settings().open_pages == set()
    given(monkeypatch, AFTERCARE_OPEN_PAGES="metrics, docs")
    assert load_settings().open_pages == {"docs", "metrics"}
    given(monkeypatch, AFTERCARE_OPEN_PAGES="metrics,secrets")
    with pytest.raises(SettingsError, match="AFTERCARE_OPEN_PAGES"):
        load_settings()


def test_a_worker_caches_a_thousand_claims_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().worker_cached_claims == 1000
    given(monkeypatch, AFTERCARE_WORKER_CACHED_CLAIMS="5000")
    assert load_settings().worker_cached_claims == 5000
    given(monkeypatch, AFTERCARE_WORKER_CACHED_CLAIMS="0")
    with pytest.raises(SettingsError, match="AFTERCARE_WORKER_CACHED_CLAIMS"):
        load_settings()
