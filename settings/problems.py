"""Invalid settings as readable lines. Values are not repeated: they may be secrets."""

from typing import Final

from pydantic import ValidationError

from settings.constants import PREFIX

_NAMED_PARTS: Final = frozenset({"policy", "simulated_mischief", "return_addresses"})
"""Settings whose parts are named in a refusal. The names of others' parts may be keys."""


def describe(error: ValidationError) -> str:
    """A validation error of ``Settings`` as readable lines."""
    lines: list[str] = []
    for detail in error.errors(include_url=False, include_input=False):
        message = detail["msg"].removeprefix("Value error, ")
        name, *place = [str(each) for each in detail["loc"]] or [""]
        variable = f"{PREFIX}{name.upper()}: " if name else ""
        if place and name in _NAMED_PARTS:
            variable += f"{'.'.join(place)}: "
        lines.extend(f"{variable}{line}" for line in message.splitlines())
    return "\n".join(lines)
