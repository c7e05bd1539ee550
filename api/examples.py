"""API: how a body or an answer carries its example into the OpenAPI document."""

from typing import Any

from pydantic import ConfigDict


def shows(example: dict[str, Any]) -> ConfigDict:
    """Configuration of a model whose schema shows `example`; the rest is inherited."""
    return ConfigDict(json_schema_extra={"examples": [example]})
