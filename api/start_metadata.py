"""API: what Temporal shows and indexes of a claim that is being started. Knows no workflow."""

from datetime import datetime
from typing import Final

from temporalio.client import WorkflowExecutionDescription
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.claim import Claim, Incident
from domain.inspection import normalise_serial
from domain.kinds import ClaimState, Service, Tier
from domain.money import Money
from messages import search
from messages.base import Message

UNDECIDED: Final = "for the submission to be judged"
"""What a submitted claim waits for."""

SUBMITTED_MEMO: Final = "submitted"
"""The memo of a claim's workflow, a `SubmittedClaim`. It is never changed, so it holds what never changes."""
CLAIM_MEMO: Final = "claim"
"""The memo of release 0.2.0: a whole claim, whose state stays the one it was submitted in."""


class SubmittedClaim(Message):
    """What a claim was submitted with. Its state is in the search attributes and the current details."""

    id: str
    service: Service
    tier: Tier | None
    serial_number: str
    model: str
    region: str
    lineage_id: str
    opened_at: datetime
    incident: Incident | None
    expected_fee: Money
    replace_battery: bool
    time_zone: str = ""

    @classmethod
    def of(cls, claim: Claim) -> "SubmittedClaim":
        values = {name: getattr(claim, name) for name in cls.model_fields if name != "expected_fee"}
        return cls(expected_fee=claim.fee, **values)

    def claim(self) -> Claim:
        """The claim while no worker has decided on it."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name != "expected_fee"}
        return Claim(
            state=ClaimState.SUBMITTED,
            fee=self.expected_fee,
            amount_owed=self.expected_fee.zero(),
            wait_reason=UNDECIDED,
            **values,
        )


def claim_memo(claim: Claim) -> dict[str, SubmittedClaim]:
    return {SUBMITTED_MEMO: SubmittedClaim.of(claim)}


async def submitted_claim(described: WorkflowExecutionDescription) -> Claim | None:
    """The claim in the memo of its workflow."""
    submitted = await described.memo_value(SUBMITTED_MEMO, None, type_hint=SubmittedClaim)
    return submitted.claim() if submitted else await described.memo_value(CLAIM_MEMO, None, type_hint=Claim)


def claim_search_attributes(claim: Claim) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(search.CLAIM_SERVICE, claim.service.value),
            SearchAttributePair(search.CLAIM_STATE, claim.state.value),
            SearchAttributePair(search.CLAIM_REGION, claim.region),
            SearchAttributePair(search.SERIAL_NUMBER, normalise_serial(claim.serial_number)),
        ]
    )


def device_search_attributes(serial_number: str | None) -> TypedSearchAttributes:
    """The device's serial number; nothing for a workflow that is about no single device."""
    if serial_number is None:
        return TypedSearchAttributes([])
    return TypedSearchAttributes([SearchAttributePair(search.SERIAL_NUMBER, normalise_serial(serial_number))])


def claim_details(claim: Claim) -> str:
    """Markdown for the workflow's page in Temporal's UI."""
    lines = [f"Device **{claim.serial_number}**, region {claim.region}"]
    if claim.incident:
        lines.append(f"Incident: {claim.incident.cause.replace('_', ' ')}, {claim.incident.occurred_at:%Y-%m-%d}")
    return "\n\n".join(lines)
