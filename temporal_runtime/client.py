"""Temporal: the client as the settings configure it, with encrypted payloads."""

from collections.abc import Sequence

from temporalio.client import Client, Interceptor
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime

from settings import Settings
from temporal_runtime.connection import connect
from temporal_runtime.data_converter import converter_with
from temporal_runtime.encryption_keys import load_encryption_keys
from temporal_runtime.payload_encryption import PayloadEncryption


def data_converter(settings: Settings) -> DataConverter:
    """The data converter with the settings' encryption keys. Raises SettingsError."""
    return converter_with(PayloadEncryption(load_encryption_keys(settings)))


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
