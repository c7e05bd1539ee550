"""A claim comes to be: judged, reserved and written in one transaction, or not at all."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from domain.eligibility import Card
from domain.kinds import Attention, ClaimState, Component, Outcome, ReasonCode, Service, TermKind, Tier
from domain.money import Money
from messages.claims import ClaimRefused, QuotedAmounts
from messages.record import ReserveUse, UseReserved
from store.database import Database
from store.tables.claims import AttentionRow, ClaimRow, ConsentRow, UseRow
from tests.store.programme import ACTIVATED, NOW, Programme, line


async def test_a_sound_claim_is_reserved_with_everything_agreed(programme: Programme) -> None:
    await programme.device("m3 - 1")
    reserved = await programme.reserve(programme.ask("M3 1", replace_battery=True))
    assert reserved.claim.serial_number == "m3 - 1"
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


async def test_without_a_replaced_battery_none_is_expected_back(programme: Programme) -> None:
    await programme.device()
    assert Component.BATTERY not in (await programme.reserve(programme.ask())).expected


async def test_the_quote_outlives_the_price_list(programme: Programme) -> None:
    await programme.device()
    quote = QuotedAmounts(quote_id="q1", valid=True, fee=Money(14900, "USD"), hold=Money(150000, "USD"), window_days=12)
    reserved = await programme.reserve(programme.ask(quote=quote))
    assert reserved.claim.fee == Money(14900, "USD")
    assert reserved.window_days == 12
    async with programme.database.snapshot() as session:
        consent = await session.get_one(ConsentRow, reserved.claim.id)
    assert (consent.quote_id, consent.fee, consent.hold, consent.window_days) == ("q1", 14900, 150000, 12)


async def test_the_second_use_costs_the_second_fee(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
    await programme.dispatch(first, "M3-2")
    await programme.close(first.claim, Outcome.HOLD_RELEASED)
    second = await programme.reserve(programme.ask("M3-2"))
    assert second.claim.fee == Money(19900, "USD")


async def test_a_use_given_back_costs_nothing_later(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
    await programme.close(first.claim, Outcome.CANCELLED, gives_back=True)
    assert await programme.uses() == (0, 0, 2)
    assert (await programme.reserve(programme.ask())).claim.fee == Money(15900, "USD")


async def test_asking_again_answers_as_the_first_time_even_when_the_claim_went_on(programme: Programme) -> None:
    await programme.device()
    ask = programme.ask()
    first = await programme.reserve(ask)
    assert await programme.reserve(ask) == first
    await programme.dispatch(first, "M3-2")
    await programme.save(replace(first.claim, state=ClaimState.AWAITING_RETURN))
    assert await programme.reserve(ask) == first
    assert await programme.uses() == (1, 0, 1)


async def test_an_unknown_device_has_no_plan(programme: Programme) -> None:
    assert await programme.refused(programme.ask("NOBODY")) == [ReasonCode.NO_PLAN]
    assert await programme.refused(programme.ask("NO\0BODY")) == [ReasonCode.NO_PLAN]


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
        pytest.param({}, {"country": "JP"}, [ReasonCode.PREMIUM_UNAVAILABLE], id="Premium does not deliver there"),
        pytest.param({"region": "AU"}, {"country": "US"}, [ReasonCode.PREMIUM_UNAVAILABLE], id="no Premium in region"),
        pytest.param({}, {"country": "ZZ"}, [ReasonCode.PREMIUM_UNAVAILABLE], id="no region serves the country"),
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
    assert await programme.refused(programme.ask(**change)) == codes
    async with programme.database.snapshot() as session:
        for table in (ClaimRow, UseRow, ConsentRow):
            assert (await session.exec(select(table))).all() == []


async def test_standard_goes_to_a_country_no_region_serves(programme: Programme) -> None:
    """R-EXP-3, edge case 53."""
    await programme.device()
    await programme.reserve(programme.ask(tier=Tier.STANDARD, card=None, country="ZZ"))


async def test_an_earlier_serial_is_pointed_to_its_successor(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
    await programme.dispatch(first, "M3-2")
    await programme.close(first.claim, Outcome.HOLD_RELEASED)
    assert await programme.refused(programme.ask("M3-1")) == [ReasonCode.DEVICE_REPLACED]


async def test_money_owed_bars_the_next_claim_until_it_is_paid(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
    owing = replace(first.claim, state=ClaimState.CLOSED, closed_at=NOW, amount_owed=Money(164000, "USD"))
    await programme.save(owing, 2, gives_back=True)
    assert await programme.refused(programme.ask()) == [ReasonCode.AMOUNT_OWED]
    await programme.save(replace(owing, amount_owed=Money(0, "USD")), 3)
    await programme.reserve(programme.ask())


async def test_of_eight_simultaneous_claims_on_one_device_exactly_one_wins(programme: Programme) -> None:
    await programme.device()
    asks = [programme.ask(service=Service.FLYAWAY if n % 2 else Service.CARE_EXPRESS) for n in range(8)]
    answers = await asyncio.gather(*(programme.record.reserve_use(ask) for ask in asks))
    won = [answer for answer in answers if isinstance(answer, UseReserved)]
    lost = [answer for answer in answers if isinstance(answer, ClaimRefused)]
    assert (len(won), len(lost)) == (1, 7)
    for answer in lost:
        assert [(r.code, r.rule) for r in answer.reasons] == [(ReasonCode.CLAIM_ALREADY_OPEN, "R-CLM-7")]
        assert won[0].claim.id in answer.reasons[0].message
    assert await programme.uses() == (0, 1, 1)


async def test_of_eight_claims_from_several_processes_exactly_one_wins(programme: Programme, database_url: str) -> None:
    await programme.device()
    offices = [Programme(Database(database_url)) for _ in range(4)]
    asks = [programme.ask() for _ in range(8)]
    answers = await asyncio.gather(*(offices[n % 4].record.reserve_use(ask) for n, ask in enumerate(asks)))
    assert sum(isinstance(answer, UseReserved) for answer in answers) == 1
    assert await programme.uses() == (0, 1, 1)
    for office in offices:
        await office.database.close()


async def test_one_claim_sent_eight_times_at_once_is_one_claim(programme: Programme) -> None:
    await programme.device()
    ask = programme.ask()
    answers = await asyncio.gather(*(programme.record.reserve_use(ask) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert isinstance(answers[0], UseReserved)
    assert await programme.uses() == (0, 1, 1)


async def test_claims_on_different_devices_do_not_hinder_each_other(programme: Programme) -> None:
    for n in range(8):
        await programme.device(f"D-{n}")
    asks: list[ReserveUse] = [programme.ask(f"D-{n}") for n in range(8)]
    answers = await asyncio.gather(*(programme.record.reserve_use(ask) for ask in asks))
    assert all(isinstance(answer, UseReserved) for answer in answers)


async def test_the_database_itself_allows_one_open_claim_per_lineage(programme: Programme) -> None:
    await programme.device()
    first = await programme.reserve(programme.ask())
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


async def test_saving_the_same_version_again_changes_nothing(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.ask())).claim
    held = replace(claim, state=ClaimState.AWAITING_DISPATCH, attention=(Attention.HOLD_AT_RISK,))
    await programme.save(held, 1, events=(line(1), line(2)))
    await programme.save(held, 1, events=(line(1), line(2)))
    await programme.save(replace(held, state=ClaimState.SUBMITTED), 1)
    await programme.save(replace(held, state=ClaimState.SUBMITTED), 0)
    assert await programme.queries.claim(claim.id) == held
    assert [event.title for event in await programme.queries.events(claim.id)] == ["note 1", "note 2"]


async def test_a_process_that_was_reset_writes_anew_and_keeps_the_old_timeline(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.ask())).claim
    await programme.save(replace(claim, state=ClaimState.AWAITING_RETURN), 7, events=(line(1), line(2, "first")))
    again = replace(claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(again, 2, run_id="run-2", events=(line(2, "second"),))
    assert await programme.queries.claim(claim.id) == again
    assert [event.title for event in await programme.queries.events(claim.id)] == ["note 1", "first 2", "second 2"]


async def test_attention_comes_and_goes_with_the_claim(programme: Programme) -> None:
    await programme.device()
    claim = (await programme.reserve(programme.ask())).claim
    both = replace(claim, attention=(Attention.HOLD_AT_RISK, Attention.FOREIGN_SERIAL))
    for version, attention in enumerate((both.attention, (Attention.FOREIGN_SERIAL, Attention.REFUND_DUE), ()), 1):
        await programme.save(replace(claim, attention=attention), version)
        async with programme.database.snapshot() as session:
            rows = await session.exec(select(AttentionRow.code).where(AttentionRow.claim_id == claim.id))
            assert set(rows) == {a.value for a in attention}


async def test_a_use_comes_back_once_and_never_after_it_was_consumed(programme: Programme) -> None:
    await programme.device(kind=TermKind.TWO_YEARS)
    first = await programme.reserve(programme.ask())
    await programme.close(first.claim, Outcome.CANCELLED, 2, gives_back=True)
    await programme.close(first.claim, Outcome.CANCELLED, 3, gives_back=True)
    assert await programme.uses() == (0, 0, 4)
    second = await programme.reserve(programme.ask())
    await programme.dispatch(second, "M3-2")
    await programme.close(second.claim, Outcome.DEFAULT_CHARGED, gives_back=True)
    assert await programme.uses("M3-2") == (1, 0, 3)


async def test_a_unit_that_left_counts_even_when_its_use_had_been_given_back(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.ask())
    await programme.close(reserved.claim, Outcome.CANCELLED, gives_back=True)
    await programme.save(replace(reserved.claim, state=ClaimState.AWAITING_DISPATCH), 1, run_id="run-2")
    await programme.dispatch(reserved, "M3-2")
    assert await programme.uses("M3-2") == (1, 0, 1)


async def test_a_claim_reopened_beside_a_newer_one_is_still_remembered(programme: Programme) -> None:
    await programme.device()
    old = await programme.reserve(programme.ask())
    await programme.close(old.claim, Outcome.CANCELLED, gives_back=True)
    new = await programme.reserve(programme.ask())
    reopened = replace(old.claim, state=ClaimState.AWAITING_DISPATCH)
    await programme.save(reopened, 1, run_id="run-2")
    assert await programme.queries.claim(old.claim.id) == reopened
    shown = await programme.queries.device("M3-1", NOW)
    assert shown is not None
    assert shown.open_claim_id == new.claim.id


async def test_a_flyaway_uses_both_pools(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.ask(service=Service.FLYAWAY))
    assert reserved.claim.fee == Money(73900, "USD")
    shown = await programme.queries.device("M3-1", NOW)
    assert shown is not None
    assert (shown.care.replacements.reserved, shown.care.flyaway.reserved, shown.care.flyaway.left) == (1, 1, 0)


async def test_standard_agrees_to_no_hold(programme: Programme) -> None:
    await programme.device(region="JP")
    reserved = await programme.reserve(programme.ask(tier=Tier.STANDARD, card=None, country="JP"))
    assert reserved.claim.fee.currency == "JPY"
    async with programme.database.snapshot() as session:
        consent = await session.get_one(ConsentRow, reserved.claim.id)
    assert (consent.hold, consent.window_days) == (None, None)
