"""Benchmarks: the database rows of a claim, once for each scenario, region and day.

The customer's number and the time of day are placeholders (`NUMBER`, `CLOCK`), so that a million customers are these
rows with other values in them.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from benchmarks.growth.claim_documents import AT, NUMBER, ClaimDocuments
from benchmarks.growth.scenarios import USE_RETURNED, Scenario
from domain.catalogue import Model, Region
from domain.kinds import (
    ClaimState,
    DeviceStatus,
    Service,
    TermKind,
    UseKind,
)
from domain.money import Money
from messages.jobs import JobOpened
from messages.record import UseReserved
from store.reads.ledger import CARD, HOLDS_OPEN, HOLDS_PLACED
from store.writes.claims import columns

Row = dict[str, Any]
Rows = Iterator[tuple[str, Row]]
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


def rows(scenario: Scenario, region: Region, model: Model, opened_on: date) -> Rows:
    """Table and row, in the order in which they can be written. Autoincremented ids are left out."""
    rows_of_claim = _ClaimRows(scenario, region, model, datetime.combine(opened_on, AT))
    yield from rows_of_claim.device()
    yield from rows_of_claim.claim()
    yield from rows_of_claim.history()


class _ClaimRows(ClaimDocuments):
    """Table and row of one claim and of everything that belongs to it."""

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
            "look_alike": f"SN{NUMBER}",
        }
        owner = {
            "owner_name": "Ada Marsh",
            "owner_email": f"owner{NUMBER}@example.com",
            "owner_phone": None,
            "owner_language": None,
        }
        yield "lineages", {"id": f"lin_{NUMBER}", **owner, "created_at": bought, "verified_at": None}
        for word in ("ada", "marsh", f"owner{NUMBER}@example.com", f"sn{NUMBER}"):
            yield "device_words", {"word": word, "lineage_id": f"lin_{NUMBER}"}
        if self._scenario.replacement_sent:
            left, new = self._at + timedelta(days=1), f"SN{NUMBER}R"
            lost = self._scenario.service is Service.FLYAWAY
            gone = {"status": (DeviceStatus.LOST if lost else DeviceStatus.REPLACED).value, "replaced_by": new}
            second = {
                "serial_number": new,
                "serial_text": new,
                "generation": 1,
                "registered_at": left,
                "look_alike": new,
            }
            yield "devices", unit | second | {"claim_id": f"clm_{NUMBER}"}
            yield "devices", unit | gone | {"replaced_at": left, "replaced_on": left.date()}
        else:
            yield "devices", unit
        ended = self._at + timedelta(days=1) if self._scenario.replacement_sent else None
        binding = {"serial_number": f"SN{NUMBER}", "remote_controller": f"RC{NUMBER}", "bound_at": bought}
        yield "bindings", binding | {"unbound_at": ended, "told_at": bought}
        yield "terms", self._term_row(bought)

    def claim(self) -> Rows:
        """The claim with its use, its consent and its flags."""
        claim, scenario = self._claim, self._scenario
        still = claim.lineage_id if claim.state is not ClaimState.CLOSED else None
        agreed = _AGREED.dump_python(self.agreed(), mode="json")
        saved = {"run_id": f"run_{NUMBER}", "version": scenario.events, "agreed": agreed}
        yield "claims", columns(claim) | {"open_lineage": still, "outside_attention": ""} | saved
        for flag in claim.attention:
            yield "claim_attention", {"claim_id": claim.id, "code": flag.value, "opened_at": claim.opened_at}
        if scenario.service is Service.MAINTENANCE:
            code = {"lineage_id": claim.lineage_id, "code": f"MC{NUMBER}", "claim_id": claim.id}
            yield "maintenance_codes", code | {"issued_on": self._at.date(), "expires_on": self._at.date()}
        if scenario.is_service_job:
            return
        uses = [UseKind.RESERVED]
        if scenario.replacement_sent:
            uses.append(UseKind.CONSUMED)
        elif scenario.outcome is not None:
            uses.append(UseKind.GIVEN_BACK)
        for days, kind in enumerate(uses):
            use = {"claim_id": claim.id, "kind": kind.value, "lineage_id": claim.lineage_id, "term_id": self._term.id}
            lost = scenario.service is Service.FLYAWAY
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

    def history(self) -> Rows:
        """Timeline, money, mails, and the requests to warehouse and workshop."""
        claim, scenario = self._claim, self._scenario
        for seq, (kind, title, details) in enumerate(_LINES[: scenario.events], 1):
            line = {"claim_id": claim.id, "run_id": f"run_{NUMBER}", "seq": seq, "at": self._at + timedelta(days=seq)}
            yield "claim_events", line | {"kind": kind, "title": title, "details": details, "actor": "system"}
        for days, (purpose, lines) in enumerate(self._ledger_lines()):
            for account, money in lines.items():
                entry = {"at": self._at + timedelta(days=days), "subject": claim.id, "account": account}
                amount = {"amount": money.amount, "currency": money.currency, "key": f"{claim.id}:{purpose}"}
                yield "ledger_entries", entry | amount
        for occurrence, kind in enumerate(("accepted", "closed")[: 1 + (scenario.outcome is not None)]):
            mail = {
                "claim_id": claim.id,
                "kind": kind,
                "occurrence": 1,
                "message_id": f"<{claim.id}.{kind}.1@a.example>",
            }
            head = {"recipient": f"owner{NUMBER}@example.com", "subject": "Your claim", "at": self._at}
            yield "mails", mail | head | {"at": self._at + timedelta(days=occurrence)}
        address = {"name": "Ada Marsh", "line1": "1 Main St", "city": "Springfield", "country": "US"}
        place = {"claim_id": claim.id, "ship_to": address, "requested_at": self._at}
        if scenario.dispatch_requested:
            what = {"model": claim.model, "region": claim.region, "with_battery": False, "withdrawn_at": None}
            to_do = {"to_do": scenario.state is ClaimState.AWAITING_DISPATCH, "number": 0, "serial_number": None}
            yield "dispatch_requests", place | what | to_do | {"reference": f"WH-{NUMBER}"}
        if scenario.is_service_job and scenario.state in {ClaimState.CLOSED, ClaimState.IN_SERVICE}:
            to_do = {"to_do": scenario.state is ClaimState.IN_SERVICE}
            yield "workshop_returns", place | to_do | {"reference": f"WS-{NUMBER}"}

    def _ledger_lines(self) -> Iterator[tuple[str, dict[str, Money]]]:
        claim, hold = self._claim, self._claim.hold
        if claim.outcome in USE_RETURNED and hold is None:
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

    def _term_row(self, at: datetime | None) -> Row:
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
            "refund_refused": False,
            "question": None,
            "decided_at": None,
            "decided_by": None,
            "decision": None,
            "bindings_from": at,
        }
