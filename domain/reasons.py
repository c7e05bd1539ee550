"""Domain: why something was refused or charged, in text for customers, with the id of the rule."""

from dataclasses import dataclass

from domain.kinds import ReasonCode


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` for programs, `rule` as in docs/rules (R-...), `message` for people."""

    code: ReasonCode
    rule: str
    message: str


class RuleError(Exception):
    """A rule forbids it. `code` is stable and `rule` is the rule's id; the API maps them to an HTTP status."""

    def __init__(self, code: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.rule = rule
        self.message = message
