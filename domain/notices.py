"""Domain: which notices tell a customer of a deadline, by the kind of the mail (R-NOT-2)."""

from collections.abc import Collection, Mapping
from typing import Final

from domain.kinds import ClaimState

_NAMING: Final[Mapping[ClaimState, frozenset[str]]] = {
    ClaimState.AWAITING_RETURN: frozenset(
        {"shipped", "due_minus_3", "due_minus_1", "due_day", "extended", "in_transit"}
    ),
    ClaimState.AWAITING_CURE: frozenset({"inspected_mismatch"}),
    ClaimState.AWAITING_PARTS: frozenset({"inspected_parts"}),
}
"""The mails that name the deadline of a state. In another state any mail tells the customer of the claim."""


def informs(state: ClaimState, notices: Collection[str]) -> bool:
    """Whether one of `notices` (kinds of mails) told the customer of what ends in `state` (R-NOT-2).

    A deadline that no notice told of is not charged by a machine: a person decides.
    """
    naming = _NAMING.get(state)
    return bool(notices) if naming is None else not naming.isdisjoint(notices)
