"""API: text of a fixed form: the document shows the pattern, an error says in words what the text must be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, Field


@dataclass(frozen=True, slots=True)
class TextForm(GroupedMetadata):
    """Annotation of a text that matches `pattern` (anchored at both ends); `must` completes "must be"."""

    pattern: str
    must: str

    def __iter__(self) -> Iterator[Any]:
        yield Field(json_schema_extra={"pattern": self.pattern})
        yield AfterValidator(self._check)

    def _check(self, text: str) -> str:
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(f"must be {self.must}")
        return text
