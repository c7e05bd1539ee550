"""What is to be shipped: replacements and returns as one list, in the order of asking."""

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
DONE = ShippingFilter(open=False)


async def claimed(programme: Programme, serial: str, region: str = "US") -> Claim:
    """A claim whose replacement waits to be shipped."""
    await programme.device(serial, region=region, email=f"{serial}@example.com")
    country = "US" if region == "US" else "DE"
    claim = (await programme.reserve(programme.ask(serial, country=country))).claim
    waiting = replace(claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(waiting)
    return waiting


async def in_repair(programme: Programme, serial: str, region: str = "US") -> Claim:
    """A repair whose unit is on the bench."""
    await programme.device(serial, region=region, email=f"{serial}@example.com")
    incident = Incident(Cause.COLLISION, NOW - timedelta(days=1), "It fell.")
    ask = OpenJob(
        claim_id=f"rep_{serial}", service=Service.ONLINE_REPAIR, serial_number=serial, at=NOW, incident=incident
    )
    answer = await DatabaseJobs(programme.database, Policy()).open_job(ask)
    assert isinstance(answer, JobOpened), answer
    claim = replace(answer.claim, state=ClaimState.IN_SERVICE)
    await programme.save(claim)
    return claim


async def asked_to_ship(programme: Programme, claim: Claim, at: datetime = NOW) -> str:
    ask = RequestDispatch(
        claim_id=claim.id, model=claim.model, region=claim.region, with_battery=True, ship_to=SHIP_TO, at=at
    )
    return (await SimulatedWarehouse(programme.database).request_dispatch(ask)).reference


async def asked_to_send_back(programme: Programme, claim: Claim, at: datetime = NOW) -> str:
    ask = RequestReturn(claim_id=claim.id, ship_to=SHIP_TO, at=at)
    return (await SimulatedWorkshop(programme.database).request_return(ask)).reference


async def listed(programme: Programme, wanted: ShippingFilter | None = None) -> list[ShippingView]:
    return list((await programme.queries.shipping_requests(wanted)).items)


async def test_a_request_says_what_goes_where(programme: Programme) -> None:
    first, second = await claimed(programme, "A-1"), await in_repair(programme, "A-2")
    back = await asked_to_send_back(programme, second, NOW + timedelta(hours=1))
    out = await asked_to_ship(programme, first)
    common = {"model": "mavic-3", "region": "US", "ship_to": SHIP_TO.model_dump(), "withdrawn_at": None}
    assert await listed(programme) == [
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
    assert await listed(programme, DONE) == []


async def test_what_was_dispatched_is_done(programme: Programme) -> None:
    await programme.device("A-1")
    reserved = await programme.reserve(programme.ask("A-1"))
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(claim)
    await asked_to_ship(programme, claim)
    assert [request.claim_id for request in await listed(programme)] == [claim.id]
    await programme.dispatch(reserved, "B-1")
    assert await listed(programme) == []
    assert [(request.claim_id, request.fulfilled) for request in await listed(programme, DONE)] == [(claim.id, True)]


async def test_what_a_worker_of_an_older_release_dispatched_is_not_to_be_shipped_again(programme: Programme) -> None:
    """It saves the claim as dispatched and knows nothing of the mark."""
    claim = await claimed(programme, "A-1")
    await asked_to_ship(programme, claim)
    await programme.save(replace(claim, state=ClaimState.AWAITING_RETURN, replacement_serial_number="B-1"), 2)
    assert await listed(programme) == []


async def test_what_was_withdrawn_is_not_to_be_shipped(programme: Programme) -> None:
    claim = await claimed(programme, "A-1")
    await asked_to_ship(programme, claim)
    await SimulatedWarehouse(programme.database).withdraw_dispatch(WithdrawDispatch(claim_id=claim.id, at=NOW))
    assert await listed(programme) == []
    assert [(r.withdrawn_at, r.fulfilled) for r in await listed(programme, DONE)] == [(NOW, False)]


@pytest.mark.parametrize("reported", [True, False])
async def test_a_return_is_fulfilled_when_it_was_reported(programme: Programme, reported: bool) -> None:
    claim = await in_repair(programme, "A-1")
    await asked_to_send_back(programme, claim)
    if reported:
        await programme.save(claim, 2, events=(line(2, "shipped_back"),))
    await programme.close(claim, Outcome.RETURNED_UNREPAIRED)
    assert await listed(programme) == []
    assert [request.fulfilled for request in await listed(programme, DONE)] == [reported]


async def test_a_region_is_listed_alone(programme: Programme) -> None:
    for serial, region in (("A-1", "US"), ("A-2", "EU")):
        await asked_to_ship(programme, await claimed(programme, serial, region))
    for serial, region in (("A-3", "US"), ("A-4", "EU")):
        await asked_to_send_back(programme, await in_repair(programme, serial, region))
    found = await listed(programme, ShippingFilter(region="EU"))
    assert {(request.kind, request.region) for request in found} == {
        (ShippingKind.REPLACEMENT, "EU"),
        (ShippingKind.RETURN, "EU"),
    }


@pytest.mark.parametrize("still_open", [True, False])
async def test_pages_run_through_every_request_once(programme: Programme, still_open: bool) -> None:
    """The oldest first of what is to be done, the newest first of the rest."""
    made = []
    for n in range(7):
        claim = await (claimed if n % 3 else in_repair)(programme, f"A-{n}")
        ask = asked_to_ship if n % 3 else asked_to_send_back
        at = NOW + timedelta(minutes=n // 2)
        made.append((at, await ask(programme, claim, at)))
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


async def test_a_made_up_cursor_is_refused(programme: Programme) -> None:
    with pytest.raises(InvalidCursor):
        await programme.queries.shipping_requests(cursor="abc")
