"""API: what Temporal shows and indexes of a claim that is being started. Knows no workflow."""

from typing import Final

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.claim import Claim
from domain.inspection import normalise_serial
from messages import search

CLAIM_MEMO: Final = "claim"
"""The memo that holds the claim as it was submitted."""


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
