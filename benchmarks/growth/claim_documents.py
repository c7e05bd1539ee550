"""Benchmarks: the claim of a scenario in the product's own types, with placeholders for number and time of day."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from benchmarks.growth.scenarios import Scenario
from domain.catalogue import Model, Region, expected_components
from domain.claim import Claim, Hold, Incident, Inspection
from domain.coverage import new_term, quota_for
from domain.dates import start_of_day
from domain.kinds import (
    Attention,
    Category,
    Cause,
    ClaimState,
    Component,
    HoldState,
    Outcome,
    ReasonCode,
    Service,
    TermKind,
    Tier,
)
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from domain.repair import RepairQuote
from domain.returns import window
from messages.jobs import JobOpened
from messages.record import UseReserved

NUMBER: Final = "@N"
CLOCK: Final = "@T"
AT: Final = time(12, 34, 56, tzinfo=UTC)
"""The time of day in every instant of a template that stands for the customer's own."""
TERM_BEFORE: Final = 100
"""Days of cover before the claim; the term ends 265 days after it was opened."""


class ClaimDocuments:
    """The claim of one scenario in one region, opened at one time, as the product would have stored it."""

    def __init__(self, scenario: Scenario, region: Region, model: Model, at: datetime) -> None:
        self._scenario, self._region, self._model, self._at = scenario, region, model, at
        self._term = new_term(
            f"trm_{NUMBER}",
            TermKind.ONE_YEAR,
            quota_for(TermKind.ONE_YEAR, Category.DRONE, model.flyaway),
            start_of_day(at.date() - timedelta(days=TERM_BEFORE), region.time_zone),
            region.time_zone,
        )
        self._offer = model.offers[region.code]
        self._claim = self._current_claim()

    def _current_claim(self) -> Claim:
        scenario, at, region = self._scenario, self._at, self._region
        claim = replace(
            self._submitted(),
            state=scenario.state,
            outcome=scenario.outcome,
            attention=scenario.attention,
            closed_at=at + timedelta(days=12) if scenario.outcome else None,
            wait_reason="" if scenario.outcome else "for the original until 2026-11-23 07:59:59 UTC",
            deadline=None if scenario.outcome else at + timedelta(days=9),
        )
        if scenario.is_service_job:
            price = Money(self._offer.fees[0].amount + 1, region.currency)
            quote = RepairQuote("Front arm broken.", price, False, self._offer.fees[0], at, at + timedelta(days=30))
            return replace(claim, repair_quote=quote if scenario.events >= 5 else None)
        if scenario.replacement_sent:
            claim = replace(claim, replacement_serial_number=f"SN{NUMBER}R", dispatched_on=at.date())
        if scenario.tier is Tier.PREMIUM and scenario.outcome is not Outcome.PAYMENT_DECLINED:
            claim = replace(claim, hold=self._hold())
            if scenario.replacement_sent:
                sent_at = at + timedelta(days=1)
                expected = expected_components(self._model, replace_battery=False)
                back = window(sent_at, region.window_days, region.time_zone, expected, Policy())
                claim = replace(claim, returning=back, deadline=None if scenario.outcome else back.due_at)
        if scenario.state is ClaimState.AWAITING_CURE or (
            scenario.tier and scenario.outcome in {Outcome.HOLD_RELEASED, Outcome.REPLACED}
        ):
            seen = Inspection(
                at + timedelta(days=8), f"SN{NUMBER}", True, (Component.AIRCRAFT,), "Scratches.", ("1.jpg",)
            )
            claim = replace(claim, inspection=seen)
        if scenario.outcome in {Outcome.REJECTED, Outcome.DEFAULT_CHARGED}:
            reason = Reason(ReasonCode.NOT_RECEIVED, "R-RET-7", "The original unit did not arrive in time.")
            claim = replace(claim, reasons=(reason,))
        if Attention.AMOUNT_OWED in scenario.attention:
            claim = replace(claim, amount_owed=self._offer.fees[0])
        return claim

    def _submitted(self) -> Claim:
        scenario = self._scenario
        fee = Money(0, self._region.currency) if scenario.is_service_job else self._offer.fees[0]
        cause = Cause.FLYAWAY if scenario.service is Service.FLYAWAY else Cause.COLLISION
        return Claim(
            id=f"clm_{NUMBER}",
            service=scenario.service,
            tier=scenario.tier,
            state=ClaimState.SUBMITTED,
            serial_number=f"SN{NUMBER}",
            model=self._model.slug,
            region=self._region.code,
            lineage_id=f"lin_{NUMBER}",
            opened_at=self._at,
            incident=Incident(
                cause, self._at - timedelta(days=1), "Hit a tree on landing; front arm and gimbal broken."
            ),
            fee=fee,
            amount_owed=fee.zero(),
        )

    def agreed(self) -> UseReserved | JobOpened:
        common: dict[str, Any] = {
            "claim": self._submitted(),
            "offer": self._offer,
            "policy": Policy(),
            "model_name": self._model.name,
            "time_zone": self._region.time_zone,
            "bindable": self._model.flyaway,
        }
        if self._scenario.is_service_job:
            job = {"expected": self._model.components, "term_id": self._term.id, "warranty_until": self._term.ends_at}
            return JobOpened(**common, **job)
        expected = expected_components(self._model, replace_battery=False)
        return UseReserved(**common, expected=expected, window_days=self._region.window_days)

    def _hold(self) -> Hold:
        amount, outcome = self._offer.hold, self._scenario.outcome
        if outcome in {Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED}:
            return Hold(amount, HoldState.CAPTURED, amount, amount.zero(), None)
        state = HoldState.RELEASED if outcome else HoldState.AUTHORIZED
        return Hold(amount, state, amount.zero(), amount.zero(), None if outcome else self._at + timedelta(days=30))
