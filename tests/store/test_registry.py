"""Registration of devices, bindings and plans: idempotent, refused with all invalid fields."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select
from temporalio.exceptions import ApplicationError

from domain.kinds import Outcome, ReasonCode, Service, TermKind
from domain.money import Money
from messages.entitlements import ChangeOwner
from messages.registry import CheckPlan, Owner, PlanBought, PlanPriced, PlanRefused, RegisterDevice, UnbindController
from store.tables.devices import BindingRow, DeviceRow, TermRow
from store.writes.entitlements import change_owner
from tests.store.programme import ACTIVATED, FRESH, NOW, Programme


async def refusal(work: Awaitable[Any]) -> tuple[str | None, list[str]]:
    """The type of the refusal and its fields; it must not be retryable."""
    with pytest.raises(ApplicationError) as caught:
        await work
    assert caught.value.non_retryable
    assert all(field["message"] for field in caught.value.details[0])
    return caught.value.type, [field["field"] for field in caught.value.details[0]]


def register(**change: Any) -> RegisterDevice:
    fields: dict[str, Any] = {
        "serial_number": "sn - 2001",
        "model": "mavic-3",
        "region": "US",
        "owner": Owner(name="Ada", email="ada@example.com"),
        "activated_at": ACTIVATED,
        "at": NOW,
    }
    return RegisterDevice(**{**fields, **change})


async def test_a_serial_number_is_stored_as_entered_and_found_in_any_spelling(programme: Programme) -> None:
    """R-INS-5."""
    assert (
        await programme.registry.register_device(register(serial_number=" sn - 2001 "))
    ).serial_number == "sn - 2001"
    shown = await programme.queries.device("s n–2001", NOW)
    assert shown is not None
    assert shown.serial_number == "sn - 2001"
    async with programme.database.snapshot() as session:
        assert (await session.exec(select(DeviceRow.serial_number))).all() == ["SN2001"]


@pytest.mark.parametrize("serial", ["sn\n1", "sn\t1", "sn\u20281", "sn\u200b1", " - ", ""])
async def test_a_serial_number_is_printable_text_on_one_line(programme: Programme, serial: str) -> None:
    assert await refusal(programme.registry.register_device(register(serial_number=serial))) == (
        "invalid_request",
        ["serial_number"],
    )


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"model": "nothing"}, ["model"]),
        ({"region": "XX"}, ["region"]),
        ({"model": "nothing", "region": "XX", "serial_number": " "}, ["serial_number", "region", "model"]),
        ({"serial_number": "A\0B"}, ["serial_number"]),
        ({"serial_number": "A" * 65}, ["serial_number"]),
        ({"activated_at": NOW + timedelta(days=1)}, ["activated_at"]),
    ],
)
async def test_an_invalid_registration_names_every_field(
    programme: Programme, change: dict[str, Any], fields: list[str]
) -> None:
    assert await refusal(programme.registry.register_device(register(**change))) == ("invalid_request", fields)


async def test_a_serial_number_is_registered_once(programme: Programme) -> None:
    await programme.registry.register_device(register())
    again = register(at=NOW + timedelta(seconds=1))
    assert await refusal(programme.registry.register_device(again)) == ("conflict", ["serial_number"])
    otherwise = register(serial_number="SN2001")
    assert await refusal(programme.registry.register_device(otherwise)) == ("conflict", ["serial_number"])


async def test_a_repeated_registration_command_returns_the_same_device(programme: Programme) -> None:
    await asyncio.gather(*(programme.registry.register_device(register()) for _ in range(4)))
    async with programme.database.snapshot() as session:
        assert len((await session.exec(select(DeviceRow))).all()) == 1


async def test_a_new_binding_ends_the_one_before(programme: Programme) -> None:
    await programme.device(bound=False)
    first, second = NOW - timedelta(days=20), NOW - timedelta(days=10)
    await programme.bind("M3-2001", "RC1", first)
    await programme.bind("M3-2001", "RC2", second)
    await programme.bind("M3-2001", "RC2", second)
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert [(b.remote_controller, b.bound_at, b.unbound_at) for b in snapshot.bindings] == [
        ("RC1", first, second),
        ("RC2", second, None),
    ]


async def test_a_back_dated_binding_lasts_until_the_next(programme: Programme) -> None:
    await programme.device(bound=False)
    earlier, later = NOW - timedelta(days=20), NOW - timedelta(days=10)
    await programme.bind("M3-2001", "RC2", later)
    await programme.bind("M3-2001", "RC1", earlier)
    snapshot = await programme.queries.snapshot("M3-2001")
    assert snapshot is not None
    assert [(b.remote_controller, b.unbound_at) for b in snapshot.bindings] == [("RC1", later), ("RC2", None)]


async def test_invalid_bindings_are_refused(programme: Programme) -> None:
    await programme.device(bound=False)
    tomorrow = NOW + timedelta(days=1)
    assert await refusal(programme.bind("NOBODY", "RC", NOW)) == ("not_found", ["serial_number"])
    assert await refusal(programme.bind("M3-2001", "RC", tomorrow)) == ("invalid_request", ["bound_at"])
    await programme.bind("M3-2001", "RC1", NOW)
    assert await refusal(programme.bind("M3-2001", "RC2", NOW)) == ("conflict", ["bound_at"])
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002", NOW + timedelta(hours=1))
    assert await refusal(programme.bind("M3-2001", "RC1", tomorrow, tomorrow)) == ("conflict", ["serial_number"])
    await programme.bind("M3-2002", "RC1", tomorrow, tomorrow)


async def test_a_lost_drone_is_never_bound_again(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation(service=Service.FLYAWAY))
    await programme.dispatch(reserved, "M3-2002", lost=True)
    assert await refusal(programme.bind("M3-2001", "RC9", NOW)) == ("conflict", ["serial_number"])


async def test_a_new_owner_gets_the_device_unbound(programme: Programme) -> None:
    """R-XFR-1."""
    await programme.device()
    command = ChangeOwner(serial_number="m3 2001", owner=Owner(name="Bob", email="bob@example.com"), at=NOW)
    async with programme.database.transaction() as session:
        assert await change_owner(session, command) == "M3-2001"
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert (shown.owner.name, shown.binding) == ("Bob", None)


async def test_unbinding_ends_the_binding_once(programme: Programme) -> None:
    await programme.device()
    command = UnbindController(serial_number="M3-2001", at=NOW)
    for _ in range(2):
        assert (await programme.registry.unbind_controller(command)).serial_number == "M3-2001"
    later = UnbindController(serial_number="M3-2001", at=NOW + timedelta(hours=1))
    assert await refusal(programme.registry.unbind_controller(later)) == ("not_found", ["serial_number"])
    async with programme.database.snapshot() as session:
        rows = (await session.exec(select(BindingRow))).all()
    assert [row.unbound_at for row in rows] == [NOW]


async def test_cover_bought_before_activation_begins_with_it(programme: Programme) -> None:
    await programme.device(kind=None, bound=False, activated_at=None)
    bought = await programme.plans.add_plan(programme.add(programme.plan()))
    assert isinstance(bought, PlanBought)
    assert (bought.starts_on, bought.ends_on) == (None, None)
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    assert (shown.care.active, shown.warranty.ends_on) == (False, None)
    assert await programme.refused(programme.reservation()) == [ReasonCode.NO_PLAN]
    start = NOW + timedelta(days=3)
    for _ in range(2):
        await programme.activate("M3-2001", start, start)
    shown = await programme.queries.device("M3-2001", start)
    assert shown is not None
    assert shown.care.active
    assert [(p.starts_on, p.ends_on) for p in shown.care.periods] == [(date(2025, 11, 6), date(2026, 11, 6))]
    later = start + timedelta(days=1)
    assert await refusal(programme.activate("M3-2001", later, later)) == ("conflict", ["activated_at"])


async def test_a_planted_term_is_planted_once(programme: Programme) -> None:
    await programme.device()
    await programme.device("M3-2001x", kind=None)
    async with programme.database.snapshot() as session:
        terms = (await session.exec(select(TermRow))).all()
    assert [(term.kind, term.total, term.flyaway_cap) for term in terms] == [("1y", 2, 1)]


async def test_a_plan_is_priced_bought_once_and_then_refused(programme: Programme) -> None:
    await programme.device(kind=None, activated_at=FRESH)
    plan = programme.plan()
    assert await programme.plans.check_plan(CheckPlan(plan=plan, at=NOW)) == PlanPriced(price=Money(23900, "USD"))
    bought = await programme.plans.add_plan(programme.add(plan))
    assert isinstance(bought, PlanBought)
    assert (bought.starts_on, bought.ends_on) == (date(2025, 11, 3), date(2026, 11, 3))
    assert await programme.plans.add_plan(programme.add(plan)) == bought
    assert await programme.plans.check_plan(CheckPlan(plan=plan, at=NOW)) == PlanPriced(price=Money(23900, "USD"))
    other = programme.plan(plan_id="plan_2")
    for result in (
        await programme.plans.check_plan(CheckPlan(plan=other, at=NOW)),
        await programme.plans.add_plan(programme.add(other)),
    ):
        assert isinstance(result, PlanRefused)
        assert [reason.code for reason in result.reasons] == [ReasonCode.PLAN_EXISTS]


async def test_of_eight_plans_bought_at_once_one_is_added(programme: Programme) -> None:
    await programme.device(kind=None, activated_at=FRESH)
    commands = [programme.add(programme.plan(plan_id=f"plan_{n}")) for n in range(8)]
    results = await asyncio.gather(*(programme.plans.add_plan(command) for command in commands))
    assert sum(isinstance(result, PlanBought) for result in results) == 1
    async with programme.database.snapshot() as session:
        assert len((await session.exec(select(TermRow))).all()) == 1


async def test_a_plan_for_another_region_or_device_is_refused(programme: Programme) -> None:
    await programme.device(kind=None, activated_at=FRESH)
    reasons = await programme.queries.plan_refusals(TermKind.ONE_YEAR, "EU", "M3-2001", NOW)
    assert reasons is not None
    assert [reason.code for reason in reasons] == [ReasonCode.REGION_MISMATCH]
    assert await programme.queries.plan_refusals(TermKind.ONE_YEAR, None, "M3-2001", NOW) == []
    assert await programme.queries.plan_refusals(TermKind.ONE_YEAR, None, "NOBODY", NOW) is None
    checked = programme.plans.check_plan(CheckPlan(plan=programme.plan("NOBODY"), at=NOW))
    assert await refusal(checked) == ("not_found", ["serial_number"])


async def test_the_last_day_is_covered_to_its_last_second_in_the_regions_zone(programme: Programme) -> None:
    await programme.device(kind=None, region="EU", activated_at=datetime(2024, 2, 29, 12, tzinfo=UTC))
    leap_day = datetime(2024, 2, 29, 12, tzinfo=UTC)
    await programme.plans.add_plan(programme.add(programme.plan(), leap_day))
    last = datetime(2025, 2, 28, 22, 59, 59, tzinfo=UTC)
    reserved = await programme.reserve(programme.reservation(at=last, country="DE"))
    await programme.close(reserved.claim, Outcome.CANCELLED, gives_back=True)
    after = programme.reservation(at=last + timedelta(seconds=1), country="DE")
    assert await programme.refused(after) == [ReasonCode.COVERAGE_EXPIRED]


async def test_a_look_alike_of_a_registered_unit_is_registered_when_it_is_confirmed(programme: Programme) -> None:
    """R-INS-5."""
    await programme.registry.register_device(register(serial_number="SN20O1"))
    other = register(serial_number="sn-2001", at=NOW + timedelta(seconds=1))
    assert await refusal(programme.registry.register_device(other)) == ("conflict", ["serial_number_confirmed"])
    confirmed = other.model_copy(update={"serial_number_confirmed": True})
    for _ in range(2):  # repeated after a lost response
        assert (await programme.registry.register_device(confirmed)).serial_number == "sn-2001"


@pytest.mark.parametrize(
    ("serial", "named"),
    [("X", "at least 6"), ("ＳＮ２００１", "full-width"), ("SN20\r01", "scanner"), ("4006381333931", "GTIN")],
)
async def test_a_misread_serial_number_is_named(programme: Programme, serial: str, named: str) -> None:
    with pytest.raises(ApplicationError, match=named):
        await programme.registry.register_device(register(serial_number=serial))
