"""A claim is found by the tracking number of a parcel, whoever named it."""

from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import text

from domain.claim import Parcel
from messages.claims import ParcelDelivered, ParcelScanned
from store.migrate import configuration, migrating
from store.reads.claim_list import ClaimFilter
from store.reported_events import ReportedEvents
from tests.store.programme import NOW, Programme


async def found(programme: Programme, number: str) -> list[str]:
    page = await programme.queries.claims(ClaimFilter(tracking_number=number))
    return [claim.id for claim in page.items]


async def saved_and_reported(programme: Programme) -> str:
    """A claim whose replacement left as `1z-out 1`, and of which the carrier took `1zBack` and delivered `OTHER`."""
    await programme.device()
    claim = (await programme.reserve(programme.reservation())).claim
    await programme.save(replace(claim, shipment=Parcel("UPS", "1z-out 1")), 1)
    events, known = ReportedEvents(programme.database), {"actor": "ups", "carrier": "UPS"}
    await events.add(claim.id, ParcelScanned(event_id="e1", tracking_number="1zBack", scanned_at=NOW, **known), NOW)
    await events.add(claim.id, ParcelDelivered(event_id="e2", tracking_number="OTHER", delivered_at=NOW, **known), NOW)
    return claim.id


async def test_a_claim_is_found_by_each_of_its_parcels_in_any_spelling(programme: Programme) -> None:
    claim_id = await saved_and_reported(programme)
    for number in ("1ZOUT1", "1z out-1", "1ZBACK", "other"):
        assert await found(programme, number) == [claim_id], number
    for number in ("1ZOUT", "1ZOUT12", "-"):
        assert await found(programme, number) == []


async def test_a_number_that_another_shipment_replaced_is_still_found(programme: Programme) -> None:
    claim_id = await saved_and_reported(programme)
    claim = await programme.queries.claim(claim_id)
    assert claim is not None
    await programme.save(replace(claim, shipment=Parcel(None, "SECOND")), 2)
    assert await found(programme, "SECOND") == await found(programme, "1ZOUT1") == [claim_id]


@pytest.mark.parametrize("number", ["1ZOUT1", "1ZBACK", "OTHER"])
async def test_the_parcels_of_stored_claims_are_filled_in(programme: Programme, database_url: str, number: str) -> None:
    claim_id = await saved_and_reported(programme)
    await programme.database.close()
    with migrating(database_url) as connection:
        command.downgrade(configuration(connection), "0006")
        assert not connection.dialect.has_table(connection, "claim_parcels")
        command.upgrade(configuration(connection), "head")
        stored = connection.execute(
            text("SELECT claim_id FROM claim_parcels WHERE tracking_number = :n"), {"n": number}
        )
        assert [row.claim_id for row in stored] == [claim_id]
