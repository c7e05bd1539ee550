"""Domain: why something was refused or charged, in words a customer can read, with the rule that says so."""

from dataclasses import dataclass

from domain.kinds import ReasonCode


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` for programs, `rule` as in docs/rules (R-...), `message` for people."""

    code: ReasonCode
    rule: str
    message: str


class RuleError(Exception):
    """A rule forbids it. Carries a stable `code` and the `rule` id; knows no HTTP status."""

    def __init__(self, code: str, rule: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.rule = rule
        self.message = message
