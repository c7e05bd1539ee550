"""The memo of a claim's workflow: what was submitted and never changes, read while no worker has decided."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from api.start_metadata import CLAIM_MEMO, UNDECIDED, SubmittedClaim, claim_memo
from api.temporal_client import TemporalClaimCommands
from domain.claim import Claim, Incident
from domain.kinds import Cause, ClaimState, Service, Tier
from domain.money import Money

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)
FEE = Money(15900, "USD")


def provisional(claim_id: str) -> Claim:
    return Claim(
        id=claim_id,
        service=Service.CARE_EXPRESS,
        tier=Tier.PREMIUM,
        state=ClaimState.SUBMITTED,
        serial_number="SN-1",
        model="mavic-3",
        region="US",
        lineage_id="lin_1",
        opened_at=AT,
        incident=Incident(Cause.COLLISION, AT, "Hit a tree."),
        fee=FEE,
        amount_owed=FEE.zero(),
        replace_battery=True,
        wait_reason=UNDECIDED,
    )


def test_the_memo_has_nothing_that_changes() -> None:
    """Another state, a hold, an outcome: the memo of the claim stays the same."""
    claim = provisional("clm_a")
    later = replace(claim, state=ClaimState.CLOSED, closed_at=AT, decline_code="card_declined")
    assert claim_memo(later) == claim_memo(claim)
    names = set(SubmittedClaim.model_fields)
    assert not names & {"state", "outcome", "attention", "hold", "deadline", "wait_reason", "amount_owed"}
    assert names - {"expected_fee"} <= set(asdict(claim))


@pytest.mark.parametrize("memo", [claim_memo, lambda claim: {CLAIM_MEMO: claim}], ids=["this release", "0.2.0"])
async def test_an_undecided_claim_is_read_from_its_memo(temporal: WorkflowEnvironment, memo: Any) -> None:
    async def connected() -> Client:
        return temporal.client

    claim = provisional(f"clm_{uuid4().hex}")
    queue = f"nobody-{uuid4().hex}"
    handle = await temporal.client.start_workflow("CareExpressPremium", id=claim.id, task_queue=queue, memo=memo(claim))
    commands = TemporalClaimCommands(connected, queue)
    await commands.open()
    try:
        assert await commands.pending_claim(claim.id) == claim
        await handle.terminate()
        assert await commands.pending_claim(claim.id) is None
    finally:
        await commands.close()
