"""Benchmarks: how claims stand and end in a made-up programme, each kind with its share."""

from dataclasses import dataclass
from typing import Final

from domain.kinds import Attention, ClaimState, Outcome, Service, Tier

USE_RETURNED: Final = frozenset({Outcome.CANCELLED, Outcome.PAYMENT_DECLINED, Outcome.REJECTED, Outcome.LAPSED})
"""Outcomes after which the use of the plan is given back."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """How a claim stands or ended; `weight` is its share of all claims in a thousand."""

    weight: int
    service: Service
    tier: Tier | None = None
    state: ClaimState = ClaimState.CLOSED
    outcome: Outcome | None = None
    attention: tuple[Attention, ...] = ()
    events: int = 7

    @property
    def is_service_job(self) -> bool:
        return self.service in {Service.ONLINE_REPAIR, Service.MAINTENANCE}

    @property
    def replacement_sent(self) -> bool:
        """Whether a replacement has left the warehouse."""
        if self.is_service_job or self.outcome in USE_RETURNED:
            return False
        return self.outcome is not None or (
            self.tier is Tier.PREMIUM and self.state not in {ClaimState.AWAITING_PAYMENT, ClaimState.AWAITING_DISPATCH}
        )

    @property
    def dispatch_requested(self) -> bool:
        """Whether a dispatch was requested from the warehouse."""
        return self.replacement_sent or self.state is ClaimState.AWAITING_DISPATCH


_EXPRESS, _STANDARD = (Service.CARE_EXPRESS, Tier.PREMIUM), (Service.CARE_EXPRESS, Tier.STANDARD)
_FLYAWAY, _REPAIR, _MAINTENANCE = (Service.FLYAWAY, None), (Service.ONLINE_REPAIR, None), (Service.MAINTENANCE, None)
CLOSED: Final = (
    Scenario(380, *_EXPRESS, outcome=Outcome.HOLD_RELEASED, events=9),
    Scenario(35, *_EXPRESS, outcome=Outcome.DEFAULT_CHARGED, events=9),
    Scenario(24, *_EXPRESS, outcome=Outcome.PARTS_CHARGED, events=10),
    Scenario(1, *_EXPRESS, outcome=Outcome.PARTS_CHARGED, attention=(Attention.AMOUNT_OWED,), events=10),
    Scenario(180, *_STANDARD, outcome=Outcome.REPLACED, events=7),
    Scenario(80, *_FLYAWAY, outcome=Outcome.REPLACED, events=6),
    Scenario(20, *_FLYAWAY, outcome=Outcome.REJECTED, events=4),
    Scenario(85, *_REPAIR, outcome=Outcome.REPAIRED, events=8),
    Scenario(20, *_REPAIR, outcome=Outcome.RETURNED_UNREPAIRED, events=8),
    Scenario(50, *_MAINTENANCE, outcome=Outcome.SERVICED, events=5),
    Scenario(45, *_EXPRESS, outcome=Outcome.CANCELLED, events=4),
    Scenario(30, *_EXPRESS, outcome=Outcome.PAYMENT_DECLINED, events=3),
    Scenario(10, *_STANDARD, outcome=Outcome.LAPSED, events=4),
)
OPEN: Final = (
    Scenario(4, *_FLYAWAY, state=ClaimState.AWAITING_DECISION, events=2),
    Scenario(2, *_FLYAWAY, state=ClaimState.AWAITING_PAYMENT, events=3),
    Scenario(6, *_EXPRESS, state=ClaimState.AWAITING_DISPATCH, events=3),
    Scenario(5, *_STANDARD, state=ClaimState.AWAITING_ITEM, events=2),
    Scenario(11, *_EXPRESS, state=ClaimState.AWAITING_RETURN, events=5),
    Scenario(1, *_EXPRESS, state=ClaimState.AWAITING_RETURN, attention=(Attention.HOLD_AT_RISK,), events=6),
    Scenario(3, *_EXPRESS, state=ClaimState.INSPECTING, events=6),
    Scenario(1, *_EXPRESS, state=ClaimState.AWAITING_CURE, attention=(Attention.SERIAL_UNCLEAR,), events=7),
    Scenario(1, *_EXPRESS, state=ClaimState.AWAITING_PARTS, events=7),
    Scenario(2, *_REPAIR, state=ClaimState.AWAITING_CHOICE, events=5),
    Scenario(2, *_MAINTENANCE, state=ClaimState.IN_SERVICE, events=3),
    Scenario(2, *_EXPRESS, state=ClaimState.DEFAULTED, events=7),
)
