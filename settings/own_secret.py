"""The secrets that the data folder makes for itself, for development."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

_BYTES: Final = 32


def own_secret(home: Path, name: str) -> str:
    """The secret `name` of the data folder, 32 bytes in hexadecimal, made at the first call."""
    file = home / name
    if not file.exists():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f"{name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(_BYTES))
        # Two processes may start at once: the first link wins, the other process reads its secret.
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()
