"""Workflow part: the use reserved for a claim, and the terms agreed when it was created (R-CLM-6)."""

from dataclasses import dataclass

from temporalio import workflow

from domain.eligibility import Card
from domain.kinds import Service
from messages.claims import ClaimRefused, SubmitCareExpress
from messages.record import Record, ReserveUse, UseReserved
from workflows.parts.activity_calls import ActivityCalls
from workflows.parts.claim_record import ClaimRecord


@dataclass
class ReservationData:
    terms: UseReserved | None = None


class Reservation:
    """`terms` are frozen when the claim is created (R-CAT-4)."""

    def __init__(self, record: ClaimRecord, calls: ActivityCalls, data: ReservationData | None = None) -> None:
        self._record = record
        self._calls = calls
        self._data = data or ReservationData()

    @property
    def data(self) -> ReservationData:
        return self._data

    @property
    def terms(self) -> UseReserved:
        assert self._data.terms is not None, "no use is reserved yet"
        return self._data.terms

    async def reserve(self, request: ReserveUse, summary: str) -> ClaimRefused | None:
        """Create the claim and reserve the use, or return every reason why not."""
        result = await self._calls.database(Record.reserve_use, request, summary)
        if isinstance(result, ClaimRefused):
            return result
        self._data.terms = result
        self._record.create(result)
        return None

    def note_care_express(self, request: SubmitCareExpress) -> None:
        """Add the first event of a Care Express claim to its timeline."""
        cause = request.incident.cause.replace("_", " ")
        self._record.note(
            "submitted",
            f"Care Express {request.tier}: {self.terms.model_name}, {cause}.",
            f"Terms {request.terms_version} accepted.",
            request.actor,
        )


def care_express(request: SubmitCareExpress, card: Card | None) -> ReserveUse:
    """The reservation request of a Care Express application; `card` is what the gateway returned, for Premium."""
    return ReserveUse(
        claim_id=request.claim_id,
        service=Service.CARE_EXPRESS,
        tier=request.tier,
        serial_number=request.serial_number,
        incident=request.incident,
        at=workflow.now(),
        accepted_terms=request.accepted_terms,
        terms_version=request.terms_version,
        replace_battery=request.replace_battery,
        ship_to_country=request.ship_to.country,
        card=card,
        quote=request.quote,
    )
