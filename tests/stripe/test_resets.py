"""A claim whose workflow is reset to its first task sends nothing twice: the table of attempts has every answer.

localstripe remembers no key, as Stripe does not after a day: a request that were sent again would take money again.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import stripe
from temporalio.testing import WorkflowEnvironment

from activities.gateway import Gateway
from activities.payments import GatewayPayments
from activities.remote_access import RemoteAccess
from activities.stripe_gateway import StripeGateway, stripe_client
from domain.kinds import ClaimState, Outcome
from store.database import Database
from tests.payments.asks import booked
from tests.payments.house import FEE, HOLD, House, Watched
from tests.stripe.test_localstripe import SECRET, a_card

Opened = tuple[Watched, Gateway]


@pytest.fixture(params=["simulated", "stripe"])
def opened(
    request: pytest.FixtureRequest, temporal: WorkflowEnvironment, sqlite_database: Database, http: stripe.HTTPClient
) -> Callable[[], AbstractAsyncContextManager[Opened]]:
    """A claim whose replacement has left, and the gateway that it is paid over."""

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Opened]:
        house, card = House(temporal.client, database=sqlite_database), "pm_card_visa"
        gateway: Gateway = house.gateway
        if request.param == "stripe":
            server: str = request.getfixturevalue("localstripe")
            remote = StripeGateway(stripe_client(SECRET, api_base=server, http=http), sqlite_database)
            house.party = lambda _: GatewayPayments(RemoteAccess(remote, sqlite_database))
            gateway, card = remote, a_card(server)
        async with house.worker():
            case = await house.claimed(card)
            await case.dispatch()
            yield case, gateway

    return open_one


async def at_the_gateway(case: Watched, gateway: Gateway) -> Counter[tuple[str, str, int]]:
    payments = await gateway.find(case.id, at=await case.now())
    return Counter((payment.kind, payment.status, payment.captured.amount) for payment in payments)


async def in_the_books(case: Watched) -> list[tuple[str, str, int]]:
    entries = (await booked(case.house.database, case.id)).entries
    return [(line.key, line.account, line.amount) for line in entries]


async def test_a_claim_reset_to_its_first_task_after_a_day_takes_nothing_twice(
    opened: Callable[[], AbstractAsyncContextManager[Opened]],
) -> None:
    async with opened() as (case, gateway):
        await case.pass_time(days=1)
        there, books = await at_the_gateway(case, gateway), await in_the_books(case)
        assert there == {("hold", "authorized", 0): 1, ("charge", "captured", FEE): 1}
        await case.reset()
        assert (await case.claim()).state is ClaimState.AWAITING_RETURN
        assert await at_the_gateway(case, gateway) == there
        assert await in_the_books(case) == books
        await case.arrive()
        assert (await case.good_box()).outcome is Outcome.HOLD_RELEASED
        ended = {("hold", "released", 0): 1, ("charge", "captured", FEE): 1}
        assert await at_the_gateway(case, gateway) == ended
        assert await case.look() == [] or gateway is not case.house.gateway


async def test_a_claim_reset_after_its_default_charge_is_charged_once(
    temporal: WorkflowEnvironment, sqlite_database: Database
) -> None:
    """Over the simulated gateway, whose clock can be moved as the claim's."""
    house = House(temporal.client, database=sqlite_database)
    async with house.worker():
        case = await house.claimed()
        await case.dispatch()
        await case.pass_due()
        there, books = await at_the_gateway(case, house.gateway), await in_the_books(case)
        assert there[("hold", "captured", HOLD)] == 1
        await case.reset()
        await case.pass_due()
        assert (await case.claim()).state is ClaimState.DEFAULTED
        assert await at_the_gateway(case, house.gateway) == there
        assert await in_the_books(case) == books
        assert await case.look() == []
