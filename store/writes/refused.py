"""Store, the write side: a command that cannot be done as it stands. Knows neither HTTP nor Temporal."""

from typing import Literal

Code = Literal["not_found", "conflict", "invalid_request"]


class Refused(Exception):
    """Nothing was written. `fields` says which field is wrong and why: pairs of name and message for people."""

    def __init__(self, code: Code, *fields: tuple[str, str]) -> None:
        super().__init__(" ".join(message for _, message in fields))
        self.code = code
        self.fields = fields
