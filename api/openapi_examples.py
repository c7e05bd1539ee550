"""API: examples of request and response models in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def with_example(example: dict[str, Any]) -> ConfigDict:
    """Configuration of a model whose schema has `example`; the rest is inherited."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def examples_of(model: type[BaseModel]) -> list[Any]:
    """The examples of `model`, nulls included."""
    extra = model.model_config.get("json_schema_extra")
    examples: Any = extra.get("examples", []) if isinstance(extra, dict) else []
    return list(examples)
