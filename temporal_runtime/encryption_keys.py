"""Temporal: where the encryption keys of payloads come from: the settings, a file, a command, or the data folder."""

import base64
import shlex
import subprocess
from typing import Final

from settings import Settings, SettingsError
from temporal_runtime.payload_encryption import parse_keys

_COMMAND_SECONDS: Final = 30
DEVELOPMENT_KEY_ID: Final = "development"


def load_encryption_keys(settings: Settings) -> dict[str, bytes]:
    """Keys by id; the first one encrypts. Development without any setting uses a key of its data folder.

    Raises SettingsError, whose message repeats no key.
    """
    if settings.encryption_keys is not None:
        return _parsed("AFTERCARE_ENCRYPTION_KEYS", settings.encryption_keys.get_secret_value())
    if settings.encryption_keys_file is not None:
        return _parsed("AFTERCARE_ENCRYPTION_KEYS_FILE", _read(settings))
    if settings.encryption_keys_command:
        return _parsed("AFTERCARE_ENCRYPTION_KEYS_COMMAND", _run(settings.encryption_keys_command))
    key = base64.b64encode(bytes.fromhex(settings.own_secret("encryption-key"))).decode()
    return parse_keys(f"{DEVELOPMENT_KEY_ID}:{key}")


def _parsed(variable: str, text: str) -> dict[str, bytes]:
    try:
        return parse_keys(text)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _read(settings: Settings) -> str:
    assert settings.encryption_keys_file is not None
    try:
        return settings.encryption_keys_file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(f"AFTERCARE_ENCRYPTION_KEYS_FILE cannot be read: {reason}") from None


def _run(command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # the operator's own command
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        raise SettingsError(
            f"AFTERCARE_ENCRYPTION_KEYS_COMMAND ended with {error.returncode}: run it by hand"
        ) from None
    except subprocess.TimeoutExpired:
        raise SettingsError(
            f"AFTERCARE_ENCRYPTION_KEYS_COMMAND did not end within {_COMMAND_SECONDS} s: run it by hand"
        ) from None
    except (OSError, ValueError) as error:
        raise SettingsError(f"AFTERCARE_ENCRYPTION_KEYS_COMMAND cannot be run: {error}") from None
    return done.stdout
