"""Store: the read side, the only one. Answers with views and domain objects; changes nothing, judges by domain's rules.

Whatever Temporal is doing, these answer from what is remembered.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam
from sqlmodel import select

from domain.catalogue import Catalogue, Model
from domain.claim import Claim
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
from domain.standing import Standing, model_named
from store import catalogue
from store.claim_list import CLAIMS, ClaimFilter, InvalidCursor, Page, claim_page, read_cursor, write_cursor
from store.database import Database
from store.device_view import (
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
from store.shipping_list import ShippingFilter, ShippingKind, ShippingView, shipping_requests
from store.standing import known_device, load_standing
from store.tables import ClaimRow
from store.timeline import EventView, timeline

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
    "QuoteView",
    "ShippingFilter",
    "ShippingKind",
    "ShippingView",
    "Views",
    "WarrantyView",
    "load_standing",
]

MOST_ROWS: Final = 200
"""The longest page of a list."""
_CLAIM: Final = select(ClaimRow.document).where(ClaimRow.id == bindparam("claim_id"))


class QuoteView(View):
    """What the settlement page shows (R-EXP-4). `hold`, window and default charge are Premium's.

    `latest_arrival_example` is when the return would be due if the replacement left at the moment of asking.
    """

    serial_number: str
    service: Service
    tier: Tier | None
    fee: Money
    hold: Money | None
    return_window_days: int | None
    latest_arrival_example: datetime | None
    default_charge: Money | None


class Views:
    """Everything that can be read from one database. `now` is always the asker's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def catalogue(self) -> Catalogue:
        """The catalogue in force. Read again only when another one was loaded."""
        return await catalogue.in_force(self._database.ask)

    async def product(self, slug: str) -> Model | None:
        """The model of that slug, if there is one."""
        return model_named(await self.catalogue(), slug)

    async def standing(self, serial_number: str) -> Standing | None:
        """The device of that serial number, in any spelling, with its lineage."""
        known = await known_device(self._database.ask, serial_number)
        return known.standing if known else None

    async def device(self, serial_number: str, now: datetime) -> DeviceView | None:
        """The status page (R-STA-1) as of `now`. An earlier serial number answers with the cover of its lineage."""
        return await load_device(self._database.ask, serial_number, now)

    async def claim(self, claim_id: str) -> Claim | None:
        """The claim as it was last saved."""
        if not claim_id.isprintable():
            return None
        rows = await self._database.ask(_CLAIM, {"claim_id": claim_id})
        return CLAIMS.validate_python(rows[0][0]) if rows else None

    async def claims(
        self, wanted: ClaimFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Claim]:
        """`limit` (1 to 200) claims: newest first, or with `due_before` the latest due first.

        Raises InvalidCursor for a cursor of another making.
        """
        limit = max(1, min(limit, MOST_ROWS))
        after = read_cursor(cursor) if cursor is not None else None
        async with self._database.reading() as session:
            rows = (await session.exec(claim_page(wanted or ClaimFilter(), after, limit + 1))).all()
        shown = rows[:limit]
        following = write_cursor((shown[-1][0], shown[-1][1])) if len(rows) > limit else None
        return Page[Claim](items=tuple(CLAIMS.validate_python(row[2]) for row in shown), next_cursor=following)

    async def shipping_requests(
        self, wanted: ShippingFilter | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[ShippingView]:
        """What is to be shipped, `limit` (1 to 200) a page. Raises InvalidCursor for a cursor of another making."""
        limit = max(1, min(limit, MOST_ROWS))
        after = read_cursor(cursor) if cursor is not None else None
        async with self._database.reading() as session:
            found = await shipping_requests(session, wanted or ShippingFilter(), after, limit + 1)
        shown = found[:limit]
        following = write_cursor(shown[-1].place) if len(found) > limit else None
        return Page[ShippingView](items=tuple(shown), next_cursor=following)

    async def events(self, claim_id: str, after: int = 0) -> list[EventView]:
        """The timeline of a claim in order of writing, from behind the event numbered `after`."""
        async with self._database.reading() as session:
            return await timeline(session, claim_id, after)

    async def claim_refusals(self, application: Application, serial_number: str, now: datetime) -> list[Reason] | None:
        """Every reason why the claim cannot be made at `now`; None for an unknown serial number."""
        standing = await self.standing(serial_number)
        return None if standing is None else refusals(application, standing, now)

    async def plan_refusals(
        self, kind: TermKind, region: str | None, serial_number: str, now: datetime
    ) -> list[Reason] | None:
        """Every reason why the plan cannot be bought at `now`; None for an unknown serial number.

        `region` None means the device's own.
        """
        standing = await self.standing(serial_number)
        return None if standing is None else purchase_refusals(kind, region or standing.region.code, standing, now)

    async def renewal(self, serial_number: str, now: datetime) -> Renewal | None:
        """Whether and how the cover can be renewed at `now` (R-REN); None for an unknown serial number."""
        standing = await self.standing(serial_number)
        return None if standing is None else renewal_of(standing, now)

    async def cover_is_fixed(self, serial_number: str, now: datetime) -> str | None:
        """Why cover cannot be paused, moved or lengthened (R-PLN-5); None for an unknown serial number."""
        standing = await self.standing(serial_number)
        return None if standing is None else fixed_cover(standing, now)

    async def quote(self, service: Service, tier: Tier | None, serial_number: str, now: datetime) -> QuoteView | None:
        """What the claim would cost at `now`, whether or not it may be made (that is `claim_refusals`).

        None for an unknown serial number, and for a flyaway of a model that has no flyaway fee.
        """
        standing = await self.standing(serial_number)
        fee = service_fee(service, standing, now) if standing else None
        if standing is None or fee is None:
            return None
        premium = tier is Tier.PREMIUM and service is Service.CARE_EXPRESS
        region = standing.region
        due_at = window(now, region.window_days, region.time_zone, (), Policy()).due_at
        return QuoteView(
            serial_number=standing.serial_number,
            service=service,
            tier=tier,
            fee=fee,
            hold=standing.offer.hold if premium else None,
            return_window_days=region.window_days if premium else None,
            latest_arrival_example=due_at if premium else None,
            default_charge=standing.offer.hold if premium else None,
        )
