"""A claim whose workflow is reset to its first task sends nothing twice: the table of attempts has every result.

localstripe stores no keys, as Stripe forgets them after a day: a repeated request would take money again.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import stripe
from temporalio.testing import WorkflowEnvironment

from activities.payments.activities import GatewayPayments
from activities.payments.gateway import Gateway
from activities.payments.ledgered_gateway import RemoteLedgeredGateway
from activities.payments.stripe.gateway import StripeGateway, stripe_client
from domain.kinds import ClaimState, Outcome
from store.database import Database
from tests.payments.claim_environment import FEE, HOLD, CheckedClaim, ClaimEnvironment
from tests.payments.requests import booked
from tests.stripe.test_localstripe import SECRET, a_card

Opened = tuple[CheckedClaim, Gateway]


@pytest.fixture(params=["simulated", "stripe"])
def opened(
    request: pytest.FixtureRequest, temporal: WorkflowEnvironment, sqlite_database: Database, http: stripe.HTTPClient
) -> Callable[[], AbstractAsyncContextManager[Opened]]:
    """A claim whose replacement has left, and the gateway that it is paid over."""

    @asynccontextmanager
    async def open_one() -> AsyncIterator[Opened]:
        environment, card = ClaimEnvironment(temporal.client, database=sqlite_database), "pm_card_visa"
        gateway: Gateway = environment.gateway
        if request.param == "stripe":
            server: str = request.getfixturevalue("localstripe")
            remote = StripeGateway(stripe_client(SECRET, api_base=server, http=http), sqlite_database)
            environment.payments_of = lambda _: GatewayPayments(RemoteLedgeredGateway(remote, sqlite_database))
            gateway, card = remote, a_card(server)
        async with environment.worker():
            case = await environment.claimed(card)
            await case.dispatch()
            yield case, gateway

    return open_one


async def at_the_gateway(case: CheckedClaim, gateway: Gateway) -> Counter[tuple[str, str, int]]:
    payments = await gateway.find(case.id, at=await case.now())
    return Counter((payment.kind, payment.status, payment.captured.amount) for payment in payments)


async def in_the_ledger(case: CheckedClaim) -> list[tuple[str, str, int]]:
    entries = (await booked(case.environment.database, case.id)).entries
    return [(proxy.key, proxy.account, proxy.amount) for proxy in entries]


async def test_a_claim_reset_to_its_first_task_after_a_day_charges_nothing_twice(
    opened: Callable[[], AbstractAsyncContextManager[Opened]],
) -> None:
    async with opened() as (case, gateway):
        await case.pass_time(days=1)
        there, ledger_lines = await at_the_gateway(case, gateway), await in_the_ledger(case)
        assert there == {("hold", "authorized", 0): 1, ("charge", "captured", FEE): 1}
        await case.reset()
        assert (await case.claim()).state is ClaimState.AWAITING_RETURN
        assert await at_the_gateway(case, gateway) == there
        assert await in_the_ledger(case) == ledger_lines
        await case.arrive()
        assert (await case.good_box()).outcome is Outcome.HOLD_RELEASED
        ended = {("hold", "released", 0): 1, ("charge", "captured", FEE): 1}
        assert await at_the_gateway(case, gateway) == ended
        assert await case.look() == [] or gateway is not case.environment.gateway


async def test_a_claim_reset_after_its_default_charge_is_charged_once(
    temporal: WorkflowEnvironment, sqlite_database: Database
) -> None:
    """Over the simulated gateway, whose clock can be moved as the claim's."""
    environment = ClaimEnvironment(temporal.client, database=sqlite_database)
    async with environment.worker():
        case = await environment.claimed()
        await case.dispatch()
        await case.pass_due()
        there, ledger_lines = await at_the_gateway(case, environment.gateway), await in_the_ledger(case)
        assert there[("hold", "captured", HOLD)] == 1
        await case.reset()
        await case.pass_due()
        assert (await case.claim()).state is ClaimState.DEFAULTED
        assert await at_the_gateway(case, environment.gateway) == there
        assert await in_the_ledger(case) == ledger_lines
        assert await case.look() == []
