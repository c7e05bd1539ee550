"""Maintenance codes in the database: one a device, used by one job (R-MNT-1, R-MNT-2)."""

import asyncio
from datetime import date, timedelta

import pytest

from activities.entitlements import DatabaseEntitlements
from domain.dates import end_of_day
from domain.kinds import Outcome, ReasonCode
from messages.entitlements import IssueMaintenanceCode, MaintenanceCodeIssued, MaintenanceRefused
from messages.jobs import (
    JobOpened,
)
from store.tables.devices import MaintenanceCodeRow
from tests.store.programme import NOW, Programme
from tests.store.service_jobs import (
    ZONE,
    a_maintenance,
    code_is_used_by,
    issue,
    jobs_of,
    opened,
    refused,
)


async def test_a_code_starts_one_job_of_its_device(programme: Programme) -> None:
    """R-MNT-2."""
    await programme.device()
    assert await refused(programme, a_maintenance()) == [ReasonCode.MAINTENANCE_CODE_INVALID]
    code = await issue(programme)
    assert (code.code, code.expires_on) == ("MNT-1", date(2026, 7, 26))
    assert await refused(programme, a_maintenance(code="other")) == [ReasonCode.MAINTENANCE_CODE_INVALID]
    job = await opened(programme, a_maintenance(code=" mnt-1 "))
    assert (job.claim.incident, job.term_id) == (None, "t-M3-2001")
    assert await code_is_used_by(programme) == "clm_m"
    assert await opened(programme, a_maintenance()) == job
    await programme.close(job.claim, Outcome.SERVICED)
    assert await code_is_used_by(programme) == "clm_m"
    assert await refused(programme, a_maintenance("clm_later")) == [ReasonCode.MAINTENANCE_CODE_INVALID]


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.LAPSED])
async def test_a_cancelled_or_lapsed_job_releases_its_code(programme: Programme, outcome: Outcome) -> None:
    await programme.device()
    await issue(programme)
    job = await opened(programme, a_maintenance())
    await programme.close(job.claim, outcome)
    assert await code_is_used_by(programme) is None
    await opened(programme, a_maintenance("clm_later"))
    # A late save of the first job frees nothing that is another's.
    await programme.close(job.claim, outcome, 10)
    assert await code_is_used_by(programme) == "clm_later"


@pytest.mark.parametrize(("late", "accepted"), [(-1, True), (0, True), (1, False)])
async def test_a_code_is_valid_to_the_last_second_of_its_last_day(
    programme: Programme, late: int, accepted: bool
) -> None:
    await programme.device()
    await issue(programme)
    at = end_of_day(date(2026, 7, 26), ZONE) + timedelta(seconds=late)
    result = await jobs_of(programme).open_job(a_maintenance(at=at))
    assert isinstance(result, JobOpened) is accepted


@pytest.mark.parametrize(("late", "issued"), [(-1, True), (0, True), (1, False)])
async def test_a_code_is_issued_to_the_last_second_of_the_first_year(
    programme: Programme, late: int, issued: bool
) -> None:
    await programme.device()
    at = end_of_day(date(2026, 7, 26), ZONE) + timedelta(seconds=late)
    command = IssueMaintenanceCode(serial_number="M3-2001", code="a", at=at)
    result = await DatabaseEntitlements(programme.database).issue_maintenance_code(command)
    assert isinstance(result, MaintenanceCodeIssued) is issued


async def test_a_device_gets_one_code_however_many_are_issued_at_once(programme: Programme) -> None:
    await programme.device()
    entitlements = DatabaseEntitlements(programme.database)
    commands = [IssueMaintenanceCode(serial_number="M3-2001", code=f"c{n}", at=NOW) for n in range(4)]
    results = await asyncio.gather(*(entitlements.issue_maintenance_code(command) for command in commands))
    (given,) = [result for result in results if isinstance(result, MaintenanceCodeIssued)]
    others = [result for result in results if isinstance(result, MaintenanceRefused)]
    assert {reason.code for result in others for reason in result.reasons} == {ReasonCode.MAINTENANCE_CODE_ISSUED}
    again = IssueMaintenanceCode(serial_number="M3-2001", code=given.code.lower(), at=NOW + timedelta(days=400))
    assert await entitlements.issue_maintenance_code(again) == given
    async with programme.database.snapshot() as session:
        snapshot = await programme.queries.snapshot("M3-2001")
        assert snapshot is not None
        assert (await session.get_one(MaintenanceCodeRow, snapshot.lineage_id)).code == given.code
