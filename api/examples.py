"""API: how a body or an answer carries its example into the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def shows(example: dict[str, Any]) -> ConfigDict:
    """Configuration of a model whose schema shows `example`; the rest is inherited."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def example_of(model: type[BaseModel]) -> list[Any]:
    """What `model` shows, nulls included."""
    extra = model.model_config.get("json_schema_extra")
    examples: Any = extra.get("examples", []) if isinstance(extra, dict) else []
    return list(examples)
