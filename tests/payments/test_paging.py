"""All payments of the gateway, a page at a time: every one once, in an order that stays, and none changed by it."""

from datetime import timedelta

from activities.payments.gateway import Payment
from activities.payments.simulated.gateway import SimulatedGateway
from store.database import Database
from tests.payments.requests import HOLD, NOW, parties

LONG_AGO = NOW - timedelta(days=400)


async def pages(gateway: SimulatedGateway, limit: int) -> list[tuple[Payment, ...]]:
    """Every page up to the empty one, which is left out."""
    found: list[tuple[Payment, ...]] = []
    after = None
    while page := await gateway.page(after, limit=limit):
        found.append(page)
        after = page[-1].id
    return found


async def test_pages_hold_every_payment_once_whatever_their_size(database: Database) -> None:
    _, gateway = parties(database)
    for number in range(7):
        await gateway.authorize(HOLD, "pm_card_visa", subject=f"clm_{number}", key=f"k{number}", at=NOW, sent_at=NOW)
    whole = [payment for page in await pages(gateway, 100) for payment in page]
    assert {payment.reference for payment in whole} == {f"k{number}" for number in range(7)}
    in_threes = await pages(gateway, 3)
    assert [len(page) for page in in_threes] == [3, 3, 1]
    assert [payment for page in in_threes for payment in page] == whole


async def test_no_payments_are_no_page(database: Database) -> None:
    _, gateway = parties(database)
    assert await gateway.page(None, limit=3) == ()


async def test_a_page_lets_no_hold_expire(database: Database) -> None:
    """A hold expires by its own claim's clock."""
    _, gateway = parties(database)
    placed = await gateway.authorize(HOLD, "pm_card_visa", subject="clm_a", key="k0", at=LONG_AGO, sent_at=LONG_AGO)
    (page,) = await pages(gateway, 3)
    assert page == (placed,)
    assert placed.status == "authorized"


async def test_a_page_loses_no_response_and_makes_no_payment(database: Database) -> None:
    _, gateway = parties(database, lose_responses=lambda _: True)
    assert await gateway.page(None, limit=3) == ()
