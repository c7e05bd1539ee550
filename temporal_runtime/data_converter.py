"""Temporal: how payloads are converted. The same in every client and worker."""

from __future__ import annotations

from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
    PayloadCodec,
)

_PYDANTIC_JSON = PydanticJSONPlainPayloadConverter()


class SharedPydanticConverter(CompositePayloadConverter):
    """The SDK's pydantic converter with one set of validators for the process.

    The SDK makes a converter for each workflow instance; the pydantic part caches validators, so sharing it avoids
    building them again for each claim in the worker's cache.
    """

    def __init__(self) -> None:
        super().__init__(
            *(
                _PYDANTIC_JSON if isinstance(converter, JSONPlainPayloadConverter) else converter
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )


DATA_CONVERTER = DataConverter(payload_converter_class=SharedPydanticConverter)
"""Without a codec: what is stored is readable."""


def converter_with(codec: PayloadCodec) -> DataConverter:
    """The converter whose payloads, failure messages and stack traces pass through `codec`."""
    return DataConverter(
        payload_converter_class=SharedPydanticConverter,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
