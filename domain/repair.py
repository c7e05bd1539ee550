"""Domain: a repair quote and its four options (R-REP)."""

from dataclasses import dataclass
from datetime import datetime

from domain.dates import utc_text, whole_second
from domain.kinds import RepairChoice
from domain.money import Money
from domain.reasons import RuleError

REMINDER_DAYS = {"repair_reminder_7": 7, "repair_reminder_23": 23, "repair_reminder_29": 29}
"""Days after the quote on which the customer is reminded to choose and pay (R-REP-2)."""


@dataclass(frozen=True, slots=True)
class RepairQuote:
    """What the workshop found. `amount` is the price of a paid repair; `warranty`: the warranty covers it.

    `replacement_fee` is what a Care replacement would cost, None when no use is left. `pay_until` is the last second
    to choose and pay. `version` counts the quotes of the claim from 1: until one is `chosen`, a later one replaces it
    (R-REP-5). Claims of release 0.2.0 do not say what was chosen.
    """

    findings: str
    amount: Money
    warranty: bool
    replacement_fee: Money | None
    quoted_at: datetime
    pay_until: datetime
    version: int = 1
    chosen: RepairChoice | None = None


def options(quote: RepairQuote) -> tuple[RepairChoice, ...]:
    """The available options, shown together (R-REP-1)."""
    available = []
    if quote.warranty:
        available.append(RepairChoice.WARRANTY_REPAIR)
    if quote.replacement_fee is not None:
        available.append(RepairChoice.REPLACEMENT)
    return (*available, RepairChoice.PAID_REPAIR, RepairChoice.RETURN)


def price(quote: RepairQuote, choice: RepairChoice) -> Money:
    """The price of `choice`; RuleError when it is not available."""
    if choice not in options(quote):
        why = {
            RepairChoice.WARRANTY_REPAIR: "The warranty does not bear this repair.",
            RepairChoice.REPLACEMENT: "No replacement of the plan is left for this case.",
        }[choice]
        raise RuleError("action_not_allowed", "R-REP-1", why)
    if choice is RepairChoice.PAID_REPAIR:
        return quote.amount
    if choice is RepairChoice.REPLACEMENT and quote.replacement_fee is not None:
        return quote.replacement_fee
    return quote.amount.zero()


def require_version(quote: RepairQuote, choice: RepairChoice, version: int | None) -> None:
    """R-REP-5: RuleError when `version`, which the customer chooses from, is not the quote in force.

    A quote that was revised is chosen by its version wherever it costs something: who saw the one before agreed to
    another price.
    """
    if version == quote.version or (version is None and (quote.version == 1 or not price(quote, choice))):
        return
    seen = "the quote was revised" if version is None else f"version {version} of the quote is not in force"
    message = f"Nothing was chosen: {seen}. Version {quote.version} is {quote.amount}; name it as quote_version."
    raise RuleError("action_not_allowed", "R-REP-5", message)


def needs_second_person(amount: Money, product_value: Money, percent: int) -> bool:
    """R-REP-6: whether a quote is so large, beside the product's value, that one person alone does not give it."""
    return amount.amount * 100 > product_value.amount * percent


def require_second_person(author: str, approver: str) -> None:
    """R-REP-6: RuleError when the quote is approved with the key that made it."""
    if author == approver:
        message = "A large quote is approved by another person than the one who made it, with a key of their own."
        raise RuleError("refused", "R-REP-6", message)


def require_warranty(warranty_until: datetime | None, opened_at: datetime) -> None:
    """RuleError when a quote claims the warranty for a case opened after its last second (R-PLN-4, R-CLM-2)."""
    if warranty_until is None:
        raise RuleError("invalid_request", "R-PLN-4", "The warranty has not begun.")
    if whole_second(opened_at) > warranty_until:
        raise RuleError("invalid_request", "R-PLN-4", f"The warranty ended at {utc_text(warranty_until)}.")
