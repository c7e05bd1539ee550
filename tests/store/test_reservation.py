"""The reservation: a claim is checked and written with its use and consent in one transaction."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from domain.eligibility import Card
from domain.kinds import ClaimState, Component, Outcome, ReasonCode, Service, Tier
from domain.money import Money
from messages.claims import ClaimRefused
from messages.quoted_amounts import QuotedAmounts
from messages.record import ReserveUse, UseReserved
from store.database import Database
from store.tables.claims import ClaimRow, ConsentRow, UseRow
from tests.store.programme import ACTIVATED, NOW, Programme


async def test_a_valid_claim_is_reserved_with_its_agreed_terms(programme: Programme) -> None:
    await programme.device("m3 - 2001")
    reserved = await programme.reserve(programme.reservation("M3 2001", replace_battery=True))
    assert reserved.claim.serial_number == "m3 - 2001"
    assert reserved.claim.state is ClaimState.SUBMITTED
    assert reserved.claim.fee == Money(15900, "USD")
    assert reserved.offer.hold == Money(164000, "USD")
    assert reserved.window_days == 14
    assert reserved.time_zone == "America/Los_Angeles"
    assert Component.BATTERY in reserved.expected
    assert reserved.bindable
    assert await programme.queries.claim(reserved.claim.id) == reserved.claim
    assert await programme.uses() == (0, 1, 1)
    async with programme.database.snapshot() as session:
        consent = await session.get_one(ConsentRow, reserved.claim.id)
    assert (consent.fee, consent.hold, consent.window_days) == (15900, 164000, 14)
    assert (consent.terms_version, consent.accepted_at) == ("2025-10", NOW)


async def test_no_battery_is_expected_back_unless_it_is_replaced(programme: Programme) -> None:
    await programme.device()
    assert Component.BATTERY not in (await programme.reserve(programme.reservation())).expected


async def test_a_quote_applies_after_the_prices_change(programme: Programme) -> None:
    await programme.device()
    quote = QuotedAmounts(quote_id="q1", valid=True, fee=Money(14900, "USD"), hold=Money(150000, "USD"), window_days=12)
    reserved = await programme.reserve(programme.reservation(quote=quote))
    assert reserved.claim.fee == Money(14900, "USD")
    assert reserved.window_days == 12
    async with programme.database.snapshot() as session:
        consent = await session.get_one(ConsentRow, reserved.claim.id)
    assert (consent.quote_id, consent.fee, consent.hold, consent.window_days) == ("q1", 14900, 150000, 12)


async def test_the_second_use_costs_the_second_fee(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    await programme.dispatch(first, "M3-2002")
    await programme.close(first.claim, Outcome.HOLD_RELEASED)
    second = await programme.reserve(programme.reservation("M3-2002"))
    assert second.claim.fee == Money(19900, "USD")


async def test_a_use_given_back_costs_nothing_later(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    await programme.close(first.claim, Outcome.CANCELLED, gives_back=True)
    assert await programme.uses() == (0, 0, 2)
    assert (await programme.reserve(programme.reservation())).claim.fee == Money(15900, "USD")


async def test_a_repeated_command_returns_the_first_result_even_after_the_claim_has_progressed(
    programme: Programme,
) -> None:
    await programme.device()
    command = programme.reservation()
    first = await programme.reserve(command)
    assert await programme.reserve(command) == first
    await programme.dispatch(first, "M3-2002")
    await programme.save(replace(first.claim, state=ClaimState.AWAITING_RETURN))
    assert await programme.reserve(command) == first
    assert await programme.uses() == (1, 0, 1)


async def test_an_unknown_device_has_no_plan(programme: Programme) -> None:
    assert await programme.refused(programme.reservation("NOBODY")) == [ReasonCode.NO_PLAN]
    assert await programme.refused(programme.reservation("NO\0BODY")) == [ReasonCode.NO_PLAN]


@pytest.mark.parametrize(
    ("device", "change", "codes"),
    [
        pytest.param({"kind": None}, {}, [ReasonCode.NO_PLAN], id="no plan"),
        pytest.param(
            {},
            {"at": NOW + timedelta(days=400)},
            [ReasonCode.COVERAGE_EXPIRED],
            id="expired, and when it can be renewed",
        ),
        pytest.param(
            {},
            {"occurred_at": ACTIVATED - timedelta(days=3)},
            [ReasonCode.INCIDENT_OUTSIDE_COVERAGE],
            id="incident before cover",
        ),
        pytest.param({}, {"card": Card("visa", "debit")}, [ReasonCode.CARD_NOT_ACCEPTED], id="debit card"),
        pytest.param(
            {},
            {"country": "JP"},
            [ReasonCode.DELIVERY_OUTSIDE_REGION, ReasonCode.PREMIUM_UNAVAILABLE],
            id="Premium does not deliver there",
        ),
        pytest.param({"region": "AU"}, {"country": "AU"}, [ReasonCode.PREMIUM_UNAVAILABLE], id="no Premium in region"),
        pytest.param(
            {},
            {"country": "ZZ"},
            [ReasonCode.DELIVERY_OUTSIDE_REGION, ReasonCode.PREMIUM_UNAVAILABLE],
            id="no region serves the country",
        ),
        pytest.param(
            {"bound": False},
            {"service": Service.FLYAWAY},
            [ReasonCode.NOT_BOUND],
            id="not bound",
        ),
        pytest.param(
            {"model": "osmo-action-4", "bound": False},
            {"service": Service.FLYAWAY},
            [ReasonCode.FLYAWAY_NOT_SUPPORTED],
            id="handheld flies not",
        ),
        pytest.param(
            {"model": "phantom-4-pro"},
            {"replace_battery": True, "card": Card("visa", "prepaid")},
            [ReasonCode.BATTERY_NOT_REPLACEABLE, ReasonCode.CARD_NOT_ACCEPTED],
            id="two reasons at once",
        ),
    ],
)
async def test_a_refusal_names_every_reason_and_writes_nothing(
    programme: Programme, device: dict[str, Any], change: dict[str, Any], codes: list[ReasonCode]
) -> None:
    await programme.device(**device)
    assert await programme.refused(programme.reservation(**change)) == codes
    async with programme.database.snapshot() as session:
        for table in (ClaimRow, UseRow, ConsentRow):
            assert (await session.exec(select(table))).all() == []


@pytest.mark.parametrize("country", ["DE", "ZZ"])
@pytest.mark.parametrize("service", [Service.CARE_EXPRESS, Service.FLYAWAY])
async def test_nothing_is_shipped_outside_the_region_of_the_cover(
    programme: Programme, country: str, service: Service
) -> None:
    """R-CLM-11, edge case 53."""
    await programme.device()
    abroad = programme.reservation(service=service, tier=Tier.STANDARD, card=None, country=country)
    assert await programme.refused(abroad) == [ReasonCode.DELIVERY_OUTSIDE_REGION]


async def test_a_region_of_several_countries_delivers_to_each(programme: Programme) -> None:
    """R-CLM-11."""
    await programme.device(region="EU")
    await programme.reserve(programme.reservation(country="IE"))


async def test_a_replaced_serial_number_is_refused_in_favour_of_its_successor(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    await programme.dispatch(first, "M3-2002")
    await programme.close(first.claim, Outcome.HOLD_RELEASED)
    assert await programme.refused(programme.reservation("M3-2001")) == [ReasonCode.DEVICE_REPLACED]


async def test_an_amount_owed_blocks_the_next_claim_until_it_is_paid(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    owing = replace(first.claim, state=ClaimState.CLOSED, closed_at=NOW, amount_owed=Money(164000, "USD"))
    await programme.save(owing, 2, gives_back=True)
    assert await programme.refused(programme.reservation()) == [ReasonCode.AMOUNT_OWED]
    await programme.save(replace(owing, amount_owed=Money(0, "USD")), 3)
    await programme.reserve(programme.reservation())


async def test_of_eight_simultaneous_claims_on_one_device_exactly_one_is_accepted(programme: Programme) -> None:
    await programme.device()
    commands = [programme.reservation(service=Service.FLYAWAY if n % 2 else Service.CARE_EXPRESS) for n in range(8)]
    results = await asyncio.gather(*(programme.record.reserve_use(command) for command in commands))
    accepted = [result for result in results if isinstance(result, UseReserved)]
    refused = [result for result in results if isinstance(result, ClaimRefused)]
    assert (len(accepted), len(refused)) == (1, 7)
    for result in refused:
        assert [(r.code, r.rule) for r in result.reasons] == [(ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7")]
        assert accepted[0].claim.id in result.reasons[0].message
    assert await programme.uses() == (0, 1, 1)


async def test_of_eight_claims_from_several_processes_exactly_one_is_accepted(
    programme: Programme, database_url: str
) -> None:
    await programme.device()
    processes = [Programme(Database(database_url)) for _ in range(4)]
    commands = [programme.reservation() for _ in range(8)]
    results = await asyncio.gather(
        *(processes[n % 4].record.reserve_use(command) for n, command in enumerate(commands))
    )
    assert sum(isinstance(result, UseReserved) for result in results) == 1
    assert await programme.uses() == (0, 1, 1)
    for process in processes:
        await process.database.close()


async def test_one_claim_sent_eight_times_at_once_is_one_claim(programme: Programme) -> None:
    await programme.device()
    command = programme.reservation()
    results = await asyncio.gather(*(programme.record.reserve_use(command) for _ in range(8)))
    assert all(result == results[0] for result in results)
    assert isinstance(results[0], UseReserved)
    assert await programme.uses() == (0, 1, 1)


async def test_simultaneous_claims_on_different_devices_are_all_accepted(programme: Programme) -> None:
    for n in range(8):
        await programme.device(f"DX-200{n}")
    commands: list[ReserveUse] = [programme.reservation(f"DX-200{n}") for n in range(8)]
    results = await asyncio.gather(*(programme.record.reserve_use(command) for command in commands))
    assert all(isinstance(result, UseReserved) for result in results)


async def test_the_database_itself_allows_one_open_claim_per_lineage(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.reservation())
    async with programme.database.snapshot() as session:
        row = await session.get_one(ClaimRow, first.claim.id)
        assert row.open_lineage == first.claim.lineage_id

    async def insert_past_the_rules() -> None:
        async with programme.database.transaction() as session:
            session.add(ClaimRow(**{**row.model_dump(), "id": "clm_other"}))

    with pytest.raises(IntegrityError):
        await insert_past_the_rules()
    await programme.close(first.claim, Outcome.CANCELLED, gives_back=True)
    await insert_past_the_rules()


async def test_a_flyaway_uses_both_pools(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation(service=Service.FLYAWAY))
    assert reserved.claim.fee == Money(73900, "USD")
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert (shown.care.replacements.reserved, shown.care.flyaway.reserved, shown.care.flyaway.left) == (1, 1, 0)


async def test_a_standard_claim_has_no_hold_in_its_consent(programme: Programme) -> None:
    await programme.device(region="JP")
    reserved = await programme.reserve(programme.reservation(tier=Tier.STANDARD, card=None, country="JP"))
    assert reserved.claim.fee.currency == "JPY"
    async with programme.database.snapshot() as session:
        consent = await session.get_one(ConsentRow, reserved.claim.id)
    assert (consent.hold, consent.window_days) == (None, None)
