"""Encryption of payloads: every key of a rotation reads, the first one writes, and a refusal repeats no key."""

import base64
import stat
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload

from devstack.commands import scratch_settings
from settings import SettingsError
from temporal_runtime.encryption_keys import DEVELOPMENT_KEY_ID, load_encryption_keys
from temporal_runtime.payload_encryption import ENCODING, KeyMissing, PayloadEncryption, parse_keys

OLD, NEW = b"o" * 32, b"n" * 32
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"Ada Quennelwick"')


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


async def test_a_payload_is_unreadable_and_comes_back_whole() -> None:
    codec = PayloadEncryption({"k1": OLD})
    (sealed,) = await codec.encode([PLAIN])
    assert b"Quennelwick" not in sealed.SerializeToString()
    assert (sealed.metadata["encoding"], sealed.metadata["encryption-key-id"]) == (ENCODING, b"k1")
    assert await codec.decode([sealed]) == [PLAIN]


async def test_one_payload_is_never_encrypted_alike_twice() -> None:
    codec = PayloadEncryption({"k1": OLD})
    first, second = await codec.encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_a_key_is_rotated_without_a_moment_in_which_a_process_cannot_read() -> None:
    """New key last on every process, then first, then the old one goes: each process reads all others at each step."""
    before = PayloadEncryption({"old": OLD})
    prepared = PayloadEncryption({"old": OLD, "new": NEW})
    rotated = PayloadEncryption({"new": NEW, "old": OLD})
    for writer, reader in ((before, prepared), (prepared, before), (prepared, rotated), (rotated, prepared)):
        assert await reader.decode(await writer.encode([PLAIN])) == [PLAIN]
    (sealed,) = await rotated.encode([PLAIN])
    assert sealed.metadata["encryption-key-id"] == b"new"


async def test_what_began_before_encryption_is_still_read() -> None:
    assert await PayloadEncryption({"k1": OLD}).decode([PLAIN]) == [PLAIN]


async def test_payloads_stay_readable_while_processes_of_the_release_before_run() -> None:
    keys = parse_keys(f"unencrypted,k1:{encoded(OLD)}")
    reading, encrypting = PayloadEncryption(keys), PayloadEncryption({"k1": OLD})
    assert await reading.encode([PLAIN]) == [PLAIN]
    assert await reading.decode(await encrypting.encode([PLAIN])) == [PLAIN]


async def test_a_missing_key_is_named() -> None:
    sealed = await PayloadEncryption({"k1": OLD}).encode([PLAIN])
    with pytest.raises(KeyMissing, match="the encryption key 'k1' is not among the configured ones"):
        await PayloadEncryption({"k2": OLD}).decode(sealed)


@pytest.mark.parametrize("place", [0, 20, -1])
async def test_a_changed_payload_is_refused(place: int) -> None:
    codec = PayloadEncryption({"k1": OLD})
    (sealed,) = await codec.encode([PLAIN])
    data = bytearray(sealed.data)
    data[place] ^= 1
    with pytest.raises(KeyMissing, match="does not belong to the encryption key 'k1'"):
        await codec.decode([Payload(metadata=dict(sealed.metadata), data=bytes(data))])


def test_keys_are_written_with_commas_or_on_lines_and_in_either_alphabet() -> None:
    key = bytes(range(224, 256))
    urlsafe = base64.urlsafe_b64encode(key).decode()
    assert parse_keys(f" a:{encoded(OLD)} , b:{encoded(NEW)}") == {"a": OLD, "b": NEW}
    assert list(parse_keys(f"b:{encoded(NEW)}\n\na:{encoded(OLD)}\n")) == ["b", "a"]
    assert parse_keys(f"a:{encoded(key)}") == parse_keys(f"a:{urlsafe}") == {"a": key}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no key"),
        ("hush", "no id or no key"),
        ("a:hush", "not base64|no key of 32 bytes"),
        (f"a:{encoded(b'short')}", "no key of 32 bytes"),
        (f":{encoded(OLD)}", "no id"),
        (f"a b:{encoded(OLD)}", "no id"),
        (f"a:{encoded(OLD)},a:{encoded(NEW)}", "two keys have one id"),
        ("unencrypted", "there is no key"),
        (f"a:{encoded(OLD)},unencrypted", "no id or no key"),
        (f"unencrypted:{encoded(OLD)}", "no id or no key"),
    ],
)
def test_a_refusal_of_keys_says_what_to_write_and_repeats_none(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        parse_keys(text)
    assert "openssl rand -base64 32" in str(refusal.value)
    assert "hush" not in str(refusal.value)
    assert encoded(OLD) not in str(refusal.value)


def test_development_makes_a_key_once_that_nobody_else_reads(tmp_path: Path) -> None:
    settings = scratch_settings(tmp_path)
    keys = load_encryption_keys(settings)
    assert list(keys) == [DEVELOPMENT_KEY_ID]
    assert load_encryption_keys(settings) == keys
    assert stat.S_IMODE((tmp_path / "encryption-key").stat().st_mode) == 0o600


def test_keys_come_from_the_settings_a_file_or_a_command(tmp_path: Path) -> None:
    text = f"k1:{encoded(OLD)}"
    file = tmp_path / "keys"
    file.write_text(text)
    settings = scratch_settings(tmp_path)
    for change in (
        {"encryption_keys": SecretStr(text)},
        {"encryption_keys_file": file},
        {"encryption_keys_command": f"{sys.executable} -c \"print('{text}')\""},
    ):
        assert load_encryption_keys(settings.model_copy(update=change)) == {"k1": OLD}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encryption_keys": SecretStr("hush")}, "AFTERCARE_ENCRYPTION_KEYS: "),
        (
            {"encryption_keys_file": Path("/nowhere/keys")},
            "AFTERCARE_ENCRYPTION_KEYS_FILE cannot be read: No such file",
        ),
        ({"encryption_keys_command": "false"}, "AFTERCARE_ENCRYPTION_KEYS_COMMAND ended with 1"),
        ({"encryption_keys_command": "nowhere-4711"}, "AFTERCARE_ENCRYPTION_KEYS_COMMAND cannot be run"),
        ({"encryption_keys_command": "echo hush"}, "AFTERCARE_ENCRYPTION_KEYS_COMMAND: "),
    ],
)
def test_a_source_without_keys_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as refusal:
        load_encryption_keys(scratch_settings(tmp_path).model_copy(update=change))
    assert "hush" not in str(refusal.value)
