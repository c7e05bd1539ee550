"""A device that staff move to another region, on both databases (R-XFR-3)."""

from dataclasses import replace
from datetime import date, timedelta

from activities.entitlements import DatabaseEntitlements
from activities.renewals import DatabaseRenewals
from domain.kinds import Outcome, ReasonCode
from domain.money import Money
from messages.entitlements import MoveRegion
from messages.quoted_amounts import QuotedAmounts
from messages.registry import CheckPlan, PlanPriced
from store.tables.devices import TermRow
from tests.store.programme import ACTIVATED, NOW, Programme
from tests.store.renewals import END, CountingTransport, covered, kinds, page
from tests.store.test_plans import renewing
from tests.store.test_registry import refusal


def move(region: str = "EU", serial: str = "m3 2001") -> MoveRegion:
    return MoveRegion(serial_number=serial, region=region, reason="Moved to Berlin.", actor="staff", at=NOW)


async def moved(programme: Programme, command: MoveRegion) -> None:
    await DatabaseEntitlements(programme.database).move_region(command)


async def test_later_claims_are_of_the_new_region_and_terms_stay_as_sold(programme: Programme) -> None:
    await programme.device()
    for _ in range(2):
        await moved(programme, move())
    assert ReasonCode.DELIVERY_OUTSIDE_REGION in await programme.refused(programme.reservation())
    reserved = await programme.reserve(programme.reservation(country="DE"))
    assert (reserved.claim.region, reserved.claim.time_zone) == ("EU", "Europe/Berlin")
    assert (reserved.claim.fee.currency, reserved.offer.hold.currency, reserved.window_days) == ("EUR", "EUR", 10)
    async with programme.database.snapshot() as session:
        term = await session.get_one(TermRow, "t-M3-2001")
    assert (term.region, term.ends_on) == ("US", date(2026, 7, 26))


async def test_the_move_is_kept_with_the_device_once(programme: Programme) -> None:
    await programme.device()
    for _ in range(2):
        await moved(programme, move())
    await moved(programme, move("US"))
    shown = await programme.queries.device("M3-2001", NOW)
    assert shown is not None
    kept = [(m.from_region, m.to_region, m.actor, m.reason, m.at) for m in shown.region_moves]
    assert kept == [
        ("US", "EU", "staff", "Moved to Berlin.", NOW),
        ("EU", "US", "staff", "Moved to Berlin.", NOW),
    ]


async def test_a_device_with_an_open_case_is_not_moved_and_one_whose_case_was_closed_is(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    assert await refusal(moved(programme, move())) == ("conflict", ["region"])
    await programme.close(reserved.claim, Outcome.CANCELLED, gives_back=True)
    await moved(programme, move())
    claim = await programme.queries.claim(reserved.claim.id)
    assert claim is not None
    assert claim.region == "US"


async def test_every_unit_of_the_lineage_is_moved(programme: Programme) -> None:
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    await programme.dispatch(reserved, "M3-2002")
    await programme.close(reserved.claim, Outcome.HOLD_RELEASED)
    assert await refusal(moved(programme, move())) == ("conflict", ["region"])
    await moved(programme, move(serial="M3-2002"))
    for serial in ("M3-2001", "M3-2002"):
        shown = await programme.queries.device(serial, NOW)
        assert shown is not None
        assert (shown.region, len(shown.region_moves)) == ("EU", 1)


async def test_the_region_and_the_device_must_be_known(programme: Programme) -> None:
    await programme.device()
    assert await refusal(moved(programme, move("XX"))) == ("invalid_request", ["region"])
    assert await refusal(moved(programme, move(serial="M3-9999"))) == ("not_found", ["serial_number"])


async def test_a_quote_of_the_old_region_is_no_longer_valid(programme: Programme) -> None:
    await programme.device()
    await moved(programme, move())
    quote = QuotedAmounts(
        quote_id="quo_1", valid=True, fee=Money(15900, "USD"), hold=Money(164000, "USD"), window_days=14
    )
    assert await programme.refused(programme.reservation(country="DE", quote=quote)) == [ReasonCode.QUOTE_EXPIRED]


async def test_what_is_owed_in_another_currency_is_counted_by_itself(programme: Programme) -> None:
    """A debt that a closed case of the old region has after the move does not stop the device's page."""
    await programme.device()
    reserved = await programme.reserve(programme.reservation())
    closed = await programme.close(reserved.claim, Outcome.DEFAULT_CHARGED)
    await moved(programme, move())
    later = await programme.reserve(programme.reservation(country="DE"))
    for claim, owed in ((closed, Money(14900, "USD")), (later.claim, Money(900, "EUR"))):
        ended = await programme.close(claim, Outcome.DEFAULT_CHARGED, 10)
        await programme.save(replace(ended, amount_owed=owed), 11)
    assert ReasonCode.AMOUNT_OWED in await programme.refused(programme.reservation(country="DE"))
    assert await refusal(moved(programme, move("US"))) == ("conflict", ["region"])


async def test_the_renewal_is_sold_and_reminded_of_at_the_price_of_the_new_region(programme: Programme) -> None:
    await programme.device()
    await moved(programme, move())
    check = CheckPlan(plan=renewing(serial_number="m3 2001"), at=ACTIVATED + timedelta(days=300))
    priced = await programme.plans.check_plan(check)
    assert isinstance(priced, PlanPriced)
    assert priced.price.currency == "EUR"
    await covered(programme, 1)
    await moved(programme, move(serial="DX-2000"))
    transport = CountingTransport()
    result = await DatabaseRenewals(programme.database, transport).remind_page(page(END))
    assert kinds(result) == ["renewal_0"]
    assert "€" in transport.texts[0]
