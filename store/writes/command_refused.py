"""Store, the write side: the error of a command that cannot be executed. Knows neither HTTP nor Temporal."""

from typing import Literal

RefusalCode = Literal["not_found", "conflict", "invalid_request"]


class CommandRefused(Exception):
    """Nothing was written. `fields` are the invalid fields: pairs of name and message for people."""

    def __init__(self, code: RefusalCode, *fields: tuple[str, str]) -> None:
        super().__init__(" ".join(message for _, message in fields))
        self.code = code
        self.fields = fields
