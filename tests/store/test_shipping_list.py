"""The shipping list: replacements and returns as one list, ordered by request."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from activities.jobs import DatabaseJobs, SimulatedWorkshop
from activities.warehouse import SimulatedWarehouse
from domain.claim import Claim, Incident
from domain.kinds import Cause, ClaimState, Outcome, Service
from domain.policy import Policy
from messages.claims import ShipTo
from messages.jobs import JobOpened, OpenJob, RequestReturn
from messages.warehouse import RequestDispatch, WithdrawDispatch
from store.reads.claim_list import InvalidCursor
from store.reads.queries import ShippingFilter, ShippingKind, ShippingView
from tests.store.programme import NOW, Programme, line

SHIP_TO = ShipTo(name="Ada", line1="1 Example Way", city="Springfield", postal_code="90001", country="US")
CLOSED = ShippingFilter(open=False)


async def claim_awaiting_dispatch(programme: Programme, serial: str, region: str = "US") -> Claim:
    """A claim that waits for its dispatch."""
    await programme.device(serial, region=region, email=f"{serial}@example.com")
    country = "US" if region == "US" else "DE"
    claim = (await programme.reserve(programme.reservation(serial, country=country))).claim
    waiting = replace(claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(waiting)
    return waiting


async def repair_in_service(programme: Programme, serial: str, region: str = "US") -> Claim:
    """A repair whose unit is in the workshop."""
    await programme.device(serial, region=region, email=f"{serial}@example.com")
    incident = Incident(Cause.COLLISION, NOW - timedelta(days=1), "It fell.")
    command = OpenJob(
        claim_id=f"rep_{serial}", service=Service.ONLINE_REPAIR, serial_number=serial, at=NOW, incident=incident
    )
    result = await DatabaseJobs(programme.database, Policy()).open_job(command)
    assert isinstance(result, JobOpened), result
    claim = replace(result.claim, state=ClaimState.IN_SERVICE)
    await programme.save(claim)
    return claim


async def request_dispatch(programme: Programme, claim: Claim, at: datetime = NOW) -> str:
    command = RequestDispatch(
        claim_id=claim.id, model=claim.model, region=claim.region, with_battery=True, ship_to=SHIP_TO, at=at
    )
    return (await SimulatedWarehouse(programme.database).request_dispatch(command)).reference


async def request_return(programme: Programme, claim: Claim, at: datetime = NOW) -> str:
    command = RequestReturn(claim_id=claim.id, ship_to=SHIP_TO, at=at)
    return (await SimulatedWorkshop(programme.database).request_return(command)).reference


async def list_requests(programme: Programme, filters: ShippingFilter | None = None) -> list[ShippingView]:
    return list((await programme.queries.shipping_requests(filters)).items)


async def test_a_request_has_the_unit_and_the_address(programme: Programme) -> None:
    first, second = await claim_awaiting_dispatch(programme, "AX-2001"), await repair_in_service(programme, "AX-2002")
    back = await request_return(programme, second, NOW + timedelta(hours=1))
    out = await request_dispatch(programme, first)
    common = {"model": "mavic-3", "region": "US", "ship_to": SHIP_TO.model_dump(), "withdrawn_at": None}
    assert await list_requests(programme) == [
        ShippingView(
            claim_id=first.id,
            reference=out,
            kind=ShippingKind.REPLACEMENT,
            with_battery=True,
            requested_at=NOW,
            fulfilled=False,
            **common,
        ),
        ShippingView(
            claim_id=second.id,
            reference=back,
            kind=ShippingKind.RETURN,
            with_battery=None,
            requested_at=NOW + timedelta(hours=1),
            fulfilled=False,
            **common,
        ),
    ]
    assert await list_requests(programme, CLOSED) == []


async def test_a_dispatched_request_is_fulfilled(programme: Programme) -> None:
    await programme.device("AX-2001")
    reserved = await programme.reserve(programme.reservation("AX-2001"))
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(claim)
    await request_dispatch(programme, claim)
    assert [request.claim_id for request in await list_requests(programme)] == [claim.id]
    await programme.dispatch(reserved, "BX-2001")
    assert await list_requests(programme) == []
    assert [(request.claim_id, request.fulfilled) for request in await list_requests(programme, CLOSED)] == [
        (claim.id, True)
    ]


async def test_a_dispatch_by_a_worker_of_an_older_release_closes_the_request(programme: Programme) -> None:
    """That worker saves the claim as dispatched and does not write `to_do`."""
    claim = await claim_awaiting_dispatch(programme, "AX-2001")
    await request_dispatch(programme, claim)
    await programme.save(replace(claim, state=ClaimState.AWAITING_RETURN, replacement_serial_number="BX-2001"), 2)
    assert await list_requests(programme) == []


async def test_a_withdrawn_request_is_not_open(programme: Programme) -> None:
    claim = await claim_awaiting_dispatch(programme, "AX-2001")
    await request_dispatch(programme, claim)
    await SimulatedWarehouse(programme.database).withdraw_dispatch(WithdrawDispatch(claim_id=claim.id, at=NOW))
    assert await list_requests(programme) == []
    assert [(r.withdrawn_at, r.fulfilled) for r in await list_requests(programme, CLOSED)] == [(NOW, False)]


@pytest.mark.parametrize("reported", [True, False])
async def test_a_return_is_fulfilled_when_it_was_reported(programme: Programme, reported: bool) -> None:
    claim = await repair_in_service(programme, "AX-2001")
    await request_return(programme, claim)
    if reported:
        await programme.save(claim, 2, events=(line(2, "shipped_back"),))
    await programme.close(claim, Outcome.RETURNED_UNREPAIRED)
    assert await list_requests(programme) == []
    assert [request.fulfilled for request in await list_requests(programme, CLOSED)] == [reported]


async def test_a_unit_that_goes_back_after_the_end_stays_in_the_list_until_it_is_shipped(programme: Programme) -> None:
    claim = await repair_in_service(programme, "AX-2001")
    await request_return(programme, claim)
    ended = replace(claim, state=ClaimState.CLOSED, outcome=Outcome.RETURNED_UNREPAIRED, closed_at=NOW, goes_back=True)
    await programme.save(ended, 2)
    assert [request.claim_id for request in await list_requests(programme)] == [claim.id]
    await programme.save(replace(ended, goes_back=False), 3, events=(line(3, "shipped_back"),))
    assert await list_requests(programme) == []
    assert [request.fulfilled for request in await list_requests(programme, CLOSED)] == [True]


async def test_the_list_can_be_filtered_by_region(programme: Programme) -> None:
    for serial, region in (("AX-2001", "US"), ("AX-2002", "EU")):
        await request_dispatch(programme, await claim_awaiting_dispatch(programme, serial, region))
    for serial, region in (("AX-2003", "US"), ("AX-2004", "EU")):
        await request_return(programme, await repair_in_service(programme, serial, region))
    found = await list_requests(programme, ShippingFilter(region="EU"))
    assert {(request.kind, request.region) for request in found} == {
        (ShippingKind.REPLACEMENT, "EU"),
        (ShippingKind.RETURN, "EU"),
    }


@pytest.mark.parametrize("still_open", [True, False])
async def test_pages_list_every_request_once(programme: Programme, still_open: bool) -> None:
    """Open requests oldest first, the others newest first."""
    made = []
    for n in range(7):
        claim = await (claim_awaiting_dispatch if n % 3 else repair_in_service)(programme, f"AX-200{n}")
        command = request_dispatch if n % 3 else request_return
        at = NOW + timedelta(minutes=n // 2)
        made.append((at, await command(programme, claim, at)))
        if not still_open:
            await programme.close(claim, Outcome.CANCELLED)
    seen: list[str] = []
    cursor = None
    while True:
        page = await programme.queries.shipping_requests(ShippingFilter(open=still_open), limit=2, cursor=cursor)
        seen += [request.reference for request in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [reference for _, reference in sorted(made, reverse=not still_open)]


async def test_a_cursor_that_was_not_issued_is_refused(programme: Programme) -> None:
    with pytest.raises(InvalidCursor):
        await programme.queries.shipping_requests(cursor="abc")
