"""Temporal: the client as the settings configure it, with encrypted payloads."""

import logging
from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime

from settings import Settings
from temporal_runtime.connection import connect
from temporal_runtime.data_converter import converter_with
from temporal_runtime.encryption_keys import load_encryption_keys
from temporal_runtime.payload_encryption import UNENCRYPTED, PayloadEncryption

log = logging.getLogger("aftercare.temporal")


def data_converter(settings: Settings) -> DataConverter:
    """The data converter with the settings' encryption keys. Raises SettingsError."""
    keys = load_encryption_keys(settings)
    if UNENCRYPTED in keys:
        log.warning("payloads are written unencrypted: take %r off the encryption keys after the upgrade", UNENCRYPTED)
    return converter_with(PayloadEncryption(keys))


async def connect_client(
    settings: Settings,
    *,
    wait_seconds: float | None = None,
    address: str | None = None,
    runtime: Runtime | None = None,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """A connected client. `wait_seconds`: the settings' by default. Raises SettingsError, TemporalUnreachable."""
    wait = settings.connect_seconds if wait_seconds is None else wait_seconds
    return await connect(
        wait_seconds=wait,
        converter=data_converter(settings),
        address=address,
        runtime=runtime,
        interceptors=interceptors,
    )
