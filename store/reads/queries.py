"""Store, read side: the queries of the API. They return views and domain objects, by the rules of `domain`.

They read the database only and work while Temporal is unavailable.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Text, bindparam, cast
from sqlmodel import col, select

from domain.catalogue import Catalogue, Model
from domain.claim import Claim
from domain.device_snapshot import DeviceSnapshot, model_named
from domain.eligibility import Application, refusals
from domain.fees import service_fee
from domain.kinds import Service, TermKind, Tier
from domain.money import Money
from domain.policy import Policy
from domain.purchase import refusals as purchase_refusals
from domain.reasons import Reason
from domain.renewal import Renewal
from domain.renewal import cover_is_fixed as fixed_cover
from domain.renewal import renewal as renewal_of
from domain.returns import window
from store.database import Database
from store.reads import catalogue
from store.reads.claim_list import ClaimFilter, InvalidCursor, Page, claim_page, parse_claim, read_cursor, write_cursor
from store.reads.device_list import DeviceFilter, device_page
from store.reads.device_snapshot import load_snapshot, query_device
from store.reads.device_status import (
    BindingView,
    CareView,
    DeviceView,
    HistoryView,
    OwnerView,
    PeriodView,
    PoolView,
    View,
    WarrantyView,
    load_device,
)
from store.reads.plan_questions import PlanQuestionView, plan_questions
from store.reads.plans import StoredPlan, plans
from store.reads.shipping_list import ShippingFilter, ShippingKind, ShippingView, shipping_requests
from store.reads.timeline import EventView, TimelineEnd, timeline, timeline_ends
from store.tables.claims import ClaimRow
from store.tables.warehouse import DispatchRequestRow, WorkshopReturnRow

__all__ = [
    "BindingView",
    "CareView",
    "ClaimFilter",
    "DeviceView",
    "EventView",
    "HistoryView",
    "InvalidCursor",
    "OwnerView",
    "Page",
    "PeriodView",
    "PoolView",
    "Queries",
    "QuoteView",
    "ShippingFilter",
    "ShippingKind",
    "ShippingView",
    "WarrantyView",
    "load_snapshot",
]

MAX_PAGE_SIZE: Final = 200
"""The longest page of a list."""
_SELECT_CLAIM: Final = select(cast(col(ClaimRow.document), Text), ClaimRow.outside_attention).where(
    ClaimRow.id == bindparam("claim_id")
)
_SELECT_CLAIM_WITH_ADDRESS: Final = _SELECT_CLAIM.add_columns(
    *(
        select(col(row.ship_to)).where(col(row.claim_id) == col(ClaimRow.id)).scalar_subquery()
        for row in (DispatchRequestRow, WorkshopReturnRow)
    )
)


class QuoteView(View):
    """What the settlement page shows (R-EXP-4). `hold`, window and default charge are Premium's.

    `latest_arrival_example` is when the return would be due if the replacement were dispatched at the quote's instant.
    """

    serial_number: str
    service: Service
    tier: Tier | None
    fee: Money
    hold: Money | None
    return_window_days: int | None
    latest_arrival_example: datetime | None
    default_charge: Money | None


class Queries:
    """The queries of one database. `now` is the caller's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catalogue(self) -> Catalogue:
        """The catalogue in force. Cached until another one is loaded."""
        async with self._database.connect() as connection:
            return await catalogue.in_force(connection)

    async def product(self, slug: str) -> Model | None:
        """The model of that slug, if there is one."""
        return model_named(await self.catalogue(), slug)

    async def snapshot(self, serial_number: str) -> DeviceSnapshot | None:
        """The device of that serial number, in any spelling, with its lineage."""
        async with self._database.connect() as connection:
            known = await query_device(connection, serial_number)
        return known.snapshot if known else None

    async def device(self, serial_number: str, now: datetime) -> DeviceView | None:
        """The status page (R-STA-1) as of `now`. An earlier serial number has the cover of its lineage."""
        async with self._database.connect() as connection:
            return await load_device(connection, serial_number, now)

    async def devices(
        self, filters: DeviceFilter, now: datetime, limit: int = 50, cursor: str | None = None
    ) -> Page[DeviceView]:
        """The status pages of current units, newest first. Raises InvalidCursor as the other lists do."""
        limit = max(1, min(limit, MAX_PAGE_SIZE))
        after = read_cursor(cursor) if cursor is not None else None
        found = await device_page(self._database, filters, now, after, limit + 1)
        next_cursor = write_cursor(found[limit - 1]) if len(found) > limit else None
        pages = [await self.device(serial, now) for _, serial in found[:limit]]
        return Page(items=tuple(page for page in pages if page is not None), next_cursor=next_cursor)

    async def claim(self, claim_id: str) -> Claim | None:
        """The claim as it was last saved; None for an unknown id."""
        if not claim_id.isprintable():
            return None
        rows = await self._database.fetch(_SELECT_CLAIM, {"claim_id": claim_id})
        return parse_claim(rows[0][0], rows[0][1]) if rows else None

    async def claim_with_address(self, claim_id: str) -> tuple[Claim, dict[str, Any] | None] | None:
        """The claim, and where its parcel to the customer goes; no address before that shipment was requested."""
        if not claim_id.isprintable():
            return None
        rows = await self._database.fetch(_SELECT_CLAIM_WITH_ADDRESS, {"claim_id": claim_id})
        return (parse_claim(rows[0][0], rows[0][1]), rows[0][2] or rows[0][3]) if rows else None

    async def plans(self, serial_number: str) -> list[StoredPlan] | None:
        """The plans of the device in the order of purchase; None for an unknown serial number."""
        async with self._database.snapshot() as session:
            return await plans(session, serial_number)

    async def claims(
        self, filters: ClaimFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Claim]:
        """`limit` (1 to 200) claims: newest first, or with `due_before` the latest due first.

        Raises InvalidCursor for a cursor that was not issued by this list.
        """
        limit = max(1, min(limit, MAX_PAGE_SIZE))
        after = read_cursor(cursor) if cursor is not None else None
        rows = await self._database.fetch(claim_page(filters or ClaimFilter(), after, limit + 1))
        shown = rows[:limit]
        next_cursor = write_cursor((shown[-1][0], shown[-1][1])) if len(rows) > limit else None
        return Page(items=tuple(parse_claim(row[2], row[3]) for row in shown), next_cursor=next_cursor)

    async def shipping_requests(
        self, filters: ShippingFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[ShippingView]:
        """`limit` (1 to 200) shipping requests. Raises InvalidCursor for a cursor that was not issued by this list."""
        limit = max(1, min(limit, MAX_PAGE_SIZE))
        after = read_cursor(cursor) if cursor is not None else None
        async with self._database.snapshot() as session:
            found = await shipping_requests(session, filters or ShippingFilter(), after, limit + 1)
        shown = found[:limit]
        next_cursor = write_cursor(shown[-1].position) if len(found) > limit else None
        return Page(items=tuple(shown), next_cursor=next_cursor)

    async def plan_questions(self, limit: int = 50, cursor: str | None = None) -> Page[PlanQuestionView]:
        """`limit` (1 to 200) plans that staff must decide upon. Raises InvalidCursor as the other lists do."""
        limit = max(1, min(limit, MAX_PAGE_SIZE))
        after = read_cursor(cursor) if cursor is not None else None
        async with self._database.snapshot() as session:
            found = await plan_questions(session, after, limit + 1)
        next_cursor = write_cursor(found[limit - 1].position) if len(found) > limit else None
        return Page(items=tuple(found[:limit]), next_cursor=next_cursor)

    async def events(self, claim_id: str, after: int = 0) -> list[EventView]:
        """The timeline of a claim in order of writing, after the event with id `after`."""
        async with self._database.snapshot() as session:
            return await timeline(session, claim_id, after)

    async def timeline_ends(self, claim_ids: Collection[str]) -> dict[str, TimelineEnd]:
        """The last event of each stored claim and whether it is closed, in one statement."""
        return await timeline_ends(self._database, claim_ids)

    async def claim_refusals(self, application: Application, serial_number: str, now: datetime) -> list[Reason] | None:
        """Every reason why the claim is refused at `now`; None for an unknown serial number."""
        snapshot = await self.snapshot(serial_number)
        return None if snapshot is None else refusals(application, snapshot, now)

    async def plan_refusals(
        self, kind: TermKind, region: str | None, serial_number: str, now: datetime
    ) -> list[Reason] | None:
        """Every reason why the plan cannot be bought at `now`; None for an unknown serial number.

        `region` None means the device's own.
        """
        snapshot = await self.snapshot(serial_number)
        return None if snapshot is None else purchase_refusals(kind, region or snapshot.region.code, snapshot, now)

    async def renewal(self, serial_number: str, now: datetime) -> Renewal | None:
        """Whether and how the cover can be renewed at `now` (R-REN); None for an unknown serial number."""
        snapshot = await self.snapshot(serial_number)
        return None if snapshot is None else renewal_of(snapshot, now)

    async def cover_is_fixed(self, serial_number: str, now: datetime) -> str | None:
        """Why cover cannot be paused, moved or lengthened (R-PLN-5); None for an unknown serial number."""
        snapshot = await self.snapshot(serial_number)
        return None if snapshot is None else fixed_cover(snapshot, now)

    async def quote(self, service: Service, tier: Tier | None, serial_number: str, now: datetime) -> QuoteView | None:
        """The price of the claim at `now`, whether or not `claim_refusals` has reasons.

        None for an unknown serial number, and for a flyaway of a model that has no flyaway fee.
        """
        snapshot = await self.snapshot(serial_number)
        fee = service_fee(service, snapshot, now) if snapshot else None
        if snapshot is None or fee is None:
            return None
        premium = tier is Tier.PREMIUM and service is Service.CARE_EXPRESS
        region = snapshot.region
        due_at = window(now, region.window_days, region.time_zone, (), Policy()).due_at
        return QuoteView(
            serial_number=snapshot.serial_number,
            service=service,
            tier=tier,
            fee=fee,
            hold=snapshot.offer.hold if premium else None,
            return_window_days=region.window_days if premium else None,
            latest_arrival_example=due_at if premium else None,
            default_charge=snapshot.offer.hold if premium else None,
        )
