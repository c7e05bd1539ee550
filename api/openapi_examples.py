"""API: examples of request and response models in the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def with_example(example: dict[str, Any], constraints: dict[str, Any] | None = None) -> ConfigDict:
    """Configuration of a model whose schema has `example`; the rest is inherited.

    `constraints` are keywords of JSON Schema for what the fields' types cannot say, as `if` and `then`.
    """
    return ConfigDict(json_schema_extra={"examples": [example], **(constraints or {})})


def examples_of(model: type[BaseModel]) -> list[Any]:
    """The examples of `model`, nulls included."""
    extra = model.model_config.get("json_schema_extra")
    examples: Any = extra.get("examples", []) if isinstance(extra, dict) else []
    return list(examples)
