"""Repairs and maintenance jobs for the tests."""

from datetime import datetime, timedelta

from activities.entitlements import DatabaseEntitlements
from activities.jobs import DatabaseJobs
from domain.claim import Incident
from domain.kinds import Cause, ReasonCode, Service
from domain.money import Money
from domain.policy import Policy
from messages.claims import ClaimRefused
from messages.entitlements import IssueMaintenanceCode, MaintenanceCodeIssued
from messages.jobs import (
    GetReplacementFee,
    JobOpened,
    OpenJob,
    ReserveForRepair,
)
from tests.store.programme import NOW, Programme

ZONE = "America/Los_Angeles"


def jobs_of(programme: Programme) -> DatabaseJobs:
    return DatabaseJobs(programme.database, Policy())


def a_repair(claim_id: str = "clm_r", serial: str = "M3-2001", at: datetime = NOW, **incident: object) -> OpenJob:
    occurred_at = incident.get("occurred_at", at - timedelta(days=1))
    cause = incident.get("cause", Cause.COLLISION)
    assert isinstance(occurred_at, datetime)
    assert isinstance(cause, Cause)
    what = Incident(cause, occurred_at, "It fell.")
    return OpenJob(claim_id=claim_id, service=Service.ONLINE_REPAIR, serial_number=serial, at=at, incident=what)


def a_maintenance(claim_id: str = "clm_m", code: str = "mnt-1", at: datetime = NOW) -> OpenJob:
    return OpenJob(
        claim_id=claim_id, service=Service.MAINTENANCE, serial_number="m3 2001", at=at, maintenance_code=code
    )


async def opened(programme: Programme, command: OpenJob) -> JobOpened:
    result = await jobs_of(programme).open_job(command)
    assert isinstance(result, JobOpened), result
    return result


async def refused(programme: Programme, command: OpenJob) -> list[ReasonCode]:
    result = await jobs_of(programme).open_job(command)
    assert isinstance(result, ClaimRefused), result
    assert await programme.queries.claim(command.claim_id) is None
    return [reason.code for reason in result.reasons]


async def issue(programme: Programme, code: str = "mnt-1", at: datetime = NOW) -> MaintenanceCodeIssued:
    command = IssueMaintenanceCode(serial_number="M3-2001", code=code, at=at)
    result = await DatabaseEntitlements(programme.database).issue_maintenance_code(command)
    assert isinstance(result, MaintenanceCodeIssued), result
    return result


async def code_is_used_by(programme: Programme) -> str | None:
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert snapshot.maintenance_code is not None
    return snapshot.maintenance_code.claim_id


async def fee_of(programme: Programme, opened: JobOpened) -> Money | None:
    command = GetReplacementFee(claim_id=opened.claim.id, term_id=opened.term_id)
    return (await jobs_of(programme).ask_replacement_fee(command)).fee


async def reserved_fee(programme: Programme, opened: JobOpened) -> Money | None:
    command = ReserveForRepair(claim_id=opened.claim.id, term_id=opened.term_id, at=NOW)
    return (await jobs_of(programme).reserve_for_repair(command)).fee
