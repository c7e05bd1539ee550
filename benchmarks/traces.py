"""Benchmarks: what a claim leaves behind in the record, once for each kind of claim, region and day.

Built of the product's own types, as the product would leave them. Names and the time of day stay open (`NUMBER`,
`CLOCK`), so that a million customers are these rows with other names in them.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.stories import GIVEN_BACK, Story
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
    DeviceStatus,
    HoldState,
    Outcome,
    ReasonCode,
    Service,
    TermKind,
    Tier,
    UseKind,
)
from domain.money import Money
from domain.policy import Policy
from domain.reasons import Reason
from domain.repair import RepairQuote
from domain.returns import window
from messages.jobs import JobOpened
from messages.record import UseReserved
from store.reads.ledger import CARD, HOLDS_OPEN, HOLDS_PLACED
from store.writes.claims import columns

Row = dict[str, Any]
Rows = Iterator[tuple[str, Row]]
NUMBER: Final = "@N"
CLOCK: Final = "@T"
AT: Final = time(12, 34, 56, tzinfo=UTC)
"""The time of day in every instant of a template that stands for the customer's own."""
TERM_BEFORE: Final = 100
"""Days of cover before the claim; the term ends 265 days after it was opened."""
_AGREED: Final[TypeAdapter[UseReserved | JobOpened]] = TypeAdapter(UseReserved | JobOpened)
_LINES: Final = (
    ("submitted", "Care Express premium: Mavic 3, collision.", "Terms 2026-01 accepted."),
    ("hold_placed", "USD 1640.00 is held on the card.", ""),
    ("dispatch_requested", "The warehouse was asked to ship the replacement.", "WH-0001"),
    ("replacement_dispatched", "Replacement M3-2 was dispatched.", "UPS 1Z999AA10123456784"),
    ("reminder", "Reminder: the return is due 2026-11-23 07:59:59 UTC.", ""),
    ("return_scanned", "The carrier has the customer's parcel.", "UPS 1Z999AA10123456784"),
    ("parcel_arrived", "The parcel arrived 2026-11-23 07:59:59 UTC.", ""),
    ("inspected", "The unit is the right one and complete.", "Scratches on the front arm."),
    ("hold_released", "The hold was released.", ""),
    ("closed", "Closed: hold released.", ""),
)


def rows(story: Story, region: Region, model: Model, opened_on: date) -> Rows:
    """Table and row, in the order in which they can be written. Autoincremented ids are left out."""
    told = _Told(story, region, model, datetime.combine(opened_on, AT))
    yield from told.device()
    yield from told.claim()
    yield from told.trail()


class _Told:
    """One story in one place at one time."""

    def __init__(self, story: Story, region: Region, model: Model, at: datetime) -> None:
        self._story, self._region, self._model, self._at = story, region, model, at
        self._term = new_term(
            f"trm_{NUMBER}",
            TermKind.ONE_YEAR,
            quota_for(TermKind.ONE_YEAR, Category.DRONE, model.flyaway),
            start_of_day(at.date() - timedelta(days=TERM_BEFORE), region.time_zone),
            region.time_zone,
        )
        self._offer = model.offers[region.code]
        self._claim = self._as_it_stands()

    def device(self) -> Rows:
        """The lineage with one unit or two, its cover and its remote controller."""
        bought = self._term.starts_at
        unit = {
            "serial_number": f"SN{NUMBER}",
            "serial_text": f"SN{NUMBER}",
            "lineage_id": f"lin_{NUMBER}",
            "generation": 0,
            "model": self._model.slug,
            "region": self._region.code,
            "status": DeviceStatus.CURRENT.value,
            "activated_at": bought,
            "registered_at": bought,
            "claim_id": None,
            "replaced_by": None,
            "replaced_at": None,
            "replaced_on": None,
        }
        owner = {"owner_name": "Ada Marsh", "owner_email": f"owner{NUMBER}@example.com"}
        yield "lineages", {"id": f"lin_{NUMBER}", **owner, "created_at": bought, "verified_at": None}
        if self._story.left:
            left, new = self._at + timedelta(days=1), f"SN{NUMBER}R"
            lost = self._story.service is Service.FLYAWAY
            gone = {"status": (DeviceStatus.LOST if lost else DeviceStatus.REPLACED).value, "replaced_by": new}
            second = {"serial_number": new, "serial_text": new, "generation": 1, "registered_at": left}
            yield "devices", unit | second | {"claim_id": f"clm_{NUMBER}"}
            yield "devices", unit | gone | {"replaced_at": left, "replaced_on": left.date()}
        else:
            yield "devices", unit
        ended = self._at + timedelta(days=1) if self._story.left else None
        binding = {"serial_number": f"SN{NUMBER}", "remote_controller": f"RC{NUMBER}", "bound_at": bought}
        yield "bindings", binding | {"unbound_at": ended}
        yield "terms", self._bought(bought)

    def claim(self) -> Rows:
        """The claim with its use, its consent and its flags."""
        claim, story = self._claim, self._story
        still = claim.lineage_id if claim.state is not ClaimState.CLOSED else None
        agreed = _AGREED.dump_python(self._agreed(), mode="json")
        saved = {"run_id": f"run_{NUMBER}", "version": story.events, "agreed": agreed}
        yield "claims", columns(claim) | {"open_lineage": still} | saved
        for flag in claim.attention:
            yield "claim_attention", {"claim_id": claim.id, "code": flag.value, "opened_at": claim.opened_at}
        if story.service is Service.MAINTENANCE:
            code = {"lineage_id": claim.lineage_id, "code": f"MC{NUMBER}", "claim_id": claim.id}
            yield "maintenance_codes", code | {"issued_on": self._at.date(), "expires_on": self._at.date()}
        if story.job:
            return
        uses = [UseKind.RESERVED]
        if story.left:
            uses.append(UseKind.CONSUMED)
        elif story.outcome is not None:
            uses.append(UseKind.GIVEN_BACK)
        for days, kind in enumerate(uses):
            use = {"claim_id": claim.id, "kind": kind.value, "lineage_id": claim.lineage_id, "term_id": self._term.id}
            lost = story.service is Service.FLYAWAY
            yield "use_entries", use | {"flyaway": lost, "at": self._at + timedelta(days=days)}
        held = claim.hold.amount.amount if claim.hold else None
        days_back = self._region.window_days if claim.hold else None
        yield (
            "consents",
            {
                "claim_id": claim.id,
                "terms_version": "2026-01",
                "accepted_at": self._at,
                "quote_id": None,
                "currency": claim.fee.currency,
                "fee": claim.fee.amount,
                "hold": held,
                "window_days": days_back,
            },
        )

    def trail(self) -> Rows:
        """Timeline, money, mails, and what the warehouse and the workshop were asked."""
        claim, story = self._claim, self._story
        for seq, (kind, title, details) in enumerate(_LINES[: story.events], 1):
            line = {"claim_id": claim.id, "run_id": f"run_{NUMBER}", "seq": seq, "at": self._at + timedelta(days=seq)}
            yield "claim_events", line | {"kind": kind, "title": title, "details": details, "actor": "system"}
        for days, (purpose, lines) in enumerate(self._booked()):
            for account, money in lines.items():
                entry = {"at": self._at + timedelta(days=days), "subject": claim.id, "account": account}
                amount = {"amount": money.amount, "currency": money.currency, "key": f"{claim.id}:{purpose}"}
                yield "ledger_entries", entry | amount
        for occurrence, kind in enumerate(("accepted", "closed")[: 1 + (story.outcome is not None)]):
            mail = {
                "claim_id": claim.id,
                "kind": kind,
                "occurrence": 1,
                "message_id": f"<{claim.id}.{kind}.1@a.example>",
            }
            head = {"recipient": f"owner{NUMBER}@example.com", "subject": "Your claim", "at": self._at}
            yield "mails", mail | head | {"at": self._at + timedelta(days=occurrence)}
        address = {"name": "Ada Marsh", "lines": ["1 Main St"], "city": "Springfield", "country": "US"}
        place = {"claim_id": claim.id, "ship_to": address, "requested_at": self._at}
        if story.asked:
            what = {"model": claim.model, "region": claim.region, "with_battery": False, "withdrawn_at": None}
            to_do = {"to_do": story.state is ClaimState.AWAITING_DISPATCH}
            yield "dispatch_requests", place | what | to_do | {"reference": f"WH-{NUMBER}"}
        if story.job and story.state in {ClaimState.CLOSED, ClaimState.IN_SERVICE}:
            to_do = {"to_do": story.state is ClaimState.IN_SERVICE}
            yield "workshop_returns", place | to_do | {"reference": f"WS-{NUMBER}"}

    def _as_it_stands(self) -> Claim:
        story, at, region = self._story, self._at, self._region
        claim = replace(
            self._submitted(),
            state=story.state,
            outcome=story.outcome,
            attention=story.attention,
            closed_at=at + timedelta(days=12) if story.outcome else None,
            wait_reason="" if story.outcome else "for the original until 2026-11-23 07:59:59 UTC",
            deadline=None if story.outcome else at + timedelta(days=9),
        )
        if story.job:
            price = Money(self._offer.fees[0].amount + 1, region.currency)
            quote = RepairQuote("Front arm broken.", price, False, self._offer.fees[0], at, at + timedelta(days=30))
            return replace(claim, repair_quote=quote if story.events >= 5 else None)
        if story.left:
            claim = replace(claim, replacement_serial_number=f"SN{NUMBER}R", dispatched_on=at.date())
        if story.tier is Tier.PREMIUM and story.outcome is not Outcome.PAYMENT_DECLINED:
            claim = replace(claim, hold=self._hold())
            if story.left:
                sent_at = at + timedelta(days=1)
                expected = expected_components(self._model, replace_battery=False)
                back = window(sent_at, region.window_days, region.time_zone, expected, Policy())
                claim = replace(claim, returning=back, deadline=None if story.outcome else back.due_at)
        if story.state is ClaimState.AWAITING_CURE or (
            story.tier and story.outcome in {Outcome.HOLD_RELEASED, Outcome.REPLACED}
        ):
            seen = Inspection(
                at + timedelta(days=8), f"SN{NUMBER}", True, (Component.AIRCRAFT,), "Scratches.", ("1.jpg",)
            )
            claim = replace(claim, inspection=seen)
        if story.outcome in {Outcome.REJECTED, Outcome.DEFAULT_CHARGED}:
            reason = Reason(ReasonCode.NOT_RECEIVED, "R-RET-7", "The original unit did not arrive in time.")
            claim = replace(claim, reasons=(reason,))
        if Attention.AMOUNT_OWED in story.attention:
            claim = replace(claim, amount_owed=self._offer.fees[0])
        return claim

    def _submitted(self) -> Claim:
        story = self._story
        fee = Money(0, self._region.currency) if story.job else self._offer.fees[0]
        cause = Cause.FLYAWAY if story.service is Service.FLYAWAY else Cause.COLLISION
        return Claim(
            id=f"clm_{NUMBER}",
            service=story.service,
            tier=story.tier,
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

    def _agreed(self) -> UseReserved | JobOpened:
        common: dict[str, Any] = {
            "claim": self._submitted(),
            "offer": self._offer,
            "policy": Policy(),
            "model_name": self._model.name,
            "time_zone": self._region.time_zone,
            "bindable": self._model.flyaway,
        }
        if self._story.job:
            job = {"expected": self._model.components, "term_id": self._term.id, "warranty_until": self._term.ends_at}
            return JobOpened(**common, **job)
        expected = expected_components(self._model, replace_battery=False)
        return UseReserved(**common, expected=expected, window_days=self._region.window_days)

    def _hold(self) -> Hold:
        amount, outcome = self._offer.hold, self._story.outcome
        if outcome in {Outcome.DEFAULT_CHARGED, Outcome.PARTS_CHARGED}:
            return Hold(amount, HoldState.CAPTURED, amount, amount.zero(), None)
        state = HoldState.RELEASED if outcome else HoldState.AUTHORIZED
        return Hold(amount, state, amount.zero(), amount.zero(), None if outcome else self._at + timedelta(days=30))

    def _booked(self) -> Iterator[tuple[str, dict[str, Money]]]:
        claim, hold = self._claim, self._claim.hold
        if claim.outcome in GIVEN_BACK and hold is None:
            return
        if claim.fee:
            yield "fee", {CARD: -claim.fee, "service_fees": claim.fee}
        if hold is not None:
            yield "hold", {HOLDS_OPEN: hold.amount, HOLDS_PLACED: -hold.amount}
            if hold.captured:
                lines = {HOLDS_OPEN: -hold.amount, HOLDS_PLACED: hold.amount}
                yield "capture", lines | {CARD: -hold.captured, "default_charges": hold.captured}
            elif claim.outcome is not None:
                yield "release", {HOLDS_OPEN: -hold.amount, HOLDS_PLACED: hold.amount}

    def _bought(self, at: datetime | None) -> Row:
        term = self._term
        return {
            "id": term.id,
            "lineage_id": f"lin_{NUMBER}",
            "region": self._region.code,
            "kind": term.kind.value,
            "total": term.quota.total,
            "flyaway_cap": term.quota.flyaway_cap,
            "starts_at": term.starts_at,
            "ends_on": term.ends_on,
            "ends_at": term.ends_at,
            "purchased_at": at,
            "price_amount": self._offer.prices[TermKind.ONE_YEAR].amount,
            "price_currency": self._region.currency,
            "payment_id": f"pay_{NUMBER}",
            "ended_at": None,
            "refund_id": None,
        }
