"""Benchmarks: the measured queries and writes of a stored programme, through the product's own store package."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from activities.record import DatabaseRecord
from benchmarks.growth import programme
from domain.claim import Incident
from domain.eligibility import Card
from domain.kinds import Attention, Cause, ClaimState, Outcome, Service, Tier
from domain.policy import Policy
from messages.record import ClaimEvent, DispatchRecorded, RecordDispatch, ReserveUse, SaveClaim, UseReserved
from store.database import Database
from store.reads import catalogue
from store.reads.claim_list import ClaimFilter, write_cursor
from store.reads.due_reminders import due_page
from store.reads.ledger import ledger
from store.reads.queries import Queries
from store.reads.shipping_list import ShippingFilter

NOW: Final = datetime.combine(programme.AS_OF, datetime.min.time(), UTC) + timedelta(hours=18)
_AGES: Final = timedelta(days=700)
"""How old the claims are where a page deep in the list begins."""
_REGION: Final = "US"
Query = Callable[[int], Awaitable[Any]]


class MeasuredQueries:
    """One stored programme of `size` claims. A query takes a number, so that no two are the same."""

    def __init__(self, url: str, size: int) -> None:
        self._database = Database(url)
        self._queries = Queries(self._database)
        self._record = DatabaseRecord(self._database, Policy())
        self._size = size

    async def close(self) -> None:
        await self._database.close()

    def reads(self) -> dict[str, Query]:
        """By name. The limit of a list is what the smallest programme holds, so that all results have one length."""
        deep = write_cursor((NOW - _AGES, "clm_5"))
        return {
            "status page": lambda n: self._queries.device(self._customer(n).serial_number, NOW),
            "claim": lambda n: self._queries.claim(self._customer(n).claim_id),
            "claims, newest": self._claims(),
            "claims, deep in the list": self._claims(cursor=deep),
            "claims in a state": self._claims(state=ClaimState.CLOSED),
            "claims in a rare state": self._claims(5, state=ClaimState.AWAITING_RETURN),
            "claims of a service": self._claims(20, service=Service.MAINTENANCE),
            "claims of a device": lambda n: self._queries.claims(
                ClaimFilter(serial_number=self._customer(n).serial_number)
            ),
            "claims of a region": self._claims(region="AU"),
            "claims that need attention": self._claims(1, attention=Attention.HOLD_AT_RISK),
            "claims due before": self._claims(due_before=NOW),
            "claims due before long ago": self._claims(due_before=NOW - _AGES),
            "awaited returns due before": self._claims(2, state=ClaimState.AWAITING_RETURN, due_before=NOW),
            "claims of a region and service": self._claims(2, region="AU", service=Service.MAINTENANCE),
            "what is to be shipped": lambda n: self._queries.shipping_requests(ShippingFilter(), 5),
            "what is to be shipped in a region": lambda n: self._queries.shipping_requests(
                ShippingFilter(region="US"), 2
            ),
            "what was shipped": lambda n: self._queries.shipping_requests(ShippingFilter(open=False), 50),
            "timeline": lambda n: self._queries.events(self._customer(n).claim_id),
            "ledger of a claim": self._ledger,
            f"reminders: a page of {programme.IN_THE_WINDOW} terms": self._reminders,
        }

    async def begin(self) -> None:
        """Before the first query. Raises ValueError for a programme that was measured before: it keeps claims."""
        if await self._queries.claim(_new_claim(0)) is not None:
            raise ValueError("this programme was measured before; populate a new one")

    async def write_claim(self, number: int) -> None:
        """As `write_claim`, for the customer of that place."""
        await write_claim(self._record, number)

    def _customer(self, number: int) -> programme.Customer:
        """Far from the one before, in the whole programme."""
        return programme.customer(number * 7919 % self._size)

    def _claims(self, limit: int = 50, cursor: str | None = None, **wanted: Any) -> Query:
        chosen = ClaimFilter(**wanted)

        async def page(_number: int) -> object:
            found = await self._queries.claims(chosen, limit, cursor)
            assert len(found.items) == limit, (wanted, len(found.items))
            return found

        return page

    async def _ledger(self, number: int) -> object:
        async with self._database.snapshot() as session:
            return await ledger(session, self._customer(number).claim_id)

    async def _reminders(self, _number: int) -> object:
        async with self._database.snapshot() as session:
            region = await catalogue.region(session, _REGION)
            assert region is not None
            found = await due_page(session, region, programme.AS_OF, NOW, None, programme.IN_THE_WINDOW)
        assert found.looked_at == programme.IN_THE_WINDOW, found.looked_at
        return found


async def write_claim(record: DatabaseRecord, number: int) -> None:
    """A claim as its process writes it, on the replacement an earlier one brought: five transactions.

    One of the first customers, whose claims ended with a good return (`programme.IN_THE_WINDOW`).
    """
    customer = programme.customer(number)
    claim_id, run = _new_claim(number), f"run_new{number:08}"
    request = ReserveUse(
        claim_id=claim_id,
        service=Service.CARE_EXPRESS,
        tier=Tier.PREMIUM,
        serial_number=f"{customer.serial_number}R",
        incident=Incident(Cause.COLLISION, NOW - timedelta(days=1), "Hit a tree on landing."),
        at=NOW,
        accepted_terms=True,
        terms_version="2026-01",
        ship_to_country="US",
        card=Card("visa", "credit"),
    )
    reserved = await record.reserve_use(request)
    assert isinstance(reserved, UseReserved), reserved
    claim = replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH)
    await record.save_claim(SaveClaim(claim=claim, run_id=run, version=1, events=_events(1, 3)))
    dispatch = RecordDispatch(
        claim=claim,
        replacement_serial_number=f"{customer.serial_number}RR",
        at=NOW,
        policy=reserved.policy,
        window_days=reserved.window_days,
        expected=reserved.expected,
    )
    recorded = await record.record_dispatch(dispatch)
    assert isinstance(recorded, DispatchRecorded), recorded
    claim = replace(claim, state=ClaimState.AWAITING_RETURN, returning=recorded.returning)
    await record.save_claim(SaveClaim(claim=claim, run_id=run, version=2, events=_events(4, 2)))
    claim = replace(claim, state=ClaimState.CLOSED, outcome=Outcome.HOLD_RELEASED, closed_at=NOW)
    await record.save_claim(SaveClaim(claim=claim, run_id=run, version=3, events=_events(6, 4)))


def _new_claim(number: int) -> str:
    return f"clm_new{number:08}"


def _events(first: int, count: int) -> tuple[ClaimEvent, ...]:
    return tuple(
        ClaimEvent(seq=first + number, at=NOW, kind="note", title="The carrier has the customer's parcel.")
        for number in range(count)
    )
