"""Store: the terms that customers accept, one file a version. A version that was accepted is never edited."""

from pathlib import Path
from typing import Final

_TEXTS: Final = {file.stem: file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("*.md")}


def terms_text(version: str) -> str | None:
    """The text of `version` in Markdown, None for an unknown version."""
    return _TEXTS.get(version)
