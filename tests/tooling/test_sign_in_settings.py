"""The settings of staff sign-in: whole or not at all, and encrypted but on one machine."""

import pytest
from pydantic import SecretStr

from settings import Settings, SettingsError, load_settings
from tests.tooling.test_settings import PRODUCTION, given

PROVIDER = {
    "AFTERCARE_OIDC_ISSUER": "https://login.example",
    "AFTERCARE_OIDC_CLIENT_ID": "aftercare",
    "AFTERCARE_OIDC_ROLES": "staff:aftercare-staff,finance:aftercare-finance",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"AFTERCARE_{name.upper()}", raising=False)


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    given(monkeypatch, **variables)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return str(refused.value)


def test_nobody_signs_in_by_default() -> None:
    settings = load_settings()
    assert (settings.oidc_issuer, settings.session_idle_minutes, settings.session_hours) == ("", 30, 12)
    assert settings.browser_url == "http://127.0.0.1:8000"


def test_a_group_has_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, **PROVIDER)
    assert load_settings().oidc_roles == {"aftercare-staff": "staff", "aftercare-finance": "finance"}
    groups = '{"cn=staff,ou=groups": "staff", "9d1f: leads": "staff"}'
    given(monkeypatch, AFTERCARE_OIDC_ROLES=groups)
    assert load_settings().oidc_roles == {"cn=staff,ou=groups": "staff", "9d1f: leads": "staff"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("AFTERCARE_OIDC_ROLES", "king:leads", "unknown role"),
        ("AFTERCARE_OIDC_ROLES", "leads", "each entry is role:group"),
        ("AFTERCARE_OIDC_ROLES", "staff:leads,finance:leads", "a group is given twice"),
        ("AFTERCARE_OIDC_ROLES", "", "AFTERCARE_OIDC_ROLES"),
        ("AFTERCARE_OIDC_CLIENT_ID", "", "AFTERCARE_OIDC_CLIENT_ID"),
        ("AFTERCARE_OIDC_ISSUER", "", "AFTERCARE_OIDC_ISSUER"),
        ("AFTERCARE_OIDC_ISSUER", "login.example", "AFTERCARE_OIDC_ISSUER"),
        ("AFTERCARE_OIDC_ISSUER", "http://login.example", "AFTERCARE_OIDC_ISSUER is not encrypted"),
        ("AFTERCARE_OIDC_ISSUER", "https://login.example?tenant=1", "a query or a fragment"),
        ("AFTERCARE_OIDC_SCOPES", "profile email", "AFTERCARE_OIDC_SCOPES"),
        ("AFTERCARE_PUBLIC_URL", "http://aftercare.example", "AFTERCARE_PUBLIC_URL is not encrypted"),
        ("AFTERCARE_PUBLIC_URL", "https://aftercare.example/api", "AFTERCARE_PUBLIC_URL has a path"),
        ("AFTERCARE_SESSION_IDLE_MINUTES", "0", "AFTERCARE_SESSION_IDLE_MINUTES"),
        ("AFTERCARE_SESSION_HOURS", "169", "AFTERCARE_SESSION_HOURS"),
    ],
)
def test_a_wrong_setting_of_the_sign_in_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    assert words in refusal(monkeypatch, **PROVIDER | {name: value})


def test_one_machine_needs_no_encryption_in_development_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"AFTERCARE_OIDC_ISSUER": "http://127.0.0.1:9000", "AFTERCARE_PUBLIC_URL": "http://localhost:8000/"}
    given(monkeypatch, **PROVIDER | local)
    assert load_settings().browser_url == "http://localhost:8000"
    assert "PUBLIC_URL is not encrypted" in refusal(monkeypatch, **PRODUCTION)


def test_production_names_the_address_that_people_come_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AFTERCARE_PUBLIC_URL" in refusal(monkeypatch, **PRODUCTION | PROVIDER)
    given(monkeypatch, AFTERCARE_PUBLIC_URL="https://aftercare.example")
    assert load_settings().browser_url == "https://aftercare.example"


def test_a_child_sees_the_same_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"a:b,c": "staff"}
    settings = Settings(
        oidc_issuer="https://login.example",
        oidc_client_id="aftercare",
        oidc_client_secret=SecretStr("hush"),
        oidc_roles=groups,
    )
    given(monkeypatch, **settings.to_environment())
    assert load_settings() == settings
